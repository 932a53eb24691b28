"""People: users and their sessions, brands, creators, mail, the trace of statuses.

Revision: 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace.database.roles import grant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "brand",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brand")),
    )
    op.create_table(
        "demo_clock",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("offset_s", sa.BigInteger(), nullable=False),
        sa.Column("wanted_offset_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_demo_clock_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demo_clock")),
    )
    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("to", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'sent', 'parked')", name=op.f("ck_mail_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    op.create_index(op.f("ix_mail_next_try_at"), "mail", ["next_try_at"], unique=False)
    op.create_table(
        "status_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("thing", sa.String(), nullable=False),
        sa.Column("thing_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("from_status", sa.String(), nullable=True),
        sa.Column("to_status", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_change")),
    )
    op.create_index(
        "ix_status_change_thing", "status_change", ["thing", "thing_id", "id"], unique=False
    )
    op.create_table(
        "throttle",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_throttle")),
    )
    op.create_index(op.f("ix_throttle_until"), "throttle", ["until"], unique=False)
    op.create_table(
        "user",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("is_operator", sa.Boolean(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_user_email_lower_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("email", name=op.f("uq_user_email")),
    )
    op.create_table(
        "creator",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("payout_rhythm", sa.String(), nullable=False),
        sa.Column("payout_rhythm_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "payout_rhythm IN ('weekly', 'monthly')", name=op.f("ck_creator_payout_rhythm")
        ),
        sa.CheckConstraint("handle = lower(handle)", name=op.f("ck_creator_handle_lower_case")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_creator_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creator")),
        sa.UniqueConstraint("handle", name=op.f("uq_creator_handle")),
        sa.UniqueConstraint("user_id", name=op.f("uq_creator_user_id")),
    )
    op.create_table(
        "login_session",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_login_session_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
    )
    op.create_index(op.f("ix_login_session_user_id"), "login_session", ["user_id"], unique=False)
    op.create_table(
        "membership",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('owner')", name=op.f("ck_membership_role")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_membership_brand_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_membership_user_id")),
        sa.PrimaryKeyConstraint("user_id", "brand_id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_brand_id"), "membership", ["brand_id"], unique=False)
    grant(op, "SELECT, INSERT, UPDATE", '"user"', "login_session", "brand", "membership", "creator")
    grant(op, "SELECT, INSERT, UPDATE", "mail", "demo_clock")
    grant(op, "SELECT, INSERT, UPDATE, DELETE", "throttle")
    grant(op, "SELECT, INSERT", "status_change")  # a trace is never changed


def downgrade() -> None:
    op.drop_index(op.f("ix_membership_brand_id"), table_name="membership")
    op.drop_table("membership")
    op.drop_index(op.f("ix_login_session_user_id"), table_name="login_session")
    op.drop_table("login_session")
    op.drop_table("creator")
    op.drop_table("user")
    op.drop_index(op.f("ix_throttle_until"), table_name="throttle")
    op.drop_table("throttle")
    op.drop_index("ix_status_change_thing", table_name="status_change")
    op.drop_table("status_change")
    op.drop_index(op.f("ix_mail_next_try_at"), table_name="mail")
    op.drop_table("mail")
    op.drop_table("demo_clock")
    op.drop_table("brand")
