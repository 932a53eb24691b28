"""Disputed deposits, brands' debts, deposits that pay them; reminders and late arrivals of payouts.

Revision: 0022, after 0021.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace.database.roles import grant

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

LATE = "ck_payout_late_debt_once_arrived"
PURPOSE, NAMES = "ck_deposit_purpose", "ck_deposit_names_what_it_pays_for"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "INSERT INTO ledger.account_kind (kind, side, stores_balance, floor_minor)"
        " VALUES ('brand_debt', 1, true, 0)"
    )
    _replace_purposes("'campaign', 'challenge', 'debt'")
    op.create_table(
        "dispute",
        sa.Column("deposit_id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("dispute_ref", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_minor", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_ref", sa.String(), nullable=True),
        sa.Column("debt_minor", sa.BigInteger(), nullable=False),
        sa.Column("reinstated_minor", sa.BigInteger(), nullable=False),
        sa.Column("reinstated_ref", sa.String(), nullable=True),
        sa.Column("checks", sa.BigInteger(), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_dispute_amount_positive")),
        sa.CheckConstraint(
            "status IN ('inquiry', 'needs_response', 'under_review', 'won', 'lost', 'closed')",
            name=op.f("ck_dispute_status"),
        ),
        sa.CheckConstraint(
            "withdrawn_minor >= 0 AND (withdrawn_ref IS NULL) = (withdrawn_minor = 0)",
            name=op.f("ck_dispute_withdrawn_names_its_source"),
        ),
        sa.CheckConstraint(
            "debt_minor BETWEEN 0 AND withdrawn_minor",
            name=op.f("ck_dispute_debt_within_withdrawn"),
        ),
        sa.CheckConstraint(
            "reinstated_minor BETWEEN 0 AND withdrawn_minor"
            " AND (reinstated_ref IS NULL) = (reinstated_minor = 0)",
            name=op.f("ck_dispute_reinstated_within_withdrawn"),
        ),
        sa.ForeignKeyConstraint(["deposit_id"], ["deposit.id"], name=op.f("fk_dispute_deposit_id")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_dispute_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("dispute_ref", name=op.f("uq_dispute_dispute_ref")),
        sa.UniqueConstraint("withdrawn_ref", name=op.f("uq_dispute_withdrawn_ref")),
        sa.UniqueConstraint("reinstated_ref", name=op.f("uq_dispute_reinstated_ref")),
    )
    for column in ("deposit_id", "brand_id", "next_check_at"):
        op.create_index(op.f(f"ix_dispute_{column}"), "dispute", [column])
    grant(op, "SELECT, INSERT, UPDATE", "dispute")
    op.create_table(
        "brand_repayment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_brand_repayment_amount_positive")),
        sa.ForeignKeyConstraint(
            ["brand_id"], ["brand.id"], name=op.f("fk_brand_repayment_brand_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brand_repayment")),
    )
    op.create_index(op.f("ix_brand_repayment_brand_id"), "brand_repayment", ["brand_id"])
    grant(op, "SELECT, INSERT", "brand_repayment")  # what was repaid is never changed

    op.add_column("payout", sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payout", sa.Column("late_debt_minor", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        op.f(LATE),
        "payout",
        "late_debt_minor IS NULL OR (late_debt_minor BETWEEN 0 AND amount_minor"
        " AND status IN ('paid', 'returned'))",
    )
    op.create_index(
        "ix_payout_remind",
        "payout",
        ["remind_at"],
        postgresql_where=sa.text("status = 'unclaimed'"),
    )


def downgrade() -> None:
    op.drop_index("ix_payout_remind", table_name="payout")
    op.drop_constraint(op.f(LATE), "payout", type_="check")
    op.drop_column("payout", "late_debt_minor")
    op.drop_column("payout", "remind_at")
    op.drop_table("brand_repayment")
    op.drop_table("dispute")
    _replace_purposes("'campaign', 'challenge'")
    op.execute("DELETE FROM ledger.account_kind WHERE kind = 'brand_debt'")


def _replace_purposes(of_brands: str) -> None:
    op.drop_constraint(op.f(PURPOSE), "deposit", type_="check")
    op.create_check_constraint(
        op.f(PURPOSE), "deposit", f"purpose IN ({of_brands}, 'fund_pool', 'gift_pool')"
    )
    op.drop_constraint(op.f(NAMES), "deposit", type_="check")
    op.create_check_constraint(
        op.f(NAMES),
        "deposit",
        f"(purpose IN ({of_brands})) = (brand_id IS NOT NULL)"
        " AND (purpose = 'campaign') = (campaign_id IS NOT NULL)"
        " AND (purpose = 'challenge') = (challenge_id IS NOT NULL)",
    )
