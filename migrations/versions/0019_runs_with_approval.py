"""Payout runs are locked and approved before they are sent; new destinations cool off first.

Revision: 0019, after 0018.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from alembic import op

from marketplace.database.roles import grant

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

RUN_STATUS = "ck_payout_run_status"

# A hundred times the threshold: a run of ordinary weekly payouts needs nobody.
LIMITS = [
    {"currency": currency, "effective_on": date(2020, 1, 1), "amount_minor": amount_minor}
    for currency, amount_minor in (("USD", 1_000_000), ("EUR", 860_000), ("GBP", 750_000))
]

_DESTINATIONS = "'requested', 'onboarding', 'active', 'restricted', 'refused'"

# What a run of before went through, in the words of now; approved by the system, as it was.
_MOVES = (
    ("lock", "locking", "locked", ""),
    ("approve", "locked", "approved", "before runs were approved"),
    ("send", "approved", "sending", ""),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    limits = op.create_table(
        "payout_approval_limit",
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "amount_minor > 0", name=op.f("ck_payout_approval_limit_amount_positive")
        ),
        sa.PrimaryKeyConstraint("currency", "effective_on", name=op.f("pk_payout_approval_limit")),
    )
    op.bulk_insert(limits, LIMITS)
    grant(op, "SELECT", "payout_approval_limit")
    op.add_column("payout", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE payout SET asked_at = created_at")
    op.create_index(
        "ix_payout_to_ask",
        "payout",
        ["run_id"],
        postgresql_where=sa.text("status = 'reserved' AND asked_at IS NULL"),
    )
    _translate_runs()
    _let_destinations_cool()
    _hold_creators()


def _translate_runs() -> None:
    """Runs are 'sending' from their beginning, and 'done' when they were: their payouts went out."""
    op.drop_constraint(op.f(RUN_STATUS), "payout_run", type_="check")
    op.execute(
        "CREATE TEMP TABLE finished ON COMMIT DROP AS SELECT * FROM status_change"
        " WHERE thing = 'payout_run' AND event = 'finish'"
    )
    op.execute("DELETE FROM status_change WHERE thing = 'payout_run' AND event = 'finish'")
    op.execute("UPDATE status_change SET to_status = 'locking' WHERE thing = 'payout_run'")
    for event, before, after, reason in _MOVES:
        op.execute(
            "INSERT INTO status_change (thing, thing_id, event, from_status, to_status, actor,"
            f" reason, at) SELECT thing, thing_id, '{event}', '{before}', '{after}', 'system',"
            f" '{reason}', at FROM status_change WHERE thing = 'payout_run' AND event = 'create'"
            " ORDER BY id"
        )
    op.execute(
        "INSERT INTO status_change (thing, thing_id, event, from_status, to_status, actor, reason,"
        " at) SELECT thing, thing_id, event, 'sending', to_status, actor, reason, at FROM finished"
        " ORDER BY id"
    )
    op.execute("UPDATE payout_run SET status = 'sending' WHERE status = 'paying'")
    op.create_check_constraint(
        op.f(RUN_STATUS),
        "payout_run",
        "status IN ('locking', 'locked', 'approved', 'sending', 'done', 'rejected')",
    )


def _hold_creators() -> None:
    op.create_table(
        "creator_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("review_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('active', 'lifted')", name=op.f("ck_creator_hold_status")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_creator_hold_reason_given")),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_creator_hold_creator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creator_hold")),
    )
    op.create_index(
        "uq_creator_hold_active",
        "creator_hold",
        ["creator_id"],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
    )
    grant(op, "SELECT, INSERT", "creator_hold")
    grant(op, "UPDATE (status, status_at)", "creator_hold")


def _let_destinations_cool() -> None:
    """Destinations that could receive before have cooled off."""
    op.add_column("destination", sa.Column("usable_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE destination d SET usable_at = created_at - interval '72 hours' WHERE EXISTS"
        " (SELECT FROM status_change s WHERE s.thing = 'destination' AND s.thing_id = d.id"
        "  AND s.event = 'activate')"
    )
    _replace_destination_status(f"{_DESTINATIONS}, 'replaced'")
    op.create_check_constraint(
        op.f("ck_destination_active_is_usable"),
        "destination",
        "status <> 'active' OR usable_at IS NOT NULL",
    )
    _replace_current("status NOT IN ('refused', 'replaced')")


def _replace_destination_status(known: str) -> None:
    name = op.f("ck_destination_status")
    op.drop_constraint(name, "destination", type_="check")
    op.create_check_constraint(name, "destination", f"status IN ({known})")


def _replace_current(condition: str) -> None:
    op.drop_index("uq_destination_current", table_name="destination")
    op.create_index(
        "uq_destination_current",
        "destination",
        ["creator_id", "processor"],
        unique=True,
        postgresql_where=sa.text(condition),
    )


def downgrade() -> None:
    op.drop_table("creator_hold")
    _replace_current("status <> 'refused'")
    op.drop_constraint(op.f("ck_destination_active_is_usable"), "destination", type_="check")
    _replace_destination_status(_DESTINATIONS)
    op.drop_column("destination", "usable_at")
    op.drop_constraint(op.f(RUN_STATUS), "payout_run", type_="check")
    steps = "thing = 'payout_run' AND event IN ('lock', 'approve', 'reject', 'send')"
    op.execute(f"DELETE FROM status_change WHERE {steps}")
    op.execute(
        "UPDATE status_change SET from_status = replace(from_status, 'sending', 'paying'),"
        " to_status = replace(to_status, 'locking', 'paying') WHERE thing = 'payout_run'"
    )
    op.execute("UPDATE payout_run SET status = 'paying' WHERE status <> 'done'")
    op.create_check_constraint(op.f(RUN_STATUS), "payout_run", "status IN ('paying', 'done')")
    op.drop_index("ix_payout_to_ask", table_name="payout")
    op.drop_column("payout", "asked_at")
    op.drop_table("payout_approval_limit")
