"""A second rail: payouts that wait to be claimed, addresses at PayPal, money moved between rails.

Revision: 0020, after 0019.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace.database.roles import grant

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

STATUS, TRANSFER = "ck_payout_status", "ck_payout_transfer_ref_once_paid"
ACCOUNT, UNIQUE = "ck_destination_remote_account_once_opened", "uq_destination_remote_account"
OPEN = "uq_payout_open"
_OPEN = "'reserved', 'sending', 'unknown', 'held'"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "payout", sa.Column("checks", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.alter_column("payout", "checks", server_default=None)
    op.add_column("payout", sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_payout_next_check_at"), "payout", ["next_check_at"])
    _replace(
        "payout",
        STATUS,
        "status IN ('reserved', 'sending', 'unknown', 'unclaimed', 'held', 'paid', 'returned',"
        " 'failed', 'canceled')",
    )
    _replace(
        "payout",
        TRANSFER,
        "(status <> 'paid' OR transfer_ref IS NOT NULL)"
        " AND (transfer_ref IS NULL OR status IN ('paid', 'returned'))",
    )
    _index_open("'reserved', 'sending', 'unknown', 'unclaimed', 'held'")
    _replace(
        "destination",
        ACCOUNT,
        "(status <> 'requested' OR remote_account IS NULL)"
        " AND (status IN ('requested', 'refused') OR remote_account IS NOT NULL)",
    )
    op.drop_constraint(op.f(UNIQUE), "destination", type_="unique")
    op.create_index(
        UNIQUE,
        "destination",
        ["remote_account"],
        unique=True,
        postgresql_where=sa.text("processor <> 'paypal'"),
    )
    op.create_table(
        "processor_funding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_processor", sa.String(), nullable=False),
        sa.Column("to_processor", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("moved_by", sa.String(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_processor_funding_amount_positive")),
        sa.CheckConstraint(
            "from_processor <> to_processor", name=op.f("ck_processor_funding_somewhere_else")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processor_funding")),
        sa.UniqueConstraint("reference", name=op.f("uq_processor_funding_reference")),
    )
    grant(op, "SELECT, INSERT", "processor_funding")  # what was moved is never changed


def downgrade() -> None:
    op.drop_table("processor_funding")
    op.drop_index(UNIQUE, table_name="destination")
    op.create_unique_constraint(op.f(UNIQUE), "destination", ["remote_account"])
    _replace(
        "destination", ACCOUNT, "(remote_account IS NULL) = (status IN ('requested', 'refused'))"
    )
    _index_open(_OPEN)
    _replace("payout", TRANSFER, "(status IN ('paid', 'returned')) = (transfer_ref IS NOT NULL)")
    _replace("payout", STATUS, f"status IN ({_OPEN}, 'paid', 'failed', 'canceled', 'returned')")
    op.drop_index(op.f("ix_payout_next_check_at"), table_name="payout")
    op.drop_column("payout", "next_check_at")
    op.drop_column("payout", "checks")


def _replace(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(name), table, type_="check")
    op.create_check_constraint(op.f(name), table, condition)


def _index_open(statuses: str) -> None:
    op.drop_index(OPEN, table_name="payout")
    op.create_index(
        OPEN,
        "payout",
        ["creator_id", "currency"],
        unique=True,
        postgresql_where=sa.text(f"status IN ({statuses})"),
    )
