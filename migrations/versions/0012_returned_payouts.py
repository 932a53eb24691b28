"""Payouts that were paid and came back, and their creators' word that the destination is in order.

Revision: 0012, after 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STATUS, TRANSFER, SEEN = (
    "ck_payout_status",
    "ck_payout_transfer_ref_once_paid",
    "ck_payout_only_a_return_is_seen",
)
_BEFORE = "'reserved', 'sending', 'unknown', 'held', 'paid', 'failed', 'canceled'"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("payout", sa.Column("return_seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payout", sa.Column("return_seen_by", sa.String(), nullable=True))
    op.create_index(op.f("ix_payout_destination_id"), "payout", ["destination_id"])
    _replace(STATUS, f"status IN ({_BEFORE}, 'returned')")
    _replace(TRANSFER, "(status IN ('paid', 'returned')) = (transfer_ref IS NOT NULL)")
    op.create_check_constraint(
        op.f(SEEN),
        "payout",
        "(return_seen_at IS NULL) = (return_seen_by IS NULL)"
        " AND (return_seen_at IS NULL OR status = 'returned')",
    )


def downgrade() -> None:
    op.drop_constraint(op.f(SEEN), "payout", type_="check")
    _replace(TRANSFER, "(status = 'paid') = (transfer_ref IS NOT NULL)")
    _replace(STATUS, f"status IN ({_BEFORE})")
    op.drop_index(op.f("ix_payout_destination_id"), table_name="payout")
    op.drop_column("payout", "return_seen_by")
    op.drop_column("payout", "return_seen_at")


def _replace(name: str, condition: str) -> None:
    op.drop_constraint(op.f(name), "payout", type_="check")
    op.create_check_constraint(op.f(name), "payout", condition)
