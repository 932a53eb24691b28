"""The writer's second form: headers before balances, and one statement less per posting.

Revision: 0015, after 0014.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "ledger"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _run((SQL / "writer_2.sql").read_text())


def downgrade() -> None:
    first = (
        (SQL / "writer.sql").read_text().replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    )
    _run(first + "DROP FUNCTION ledger.accounts_of;")
    _run("REVOKE ALL ON FUNCTION ledger.locked_accounts FROM PUBLIC;")


def _run(statements: str) -> None:
    op.get_bind().connection.cursor().execute(statements)  # a file holds several statements
