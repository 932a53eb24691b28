"""Solvency measured day by day and shortfalls; accounts that close; sweeps of old balances.

Revision: 0025, after 0024.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from marketplace.database.roles import grant

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "solvency_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cash_minor", sa.BigInteger(), nullable=True),
        sa.Column("pending_minor", sa.BigInteger(), nullable=True),
        sa.Column("said", postgresql.JSONB(), nullable=False),
        sa.Column("clearing_minor", sa.BigInteger(), nullable=False),
        sa.Column("creators_minor", sa.BigInteger(), nullable=False),
        sa.Column("brands_minor", sa.BigInteger(), nullable=False),
        sa.Column("in_flight_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(cash_minor IS NULL) = (pending_minor IS NULL)",
            name=op.f("ck_solvency_day_cash_is_whole"),
        ),
        sa.CheckConstraint(
            "in_flight_minor >= 0", name=op.f("ck_solvency_day_in_flight_not_negative")
        ),
        sa.PrimaryKeyConstraint("day", "currency", name=op.f("pk_solvency_day")),
    )
    grant(op, "SELECT, INSERT, UPDATE", "solvency_day")
    op.create_table(
        "shortfall",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("missing_minor", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('short', 'covered')", name=op.f("ck_shortfall_status")),
        sa.CheckConstraint("missing_minor > 0", name=op.f("ck_shortfall_missing_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shortfall")),
    )
    op.create_index(
        "uq_shortfall_short",
        "shortfall",
        ["currency"],
        unique=True,
        postgresql_where=sa.text("status = 'short'"),
    )
    grant(op, "SELECT, INSERT", "shortfall")
    grant(op, "UPDATE (status, status_at, missing_minor)", "shortfall")
    _close_accounts()
    op.create_table(
        "payout_sweep",
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("adopted_by", sa.String(), nullable=False),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "rule IN ('holding_limit', 'yearly')", name=op.f("ck_payout_sweep_rule")
        ),
        sa.CheckConstraint(
            "effective_on >= (adopted_at AT TIME ZONE 'UTC')::date",
            name=op.f("ck_payout_sweep_never_backdated"),
        ),
        sa.PrimaryKeyConstraint("rule", "effective_on", name=op.f("pk_payout_sweep")),
    )
    grant(op, "SELECT, INSERT", "payout_sweep")


def _close_accounts() -> None:
    op.create_table(
        "account_closing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('closing', 'closed')", name=op.f("ck_account_closing_status")
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_account_closing_reason_given")),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_account_closing_creator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_closing")),
        sa.UniqueConstraint("creator_id", name=op.f("uq_account_closing_creator_id")),
    )
    op.create_index(
        "ix_account_closing_open",
        "account_closing",
        ["id"],
        postgresql_where=sa.text("status = 'closing'"),
    )
    grant(op, "SELECT, INSERT", "account_closing")
    grant(op, "UPDATE (status, status_at)", "account_closing")
    op.add_column("payout", sa.Column("lifted_for", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("ck_payout_lifted_for"),
        "payout",
        "lifted_for IN ('closing', 'holding_limit', 'yearly')",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_payout_lifted_for"), "payout", type_="check")
    op.drop_column("payout", "lifted_for")
    op.drop_table("payout_sweep")
    op.drop_table("account_closing")
    op.drop_table("shortfall")
    op.drop_table("solvency_day")
    op.execute("DELETE FROM status_change WHERE thing IN ('shortfall', 'account_closing')")
