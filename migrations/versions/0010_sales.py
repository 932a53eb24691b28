"""Sales: shops, promo codes and links, clicks, orders, refunds of orders.

Revision: 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from marketplace.database.roles import grant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "storefront",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("form_key", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("shop_domain", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('shopify', 'woocommerce')", name=op.f("ck_storefront_kind")),
        sa.CheckConstraint(
            "shop_domain = lower(shop_domain)", name=op.f("ck_storefront_shop_domain_lower_case")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_storefront_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storefront")),
        sa.UniqueConstraint("form_key", name=op.f("uq_storefront_form_key")),
        sa.UniqueConstraint(
            "brand_id", "kind", "shop_domain", name=op.f("uq_storefront_brand_id_kind_shop_domain")
        ),
    )
    op.create_table(
        "promo_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("source_owner", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("link_token", sa.String(), nullable=False),
        sa.Column("rate_bps", sa.BigInteger(), nullable=False),
        sa.Column("platform_fee_bps", sa.BigInteger(), nullable=False),
        sa.Column("maturity_days", sa.BigInteger(), nullable=False),
        sa.Column("fee_on_top", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("rate_bps BETWEEN 100 AND 8000", name=op.f("ck_promo_code_rate_bps")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_promo_code_brand_id")),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_promo_code_creator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promo_code")),
        sa.UniqueConstraint("agreement_id", name=op.f("uq_promo_code_agreement_id")),
        sa.UniqueConstraint("link_token", name=op.f("uq_promo_code_link_token")),
    )
    op.create_index(
        "uq_promo_code_code", "promo_code", ["brand_id", sa.text("lower(code)")], unique=True
    )
    op.create_index("ix_promo_code_creator", "promo_code", ["creator_id"], unique=False)
    op.create_table(
        "click",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("promo_code_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["promo_code_id"], ["promo_code.id"], name=op.f("fk_click_promo_code_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_click")),
        sa.UniqueConstraint("token", name=op.f("uq_click_token")),
    )
    op.create_table(
        "sale",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("storefront_id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("order_ref", sa.String(), nullable=False),
        sa.Column("order_name", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("base_minor", sa.BigInteger(), nullable=True),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("codes", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("clicks", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("buyer", sa.String(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_paid", sa.Boolean(), nullable=False),
        sa.Column("is_canceled", sa.Boolean(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("promo_code_id", sa.Uuid(), nullable=True),
        sa.Column("creator_id", sa.Uuid(), nullable=True),
        sa.Column("commission_minor", sa.BigInteger(), nullable=False),
        sa.Column("platform_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_from", sa.String(), nullable=True),
        sa.Column("earning_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(creator_id IS NULL) = (promo_code_id IS NULL)", name=op.f("ck_sale_payee_has_a_code")
        ),
        sa.CheckConstraint(
            "(status = 'awaited') = (base_minor IS NULL)", name=op.f("ck_sale_known_once_recorded")
        ),
        sa.CheckConstraint(
            "status <> 'accrued' OR (earning_id IS NOT NULL AND commission_minor > 0)",
            name=op.f("ck_sale_accrued_has_an_earning"),
        ),
        sa.CheckConstraint(
            "status IN ('awaited', 'recorded', 'unfunded', 'accrued', 'unattributed', 'nothing_due')",
            name=op.f("ck_sale_status"),
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_sale_brand_id")),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.id"], name=op.f("fk_sale_creator_id")),
        sa.ForeignKeyConstraint(["earning_id"], ["earning.id"], name=op.f("fk_sale_earning_id")),
        sa.ForeignKeyConstraint(
            ["promo_code_id"], ["promo_code.id"], name=op.f("fk_sale_promo_code_id")
        ),
        sa.ForeignKeyConstraint(
            ["storefront_id"], ["storefront.id"], name=op.f("fk_sale_storefront_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale")),
        sa.UniqueConstraint("earning_id", name=op.f("uq_sale_earning_id")),
        sa.UniqueConstraint(
            "storefront_id", "order_ref", name=op.f("uq_sale_storefront_id_order_ref")
        ),
    )
    op.create_index("ix_sale_brand", "sale", ["brand_id", "id"], unique=False)
    op.create_index(
        "ix_sale_creator",
        "sale",
        ["creator_id", "id"],
        unique=False,
        postgresql_where=sa.text("creator_id IS NOT NULL"),
    )
    op.create_index(
        "ix_sale_unfunded",
        "sale",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'unfunded'"),
    )
    op.create_table(
        "sale_refund",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sale_id", sa.Uuid(), nullable=False),
        sa.Column("refund_ref", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_sale_refund_amount_not_negative")),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.id"], name=op.f("fk_sale_refund_sale_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale_refund")),
        sa.UniqueConstraint(
            "sale_id", "refund_ref", name=op.f("uq_sale_refund_sale_id_refund_ref")
        ),
    )
    op.create_index(
        "ix_webhook_event_account",
        "webhook_event",
        ["account", "id"],
        unique=False,
        postgresql_where=sa.text("account IS NOT NULL"),
    )
    grant(op, "SELECT, INSERT, UPDATE", "storefront", "promo_code", "sale")
    grant(op, "SELECT, INSERT", "click", "sale_refund")


def downgrade() -> None:
    op.drop_index("ix_webhook_event_account", table_name="webhook_event")
    op.drop_table("sale_refund")
    op.drop_table("sale")
    op.drop_table("click")
    op.drop_table("promo_code")
    op.drop_table("storefront")
