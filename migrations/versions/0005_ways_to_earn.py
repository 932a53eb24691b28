"""Terms of what brands pay for: flat fees, commissions, prizes; who bears the platform fee.

Revision: 0005, after 0004.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KINDS = ("flat_fee", "commission", "prize")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "income_terms",
        sa.Column("fee_on_top", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    income_terms = sa.table(
        "income_terms",
        sa.column("kind", sa.String()),
        sa.column("effective_on", sa.Date()),
        sa.column("platform_fee_bps", sa.BigInteger()),
        sa.column("maturity_days", sa.BigInteger()),
        sa.column("fee_on_top", sa.Boolean()),
    )
    op.bulk_insert(
        income_terms,
        [
            _terms("flat_fee", platform_fee_bps=1000, maturity_days=0, fee_on_top=False),
            _terms("commission", platform_fee_bps=290, maturity_days=30, fee_on_top=True),
            _terms("prize", platform_fee_bps=0, maturity_days=7, fee_on_top=False),
        ],
    )


def _terms(kind: str, **terms: object) -> dict[str, object]:
    return {"kind": kind, "effective_on": date(2020, 1, 1), **terms}


def downgrade() -> None:
    op.execute(f"DELETE FROM income_terms WHERE kind IN {KINDS}")
    op.drop_column("income_terms", "fee_on_top")
