"""Exchange rates as they were published; thresholds know who adopted them, when, on which rate.

Revision: 0018, after 0017.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace.database.roles import APP_ROLE, grant

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

COLUMNS = ("adopted_by", "adopted_at", "rate_on")
CHECKS = {
    "adopted": "(adopted_by IS NULL) = (adopted_at IS NULL)",
    "never_backdated": "effective_on >= (adopted_at AT TIME ZONE 'UTC')::date",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "exchange_rate",
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("per_euro", sa.Numeric(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.CheckConstraint("per_euro > 0", name=op.f("ck_exchange_rate_per_euro")),
        sa.PrimaryKeyConstraint("currency", "published_on", name=op.f("pk_exchange_rate")),
    )
    op.add_column("payout_threshold", sa.Column("adopted_by", sa.String(), nullable=True))
    op.add_column(
        "payout_threshold", sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("payout_threshold", sa.Column("rate_on", sa.Date(), nullable=True))
    for name, condition in CHECKS.items():
        op.create_check_constraint(
            op.f(f"ck_payout_threshold_{name}"), "payout_threshold", condition
        )
    op.create_foreign_key(
        op.f("fk_payout_threshold_currency_rate_on"),
        "payout_threshold",
        "exchange_rate",
        ["currency", "rate_on"],
        ["currency", "published_on"],
    )
    grant(op, "SELECT, INSERT", "exchange_rate")
    grant(op, "INSERT", "payout_threshold")


def downgrade() -> None:
    op.execute(f"REVOKE INSERT ON payout_threshold FROM {APP_ROLE}")
    for column in COLUMNS:
        op.drop_column("payout_threshold", column)
    op.drop_table("exchange_rate")
