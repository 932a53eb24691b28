"""Money in: campaigns, deposits, refunds, requests to processors, their webhooks.

Revision: 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from marketplace.database.roles import grant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "processor_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("subject_type", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("idem_key", sa.String(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.CheckConstraint(
            "op IN ('cs', 'rf', 'acct', 'trf')", name=op.f("ck_processor_request_op")
        ),
        sa.CheckConstraint(
            "state <> 'done' OR remote_id IS NOT NULL",
            name=op.f("ck_processor_request_done_has_remote_id"),
        ),
        sa.CheckConstraint(
            "state <> 'ready' OR first_sent_at IS NULL",
            name=op.f("ck_processor_request_ready_was_never_sent"),
        ),
        sa.CheckConstraint(
            "state IN ('ready', 'abandoned') OR first_sent_at IS NOT NULL",
            name=op.f("ck_processor_request_sent_has_a_time"),
        ),
        sa.CheckConstraint(
            "state IN ('ready', 'sent', 'unknown', 'done', 'rejected', 'abandoned', 'needs_review')",
            name=op.f("ck_processor_request_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processor_request")),
        sa.UniqueConstraint(
            "processor", "idem_key", name=op.f("uq_processor_request_processor_idem_key")
        ),
        sa.UniqueConstraint(
            "processor",
            "op",
            "subject_id",
            "attempt",
            name=op.f("uq_processor_request_processor_op_subject_id_attempt"),
        ),
    )
    op.create_index(
        "ix_processor_request_due",
        "processor_request",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('ready', 'sent', 'unknown')"),
    )
    op.create_index(
        "uq_processor_request_open",
        "processor_request",
        ["processor", "op", "subject_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('ready', 'sent', 'unknown', 'needs_review')"),
    )
    op.create_table(
        "webhook_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("object_kind", sa.String(), nullable=True),
        sa.Column("object_id", sa.String(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(handled_at IS NOT NULL) = (state IN ('done', 'ignored', 'quarantined'))",
            name=op.f("ck_webhook_event_handled_has_a_time"),
        ),
        sa.CheckConstraint(
            "state IN ('new', 'retry', 'done', 'ignored', 'quarantined', 'parked')",
            name=op.f("ck_webhook_event_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
        sa.UniqueConstraint(
            "processor",
            "livemode",
            "event_id",
            name=op.f("uq_webhook_event_processor_livemode_event_id"),
        ),
    )
    op.create_index(
        "ix_webhook_event_due",
        "webhook_event",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('new', 'retry')"),
    )
    op.create_index("ix_webhook_event_object", "webhook_event", ["object_id"], unique=False)
    op.create_table(
        "campaign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("form_key", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("brief", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("flat_fee_minor", sa.BigInteger(), nullable=True),
        sa.Column("places", sa.BigInteger(), nullable=True),
        sa.Column("budget_minor", sa.BigInteger(), nullable=True),
        sa.Column("opens_on", sa.Date(), nullable=True),
        sa.Column("closes_on", sa.Date(), nullable=True),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'awaiting_funds', 'open', 'closed', 'canceled')",
            name=op.f("ck_campaign_status"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'canceled') OR (brief <> '' AND flat_fee_minor > 0 AND places > 0 AND budget_minor >= flat_fee_minor * places AND opens_on <= closes_on AND closes_at IS NOT NULL)",
            name=op.f("ck_campaign_complete_once_submitted"),
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_campaign_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("form_key", name=op.f("uq_campaign_form_key")),
    )
    op.create_index(op.f("ix_campaign_brand_id"), "campaign", ["brand_id"], unique=False)
    op.create_index(
        "ix_campaign_closing",
        "campaign",
        ["closes_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('awaiting_funds', 'open')"),
    )
    op.create_table(
        "processor_try",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("http_status", sa.BigInteger(), nullable=True),
        sa.Column("remote_request_id", sa.String(), nullable=True),
        sa.Column("replayed", sa.Boolean(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('send', 'look_up')", name=op.f("ck_processor_try_kind")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["processor_request.id"], name=op.f("fk_processor_try_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processor_try")),
    )
    op.create_index(
        op.f("ix_processor_try_request_id"), "processor_try", ["request_id"], unique=False
    )
    op.create_table(
        "deposit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("form_key", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checkout_ref", sa.String(), nullable=True),
        sa.Column("checkout_url", sa.String(), nullable=True),
        sa.Column("charge_ref", sa.String(), nullable=True),
        sa.Column("rejection", sa.String(), nullable=True),
        sa.Column("processor_fee_minor", sa.BigInteger(), nullable=True),
        sa.Column("processor_fee_ref", sa.String(), nullable=True),
        sa.Column("checks", sa.BigInteger(), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(purpose = 'campaign') = (brand_id IS NOT NULL) AND (brand_id IS NULL) = (campaign_id IS NULL)",
            name=op.f("ck_deposit_campaign_names_brand"),
        ),
        sa.CheckConstraint(
            "(status = 'succeeded') = (charge_ref IS NOT NULL)",
            name=op.f("ck_deposit_charge_once_succeeded"),
        ),
        sa.CheckConstraint(
            "purpose IN ('campaign', 'fund_pool', 'gift_pool')", name=op.f("ck_deposit_purpose")
        ),
        sa.CheckConstraint(
            "status IN ('created', 'pending', 'succeeded', 'rejected', 'expired')",
            name=op.f("ck_deposit_status"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_deposit_amount_positive")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_deposit_brand_id")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_deposit_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["user.id"], name=op.f("fk_deposit_requested_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit")),
        sa.UniqueConstraint("charge_ref", name=op.f("uq_deposit_charge_ref")),
        sa.UniqueConstraint("checkout_ref", name=op.f("uq_deposit_checkout_ref")),
        sa.UniqueConstraint("form_key", name=op.f("uq_deposit_form_key")),
        sa.UniqueConstraint("processor_fee_ref", name=op.f("uq_deposit_processor_fee_ref")),
    )
    op.create_index(op.f("ix_deposit_brand_id"), "deposit", ["brand_id"], unique=False)
    op.create_index(op.f("ix_deposit_campaign_id"), "deposit", ["campaign_id"], unique=False)
    op.create_index(op.f("ix_deposit_next_check_at"), "deposit", ["next_check_at"], unique=False)
    op.create_table(
        "refund",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deposit_id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("form_key", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refund_ref", sa.String(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("checks", sa.BigInteger(), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('requested', 'succeeded', 'failed')", name=op.f("ck_refund_status")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_amount_positive")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_refund_brand_id")),
        sa.ForeignKeyConstraint(["deposit_id"], ["deposit.id"], name=op.f("fk_refund_deposit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("form_key", name=op.f("uq_refund_form_key")),
        sa.UniqueConstraint("refund_ref", name=op.f("uq_refund_refund_ref")),
    )
    op.create_index(op.f("ix_refund_brand_id"), "refund", ["brand_id"], unique=False)
    op.create_index(op.f("ix_refund_deposit_id"), "refund", ["deposit_id"], unique=False)
    op.create_index(op.f("ix_refund_next_check_at"), "refund", ["next_check_at"], unique=False)
    grant(op, "SELECT, INSERT, UPDATE", "campaign", "deposit", "refund")
    grant(op, "SELECT, INSERT, UPDATE", "processor_request", "webhook_event")
    grant(op, "SELECT, INSERT", "processor_try")  # what was tried is never changed


def downgrade() -> None:
    op.drop_index(op.f("ix_refund_next_check_at"), table_name="refund")
    op.drop_index(op.f("ix_refund_deposit_id"), table_name="refund")
    op.drop_index(op.f("ix_refund_brand_id"), table_name="refund")
    op.drop_table("refund")
    op.drop_index(op.f("ix_deposit_next_check_at"), table_name="deposit")
    op.drop_index(op.f("ix_deposit_campaign_id"), table_name="deposit")
    op.drop_index(op.f("ix_deposit_brand_id"), table_name="deposit")
    op.drop_table("deposit")
    op.drop_index(op.f("ix_processor_try_request_id"), table_name="processor_try")
    op.drop_table("processor_try")
    op.drop_index(
        "ix_campaign_closing",
        table_name="campaign",
        postgresql_where=sa.text("status IN ('awaiting_funds', 'open')"),
    )
    op.drop_index(op.f("ix_campaign_brand_id"), table_name="campaign")
    op.drop_table("campaign")
    op.drop_index("ix_webhook_event_object", table_name="webhook_event")
    op.drop_index(
        "ix_webhook_event_due",
        table_name="webhook_event",
        postgresql_where=sa.text("state IN ('new', 'retry')"),
    )
    op.drop_table("webhook_event")
    op.drop_index(
        "uq_processor_request_open",
        table_name="processor_request",
        postgresql_where=sa.text("state IN ('ready', 'sent', 'unknown', 'needs_review')"),
    )
    op.drop_index(
        "ix_processor_request_due",
        table_name="processor_request",
        postgresql_where=sa.text("state IN ('ready', 'sent', 'unknown')"),
    )
    op.drop_table("processor_request")
