"""Deposits that raise the budget of a campaign that is open.

Revision: 0013, after 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
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


def downgrade() -> None:
    op.drop_column("deposit", "raises_budget")
