"""Deposits that raise an open campaign's budget; the platform fee of a sale as the books have it.

Revision: 0013, after 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "deposit", sa.Column("raises_budget", sa.Boolean(), nullable=False, server_default="false")
    )
    op.alter_column("deposit", "raises_budget", server_default=None)
    op.create_check_constraint(
        op.f("ck_deposit_raises_budget"), "deposit", "NOT raises_budget OR purpose = 'campaign'"
    )
    op.execute(
        "UPDATE sale s SET platform_fee_minor = g.platform_fee_minor - coalesce("
        "  (SELECT sum(platform_fee_minor) FROM clawback WHERE earning_id = g.id), 0)"
        " FROM earning g WHERE g.id = s.earning_id"
    )


def downgrade() -> None:
    op.drop_column("deposit", "raises_budget")
