"""Clawbacks of earnings, what they leave as debt, and what payouts recover of it.

Revision: 0008, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace.database.roles import grant

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None

STATUS = "ck_earning_status"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "INSERT INTO ledger.account_kind (kind, side, stores_balance, floor_minor)"
        " VALUES ('creator_debt', 1, true, 0)"
    )
    op.drop_constraint(op.f(STATUS), "earning", type_="check")
    op.create_check_constraint(
        op.f(STATUS), "earning", "status IN ('pending', 'available', 'reversed')"
    )
    op.create_table(
        "clawback",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("earning_id", sa.Uuid(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("debt_minor", sa.BigInteger(), nullable=False),
        sa.Column("platform_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("source_ref", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "net_minor > 0 AND platform_fee_minor >= 0", name=op.f("ck_clawback_net_positive")
        ),
        sa.CheckConstraint(
            "debt_minor BETWEEN 0 AND net_minor", name=op.f("ck_clawback_debt_within_net")
        ),
        sa.ForeignKeyConstraint(
            ["earning_id"], ["earning.id"], name=op.f("fk_clawback_earning_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clawback")),
        sa.UniqueConstraint("source_ref", name=op.f("uq_clawback_source_ref")),
    )
    op.create_index(op.f("ix_clawback_earning_id"), "clawback", ["earning_id"])
    grant(op, "SELECT, INSERT", "clawback")  # nothing of it is ever changed
    op.add_column(
        "payout",
        sa.Column("recovered_minor", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.create_check_constraint(
        op.f("ck_payout_recovered_not_negative"), "payout", "recovered_minor >= 0"
    )


def downgrade() -> None:
    op.drop_column("payout", "recovered_minor")
    op.drop_index(op.f("ix_clawback_earning_id"), table_name="clawback")
    op.drop_table("clawback")
    op.drop_constraint(op.f(STATUS), "earning", type_="check")
    op.create_check_constraint(op.f(STATUS), "earning", "status IN ('pending', 'available')")
    op.execute("DELETE FROM ledger.account_kind WHERE kind = 'creator_debt'")
