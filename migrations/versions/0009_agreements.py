"""Agreements: applications and invitations, agreements, deliverables, submissions.

Revision: 0009, after 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from marketplace.database.roles import grant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _application()
    _agreement()
    _deliverable()
    grant(op, "SELECT, INSERT, UPDATE", "application", "agreement", "deliverable")
    grant(op, "SELECT, INSERT", "submission")


def _json() -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text())


def _application() -> None:
    op.create_table(
        "application",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("form_key", sa.Uuid(), nullable=False),
        sa.Column("is_invitation", sa.Boolean(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("verdict", _json(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('submitted', 'invited', 'accepted', 'declined', 'withdrawn', 'expired')",
            name=op.f("ck_application_status"),
        ),
        sa.CheckConstraint("answer_by > asked_at", name=op.f("ck_application_time_to_answer")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_application_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_application_creator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint("form_key", name=op.f("uq_application_form_key")),
    )
    op.create_index(op.f("ix_application_campaign_id"), "application", ["campaign_id"])
    op.create_index(op.f("ix_application_creator_id"), "application", ["creator_id"])
    open_only = sa.text("status IN ('submitted', 'invited')")
    op.create_index(
        "uq_application_open",
        "application",
        ["campaign_id", "creator_id"],
        unique=True,
        postgresql_where=open_only,
    )
    op.create_index(
        "ix_application_answer", "application", ["answer_by"], postgresql_where=open_only
    )


def _agreement() -> None:
    op.create_table(
        "agreement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("brief", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("flat_fee_minor", sa.BigInteger(), nullable=True),
        sa.Column("flat_fee_terms", _json(), nullable=True),
        sa.Column("commission_bps", sa.BigInteger(), nullable=True),
        sa.Column("commission_terms", _json(), nullable=True),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("revisions_included", sa.BigInteger(), nullable=False),
        sa.Column("review_days", sa.BigInteger(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'fulfilled', 'canceled')", name=op.f("ck_agreement_status")
        ),
        sa.CheckConstraint(
            "flat_fee_minor > 0 OR commission_bps > 0", name=op.f("ck_agreement_pays_something")
        ),
        sa.CheckConstraint(
            "gross_minor >= coalesce(flat_fee_minor, 0)"
            " AND (flat_fee_minor IS NULL) = (flat_fee_terms IS NULL)"
            " AND (commission_bps IS NULL) = (commission_terms IS NULL)",
            name=op.f("ck_agreement_terms_frozen"),
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_agreement_application_id")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_agreement_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_agreement_creator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
        sa.UniqueConstraint("application_id", name=op.f("uq_agreement_application_id")),
    )
    op.create_index(op.f("ix_agreement_campaign_id"), "agreement", ["campaign_id"])
    op.create_index(op.f("ix_agreement_creator_id"), "agreement", ["creator_id"])
    op.create_index(
        "uq_agreement_living",
        "agreement",
        ["campaign_id", "creator_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'canceled'"),
    )


def _deliverable() -> None:
    op.create_table(
        "deliverable",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revisions", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('due', 'submitted', 'revision_due', 'approved', 'canceled')",
            name=op.f("ck_deliverable_status"),
        ),
        sa.CheckConstraint(
            "(status = 'submitted') = (review_by IS NOT NULL)",
            name=op.f("ck_deliverable_submitted_is_reviewed"),
        ),
        sa.CheckConstraint("revisions >= 0", name=op.f("ck_deliverable_revisions")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("fk_deliverable_agreement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliverable")),
        sa.UniqueConstraint("agreement_id", name=op.f("uq_deliverable_agreement_id")),
    )
    op.create_index(
        "ix_deliverable_review",
        "deliverable",
        ["review_by"],
        postgresql_where=sa.text("status = 'submitted'"),
    )
    op.create_index(
        "ix_deliverable_awaited",
        "deliverable",
        ["due_at"],
        postgresql_where=sa.text("status IN ('due', 'revision_due')"),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deliverable_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["deliverable_id"], ["deliverable.id"], name=op.f("fk_submission_deliverable_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint(
            "deliverable_id", "number", name=op.f("uq_submission_deliverable_id_number")
        ),
    )


def downgrade() -> None:
    for table in ("submission", "deliverable", "agreement", "application"):
        op.drop_table(table)
