"""The books: schema `ledger`, its guards, its one writer, and what the application's role may do.

Revision: 0001, the first.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "ledger"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    cursor = op.get_bind().connection.cursor()  # a file holds several statements
    for part in ("tables", "guards", "writer", "rights"):
        cursor.execute((SQL / f"{part}.sql").read_text())


def downgrade() -> None:
    # The role stays: it belongs to the server, and other databases may use it.
    op.execute("DROP SCHEMA ledger CASCADE")
