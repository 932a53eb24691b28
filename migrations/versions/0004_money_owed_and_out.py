"""Money owed and out: earnings, imports, destinations, payout runs, payouts.

Revision: 0004, after 0003.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from marketplace.database.roles import grant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Amounts in files are the creators' shares already: the platform takes nothing of what it pays.
TERMS = [
    {"kind": kind, "effective_on": date(2020, 1, 1), "platform_fee_bps": 0, "maturity_days": 7}
    for kind in ("fund", "gift")
]

# 100 USD, and about as much in the other currencies: fixed amounts, not a floating conversion.
THRESHOLDS = [
    {"currency": currency, "effective_on": date(2020, 1, 1), "amount_minor": amount_minor}
    for currency, amount_minor in (("USD", 10_000), ("EUR", 8_600), ("GBP", 7_500))
]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    income_terms = op.create_table(
        "income_terms",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("platform_fee_bps", sa.BigInteger(), nullable=False),
        sa.Column("maturity_days", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("maturity_days >= 0", name=op.f("ck_income_terms_maturity_days")),
        sa.CheckConstraint(
            "platform_fee_bps BETWEEN 0 AND 10000", name=op.f("ck_income_terms_platform_fee_bps")
        ),
        sa.PrimaryKeyConstraint("kind", "effective_on", name=op.f("pk_income_terms")),
    )
    op.create_table(
        "payout_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rhythm", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('paying', 'done')", name=op.f("ck_payout_run_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_run")),
        sa.UniqueConstraint(
            "rhythm", "time_zone", "period", name=op.f("uq_payout_run_rhythm_time_zone_period")
        ),
    )
    payout_threshold = op.create_table(
        "payout_threshold",
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payout_threshold_amount_positive")),
        sa.PrimaryKeyConstraint("currency", "effective_on", name=op.f("pk_payout_threshold")),
    )
    op.create_table(
        "income_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=False),
        sa.Column("form_key", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('fund', 'gift')", name=op.f("ck_income_import_kind")),
        sa.ForeignKeyConstraint(
            ["uploaded_by"], ["user.id"], name=op.f("fk_income_import_uploaded_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_income_import")),
        sa.UniqueConstraint("form_key", name=op.f("uq_income_import_form_key")),
    )
    op.create_table(
        "destination",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("remote_account", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requirements", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checks", sa.BigInteger(), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(remote_account IS NULL) = (status IN ('requested', 'refused'))",
            name=op.f("ck_destination_remote_account_once_opened"),
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'onboarding', 'active', 'restricted', 'refused')",
            name=op.f("ck_destination_status"),
        ),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_destination_creator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destination")),
        sa.UniqueConstraint("remote_account", name=op.f("uq_destination_remote_account")),
    )
    op.create_index(
        op.f("ix_destination_next_check_at"), "destination", ["next_check_at"], unique=False
    )
    op.create_index(
        "uq_destination_current",
        "destination",
        ["creator_id", "processor"],
        unique=True,
        postgresql_where=sa.text("status <> 'refused'"),
    )
    op.create_table(
        "earning",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source_ref", sa.String(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("platform_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accrued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("matures_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('pending', 'available')", name=op.f("ck_earning_status")),
        sa.CheckConstraint(
            "gross_minor = platform_fee_minor + net_minor",
            name=op.f("ck_earning_parts_sum_to_whole"),
        ),
        sa.CheckConstraint(
            "net_minor > 0 AND platform_fee_minor >= 0", name=op.f("ck_earning_net_positive")
        ),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.id"], name=op.f("fk_earning_creator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earning")),
        sa.UniqueConstraint("kind", "source_ref", name=op.f("uq_earning_kind_source_ref")),
    )
    op.create_index("ix_earning_creator", "earning", ["creator_id", "accrued_at"], unique=False)
    op.create_index(
        "ix_earning_due",
        "earning",
        ["matures_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "income_row",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("earned_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("earning_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(outcome = 'accepted') = (earning_id IS NOT NULL)",
            name=op.f("ck_income_row_accepted_earns"),
        ),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'known', 'refused')", name=op.f("ck_income_row_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_income_row_creator_id")
        ),
        sa.ForeignKeyConstraint(
            ["earning_id"], ["earning.id"], name=op.f("fk_income_row_earning_id")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["income_import.id"], name=op.f("fk_income_row_import_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_income_row")),
        sa.UniqueConstraint("earning_id", name=op.f("uq_income_row_earning_id")),
    )
    op.create_index("ix_income_row_import", "income_row", ["import_id", "line"], unique=False)
    op.create_index(
        "uq_income_row_accepted",
        "income_row",
        ["kind", "reference"],
        unique=True,
        postgresql_where=sa.text("outcome = 'accepted'"),
    )
    op.create_table(
        "payout",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("destination_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transfer_ref", sa.String(), nullable=True),
        sa.Column("hold_reason", sa.String(), nullable=True),
        sa.Column("review_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(status = 'held') = (hold_reason IS NOT NULL)", name=op.f("ck_payout_held_has_reason")
        ),
        sa.CheckConstraint(
            "(status = 'paid') = (transfer_ref IS NOT NULL)",
            name=op.f("ck_payout_transfer_ref_once_paid"),
        ),
        sa.CheckConstraint(
            "status IN ('reserved', 'sending', 'unknown', 'held', 'paid', 'failed', 'canceled')",
            name=op.f("ck_payout_status"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payout_amount_positive")),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.id"], name=op.f("fk_payout_creator_id")),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destination.id"], name=op.f("fk_payout_destination_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["payout_run.id"], name=op.f("fk_payout_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint("transfer_ref", name=op.f("uq_payout_transfer_ref")),
    )
    op.create_index(op.f("ix_payout_creator_id"), "payout", ["creator_id"], unique=False)
    op.create_index(op.f("ix_payout_run_id"), "payout", ["run_id"], unique=False)
    op.create_index(
        "uq_payout_open",
        "payout",
        ["creator_id", "currency"],
        unique=True,
        postgresql_where=sa.text("status IN ('reserved', 'sending', 'unknown', 'held')"),
    )
    op.create_table(
        "payout_run_line",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=True),
        sa.Column("blockers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "(state = 'included') = (payout_id IS NOT NULL)",
            name=op.f("ck_payout_run_line_included_pays"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'included', 'excluded')", name=op.f("ck_payout_run_line_state")
        ),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_payout_run_line_creator_id")
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payout.id"], name=op.f("fk_payout_run_line_payout_id")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["payout_run.id"], name=op.f("fk_payout_run_line_run_id")
        ),
        sa.PrimaryKeyConstraint(
            "run_id", "creator_id", "currency", name=op.f("pk_payout_run_line")
        ),
        sa.UniqueConstraint("payout_id", name=op.f("uq_payout_run_line_payout_id")),
    )
    op.create_index(
        "ix_payout_run_line_waiting",
        "payout_run_line",
        ["run_id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    grant(op, "SELECT, INSERT, UPDATE", "earning", "destination", "payout_run")
    grant(op, "SELECT, INSERT, UPDATE", "payout", "payout_run_line")
    grant(op, "SELECT, INSERT", "income_import", "income_row")
    grant(op, "SELECT", "income_terms", "payout_threshold")
    op.bulk_insert(income_terms, TERMS)
    op.bulk_insert(payout_threshold, THRESHOLDS)


def downgrade() -> None:
    op.drop_index(
        "ix_payout_run_line_waiting",
        table_name="payout_run_line",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_table("payout_run_line")
    op.drop_index(
        "uq_payout_open",
        table_name="payout",
        postgresql_where=sa.text("status IN ('reserved', 'sending', 'unknown', 'held')"),
    )
    op.drop_index(op.f("ix_payout_run_id"), table_name="payout")
    op.drop_index(op.f("ix_payout_creator_id"), table_name="payout")
    op.drop_table("payout")
    op.drop_index(
        "uq_income_row_accepted",
        table_name="income_row",
        postgresql_where=sa.text("outcome = 'accepted'"),
    )
    op.drop_index("ix_income_row_import", table_name="income_row")
    op.drop_table("income_row")
    op.drop_index(
        "ix_earning_due", table_name="earning", postgresql_where=sa.text("status = 'pending'")
    )
    op.drop_index("ix_earning_creator", table_name="earning")
    op.drop_table("earning")
    op.drop_index(
        "uq_destination_current",
        table_name="destination",
        postgresql_where=sa.text("status <> 'refused'"),
    )
    op.drop_index(op.f("ix_destination_next_check_at"), table_name="destination")
    op.drop_table("destination")
    op.drop_table("income_import")
    op.drop_table("payout_threshold")
    op.drop_table("payout_run")
    op.drop_table("income_terms")
