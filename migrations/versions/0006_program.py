"""Facts about creators, and the program: who applied, who takes part, by which rules.

Revision: 0006, after 0005.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from marketplace.database.roles import grant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

RULES = {
    "min_age_years": 18,
    "min_followers": 10_000,
    "min_authentic_views_30d": 100_000,
    "good_standing": True,
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _metrics()
    _facts()
    _program()
    grant(op, "SELECT, INSERT", "metric_import", "metric_import_line", "video")
    grant(op, "SELECT, INSERT, UPDATE", "channel", "channel_day", "video_day", "creator_facts")
    grant(op, "SELECT, INSERT, UPDATE", "program_application", "program_membership")
    grant(op, "SELECT", "program_rules")


def _metrics() -> None:
    op.create_table(
        "metric_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("form_key", sa.Uuid(), nullable=False),
        sa.Column("rows_new", sa.BigInteger(), nullable=False),
        sa.Column("rows_known", sa.BigInteger(), nullable=False),
        sa.Column("rows_corrected", sa.BigInteger(), nullable=False),
        sa.Column("rows_refused", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("source IN ('file', 'signed')", name=op.f("ck_metric_import_source")),
        sa.CheckConstraint(
            "(source = 'file') = (uploaded_by IS NOT NULL)",
            name=op.f("ck_metric_import_who_brought_it"),
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by"], ["user.id"], name=op.f("fk_metric_import_uploaded_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_import")),
        sa.UniqueConstraint("form_key", name=op.f("uq_metric_import_form_key")),
    )
    op.create_table(
        "metric_import_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('corrected', 'refused')", name=op.f("ck_metric_import_line_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["metric_import.id"], name=op.f("fk_metric_import_line_import_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_import_line")),
    )
    op.create_index("ix_metric_import_line_import", "metric_import_line", ["import_id", "line"])
    op.create_table(
        "channel",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("handle = lower(handle)", name=op.f("ck_channel_handle_lower_case")),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.id"], name=op.f("fk_channel_creator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel")),
        sa.UniqueConstraint("platform", "handle", name=op.f("uq_channel_platform_handle")),
    )
    op.create_index(op.f("ix_channel_creator_id"), "channel", ["creator_id"])
    op.create_table(
        "channel_day",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("followers", sa.BigInteger(), nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.Column("authentic_views", sa.BigInteger(), nullable=False),
        sa.Column("engagements", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "authentic_views BETWEEN 0 AND views", name=op.f("ck_channel_day_authentic_views")
        ),
        sa.CheckConstraint(
            "followers >= 0 AND engagements >= 0", name=op.f("ck_channel_day_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_channel_day_channel_id")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["metric_import.id"], name=op.f("fk_channel_day_import_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_day")),
        sa.UniqueConstraint("channel_id", "day", name=op.f("uq_channel_day_channel_id_day")),
    )
    op.create_table(
        "video",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("link_key", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"], name=op.f("fk_video_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video")),
        sa.UniqueConstraint("link_key", name=op.f("uq_video_link_key")),
    )
    op.create_index(op.f("ix_video_channel_id"), "video", ["channel_id"])
    op.create_table(
        "video_day",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.Column("authentic_views", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "authentic_views BETWEEN 0 AND views", name=op.f("ck_video_day_authentic_views")
        ),
        sa.ForeignKeyConstraint(["video_id"], ["video.id"], name=op.f("fk_video_day_video_id")),
        sa.ForeignKeyConstraint(
            ["import_id"], ["metric_import.id"], name=op.f("fk_video_day_import_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_day")),
        sa.UniqueConstraint("video_id", "day", name=op.f("uq_video_day_video_id_day")),
    )


def _facts() -> None:
    op.create_table(
        "creator_facts",
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("followers", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("authentic_views_30d", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("views_30d", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("engagement_bps", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("measured_on", sa.Date(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.String()), server_default="{}", nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column("member", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("standing", sa.String(), server_default="good", nullable=False),
        sa.CheckConstraint(
            "standing IN ('good', 'suspended')", name=op.f("ck_creator_facts_standing")
        ),
        sa.CheckConstraint(
            "NOT member OR standing = 'good'", name=op.f("ck_creator_facts_members_stand_well")
        ),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_creator_facts_creator_id")
        ),
        sa.PrimaryKeyConstraint("creator_id", name=op.f("pk_creator_facts")),
    )
    op.create_index("ix_creator_facts_as_of", "creator_facts", ["as_of"])


def _program() -> None:
    program_rules = op.create_table(
        "program_rules",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("criteria", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_program_rules")),
        sa.UniqueConstraint("effective_on", name=op.f("uq_program_rules_effective_on")),
    )
    first = {"version": 1, "effective_on": date(2020, 1, 1), "criteria": RULES}
    op.bulk_insert(program_rules, [first])
    op.create_table(
        "program_application",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("form_key", sa.Uuid(), nullable=False),
        sa.Column("rules_version", sa.BigInteger(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("verdict", postgresql.JSONB(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_facts", postgresql.JSONB(), nullable=True),
        sa.Column("decided_verdict", postgresql.JSONB(), nullable=True),
        sa.Column("reason_code", sa.String(), nullable=True),
        sa.Column("reason_text", sa.String(), nullable=False),
        sa.Column("reapply", sa.String(), nullable=True),
        sa.Column("reapply_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('submitted', 'approved', 'rejected')",
            name=op.f("ck_program_application_status"),
        ),
        sa.CheckConstraint(
            "(status = 'submitted') = (decided_facts IS NULL)"
            " AND (decided_facts IS NULL) = (decided_verdict IS NULL)",
            name=op.f("ck_program_application_decided_on_facts"),
        ),
        sa.CheckConstraint(
            "(status = 'rejected') = (reason_code IS NOT NULL)"
            " AND (status = 'rejected') = (reapply IS NOT NULL)",
            name=op.f("ck_program_application_rejected_with_reason"),
        ),
        sa.CheckConstraint(
            "(reapply_at IS NOT NULL) = (reapply IS NOT NULL AND reapply <> 'never')",
            name=op.f("ck_program_application_reapply_at"),
        ),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_program_application_creator_id")
        ),
        sa.ForeignKeyConstraint(
            ["rules_version"],
            ["program_rules.version"],
            name=op.f("fk_program_application_rules_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_application")),
        sa.UniqueConstraint("form_key", name=op.f("uq_program_application_form_key")),
    )
    op.create_index("ix_program_application_creator", "program_application", ["creator_id"])
    op.create_index(
        "uq_program_application_submitted",
        "program_application",
        ["creator_id"],
        unique=True,
        postgresql_where=sa.text("status = 'submitted'"),
    )
    op.create_table(
        "program_membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=True),
        sa.Column("reason_text", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'suspended')", name=op.f("ck_program_membership_status")
        ),
        sa.CheckConstraint(
            "(status = 'suspended') = (reason_code IS NOT NULL)",
            name=op.f("ck_program_membership_suspended_with_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_program_membership_creator_id")
        ),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["program_application.id"],
            name=op.f("fk_program_membership_application_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_membership")),
        sa.UniqueConstraint("creator_id", name=op.f("uq_program_membership_creator_id")),
        sa.UniqueConstraint("application_id", name=op.f("uq_program_membership_application_id")),
    )


def downgrade() -> None:
    for table in (
        *("program_membership", "program_application", "program_rules", "creator_facts"),
        *("video_day", "video", "channel_day", "channel", "metric_import_line", "metric_import"),
    ):
        op.drop_table(table)
