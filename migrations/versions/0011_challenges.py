"""Challenges and contests: their entries, their result sheets, and the deposits that fund them.

Revision: 0011, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from marketplace.database.roles import grant

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ONE_PURPOSE = (
    "(purpose IN ('campaign', 'challenge')) = (brand_id IS NOT NULL)"
    " AND (purpose = 'campaign') = (campaign_id IS NOT NULL)"
    " AND (purpose = 'challenge') = (challenge_id IS NOT NULL)"
)
_CAMPAIGN_ALONE = (
    "(purpose = 'campaign') = (brand_id IS NOT NULL) AND (brand_id IS NULL) = (campaign_id IS NULL)"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _challenge()
    _entry()
    _sheet()
    op.add_column("deposit", sa.Column("challenge_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_deposit_challenge_id"), "deposit", ["challenge_id"])
    op.create_foreign_key(
        op.f("fk_deposit_challenge_id"), "deposit", "challenge", ["challenge_id"], ["id"]
    )
    op.drop_constraint(op.f("ck_deposit_purpose"), "deposit")
    op.drop_constraint(op.f("ck_deposit_campaign_names_brand"), "deposit")
    purposes = "purpose IN ('campaign', 'challenge', 'fund_pool', 'gift_pool')"
    op.create_check_constraint(op.f("ck_deposit_purpose"), "deposit", purposes)
    op.create_check_constraint(op.f("ck_deposit_names_what_it_pays_for"), "deposit", _ONE_PURPOSE)
    grant(op, "SELECT, INSERT, UPDATE", "challenge", "challenge_entry")
    grant(op, "SELECT, INSERT", "result_sheet", "result_row")  # what was shown is never changed


def _challenge() -> None:
    op.create_table(
        "challenge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("form_key", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ranked_by", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("brief", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("pool_minor", sa.BigInteger(), nullable=True),
        sa.Column("prizes_minor", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("criteria", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("opens_on", sa.Date(), nullable=True),
        sa.Column("closes_on", sa.Date(), nullable=True),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rules", sa.String(), nullable=True),
        sa.Column("rules_sha256", sa.String(), nullable=True),
        sa.Column("platform_fee_bps", sa.BigInteger(), nullable=True),
        sa.Column("maturity_days", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'awaiting_funds', 'open', 'judging', 'provisional', 'awarded',"
            " 'canceled')",
            name=op.f("ck_challenge_status"),
        ),
        sa.CheckConstraint("kind IN ('challenge', 'contest')", name=op.f("ck_challenge_kind")),
        sa.CheckConstraint("ranked_by IN ('views', 'scores')", name=op.f("ck_challenge_ranked_by")),
        sa.CheckConstraint(
            "kind = 'contest' OR ranked_by = 'views'", name=op.f("ck_challenge_pool_goes_by_views")
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'canceled') OR (brief <> '' AND pool_minor > 0"
            " AND (kind = 'contest') = (cardinality(prizes_minor) > 0)"
            " AND opens_on <= closes_on AND closes_at IS NOT NULL)",
            name=op.f("ck_challenge_complete_once_submitted"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'awaiting_funds', 'canceled') OR (rules IS NOT NULL"
            " AND rules_sha256 IS NOT NULL AND platform_fee_bps IS NOT NULL"
            " AND maturity_days IS NOT NULL)",
            name=op.f("ck_challenge_rules_frozen_once_open"),
        ),
        sa.CheckConstraint(
            "(due_at IS NOT NULL) ="
            " (status IN ('awaiting_funds', 'open', 'judging', 'provisional'))",
            name=op.f("ck_challenge_due_while_it_waits"),
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_challenge_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_challenge")),
        sa.UniqueConstraint("form_key", name=op.f("uq_challenge_form_key")),
    )
    op.create_index(op.f("ix_challenge_brand_id"), "challenge", ["brand_id"])
    op.create_index("ix_challenge_due", "challenge", ["due_at"])


def _entry() -> None:
    op.create_table(
        "challenge_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("challenge_id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("link_key", sa.String(), nullable=False),
        sa.Column("verdict", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=True),
        sa.Column("disqualified_for", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('valid', 'disqualified')", name=op.f("ck_challenge_entry_status")
        ),
        sa.CheckConstraint("score >= 0", name=op.f("ck_challenge_entry_score")),
        sa.CheckConstraint(
            "(status = 'disqualified') = (disqualified_for IS NOT NULL)",
            name=op.f("ck_challenge_entry_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["challenge_id"], ["challenge.id"], name=op.f("fk_challenge_entry_challenge_id")
        ),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_challenge_entry_creator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_challenge_entry")),
        sa.UniqueConstraint(
            "challenge_id", "creator_id", name=op.f("uq_challenge_entry_challenge_id_creator_id")
        ),
        sa.UniqueConstraint(
            "challenge_id", "link_key", name=op.f("uq_challenge_entry_challenge_id_link_key")
        ),
    )
    op.create_index(op.f("ix_challenge_entry_creator_id"), "challenge_entry", ["creator_id"])


def _sheet() -> None:
    op.create_table(
        "result_sheet",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("challenge_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("returned_minor", sa.BigInteger(), nullable=False),
        sa.Column("because", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_result_sheet_version")),
        sa.CheckConstraint(
            "method IN ('ranked', 'pooled', 'split')", name=op.f("ck_result_sheet_method")
        ),
        sa.CheckConstraint("returned_minor >= 0", name=op.f("ck_result_sheet_returned")),
        sa.ForeignKeyConstraint(
            ["challenge_id"], ["challenge.id"], name=op.f("fk_result_sheet_challenge_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_sheet")),
        sa.UniqueConstraint(
            "challenge_id", "version", name=op.f("uq_result_sheet_challenge_id_version")
        ),
    )
    op.create_table(
        "result_row",
        sa.Column("sheet_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=True),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.Column("prize_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "prize_minor >= 0 AND rank > 0", name=op.f("ck_result_row_prize_and_rank")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["challenge_entry.id"], name=op.f("fk_result_row_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["sheet_id"], ["result_sheet.id"], name=op.f("fk_result_row_sheet_id")
        ),
        sa.PrimaryKeyConstraint("sheet_id", "entry_id", name=op.f("pk_result_row")),
    )
    op.create_index(op.f("ix_result_row_entry_id"), "result_row", ["entry_id"])


def downgrade() -> None:
    op.drop_constraint(op.f("ck_deposit_names_what_it_pays_for"), "deposit")
    op.drop_constraint(op.f("ck_deposit_purpose"), "deposit")
    op.create_check_constraint(
        op.f("ck_deposit_purpose"), "deposit", "purpose IN ('campaign', 'fund_pool', 'gift_pool')"
    )
    op.create_check_constraint(op.f("ck_deposit_campaign_names_brand"), "deposit", _CAMPAIGN_ALONE)
    op.drop_column("deposit", "challenge_id")
    op.drop_table("result_row")
    op.drop_table("result_sheet")
    op.drop_table("challenge_entry")
    op.drop_table("challenge")
