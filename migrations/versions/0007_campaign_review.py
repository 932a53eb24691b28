"""Campaigns are reviewed, have criteria, and may pay a commission.

Revision: 0007, after 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATUSES = (
    "status IN ('draft', 'in_review', 'rejected', 'awaiting_funds', 'open', 'closed', 'canceled')"
)
COMPLETE = (
    "status IN ('draft', 'canceled') OR (brief <> ''"
    " AND num_nulls(places, budget_minor, opens_on, closes_on, closes_at) = 0"
    " AND num_nonnulls(flat_fee_minor, commission_bps) > 0 AND places > 0 AND budget_minor > 0"
    " AND coalesce(flat_fee_minor > 0, true) AND opens_on <= closes_on"
    " AND budget_minor >= coalesce(flat_fee_minor, 0) * places)"
)
STATUSES_BEFORE = "status IN ('draft', 'awaiting_funds', 'open', 'closed', 'canceled')"
COMPLETE_BEFORE = (
    "status IN ('draft', 'canceled') OR (brief <> '' AND flat_fee_minor > 0 AND places > 0"
    " AND budget_minor >= flat_fee_minor * places AND opens_on <= closes_on"
    " AND closes_at IS NOT NULL)"
)
DATED = "status IN ('in_review', 'awaiting_funds', 'open')"
DATED_BEFORE = "status IN ('awaiting_funds', 'open')"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("campaign", sa.Column("commission_bps", sa.BigInteger(), nullable=True))
    op.add_column(
        "campaign",
        sa.Column("criteria", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'")),
    )
    op.alter_column("campaign", "criteria", server_default=None)
    _constrain(STATUSES, COMPLETE, DATED)
    op.create_check_constraint(
        op.f("ck_campaign_commission_bps"), "campaign", "commission_bps BETWEEN 100 AND 8000"
    )


def _constrain(statuses: str, complete: str, dated: str) -> None:
    op.drop_constraint(op.f("ck_campaign_status"), "campaign")
    op.drop_constraint(op.f("ck_campaign_complete_once_submitted"), "campaign")
    op.drop_index("ix_campaign_closing", table_name="campaign")
    op.create_check_constraint(op.f("ck_campaign_status"), "campaign", statuses)
    op.create_check_constraint(op.f("ck_campaign_complete_once_submitted"), "campaign", complete)
    op.create_index(
        "ix_campaign_closing", "campaign", ["closes_at"], postgresql_where=sa.text(dated)
    )


def downgrade() -> None:
    _constrain(STATUSES_BEFORE, COMPLETE_BEFORE, DATED_BEFORE)
    op.drop_constraint(op.f("ck_campaign_commission_bps"), "campaign")
    op.drop_column("campaign", "criteria")
    op.drop_column("campaign", "commission_bps")
