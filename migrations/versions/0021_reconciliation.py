"""What the processors say moved our money, and what of it our books do not say.

Revision: 0021, after 0020.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace.database.roles import grant

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

STATES = "'events', 'movements', 'asking', 'settling', 'done'"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "balance_transaction",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("object_kind", sa.String(), nullable=True),
        sa.Column("object_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balance_transaction")),
        sa.UniqueConstraint(
            "processor", "remote_id", name=op.f("uq_balance_transaction_processor_remote_id")
        ),
    )
    op.create_index(
        "ix_balance_transaction_created_at", "balance_transaction", ["processor", "created_at"]
    )
    _run()
    _difference()
    grant(op, "SELECT, INSERT", "balance_transaction")  # what was listed is never changed
    grant(op, "SELECT, INSERT, UPDATE", "reconciliation_run", "reconciliation_difference")


def _run() -> None:
    op.create_table(
        "reconciliation_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=True),
        sa.Column("events_found", sa.BigInteger(), nullable=False),
        sa.Column("movements_found", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("differences_found", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_reconciliation_run_state")),
        sa.CheckConstraint(
            "(state = 'done') = (finished_at IS NOT NULL)",
            name=op.f("ck_reconciliation_run_done_has_a_time"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_run")),
        sa.UniqueConstraint("processor", "day", name=op.f("uq_reconciliation_run_processor_day")),
    )
    op.create_index(
        "uq_reconciliation_run_under_way",
        "reconciliation_run",
        ["processor"],
        unique=True,
        postgresql_where=sa.text("state <> 'done'"),
    )


def _difference() -> None:
    op.create_table(
        "reconciliation_difference",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("leg", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("theirs_minor", sa.BigInteger(), nullable=False),
        sa.Column("ours_minor", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'explained', 'closed')",
            name=op.f("ck_reconciliation_difference_status"),
        ),
        sa.CheckConstraint(
            "leg IN ('books', 'inbox')", name=op.f("ck_reconciliation_difference_leg")
        ),
        sa.CheckConstraint(
            "theirs_minor <> ours_minor", name=op.f("ck_reconciliation_difference_differs")
        ),
        sa.CheckConstraint(
            "status <> 'explained' OR note <> ''",
            name=op.f("ck_reconciliation_difference_explained_with_a_note"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_difference")),
    )
    op.create_index(
        "uq_reconciliation_difference_standing",
        "reconciliation_difference",
        ["processor", "leg", "day", "currency", "type"],
        unique=True,
        postgresql_where=sa.text("status <> 'closed'"),
    )


def downgrade() -> None:
    op.drop_table("reconciliation_difference")
    op.drop_table("reconciliation_run")
    op.drop_table("balance_transaction")
