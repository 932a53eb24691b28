"""Holds on earnings whose cause is contested: their money on an account of its own until decided.

Revision: 0017, after 0016.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace.database.roles import grant

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STATUS, DECIDED_BY = "ck_earning_status", "ck_earning_contested_is_decided_by"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "INSERT INTO ledger.account_kind (kind, side, stores_balance, floor_minor)"
        " VALUES ('creator_contested', -1, true, 0)"
    )
    op.add_column("earning", sa.Column("review_at", sa.DateTime(timezone=True), nullable=True))
    _replace_status("'pending', 'available', 'contested', 'reversed'")
    op.create_check_constraint(
        op.f(DECIDED_BY), "earning", "(status = 'contested') = (review_at IS NOT NULL)"
    )
    op.create_index(
        "ix_earning_review",
        "earning",
        ["review_at"],
        postgresql_where=sa.text("status = 'contested'"),
    )
    op.create_table(
        "earning_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("earning_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("review_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_earning_hold_amount_positive")),
        sa.ForeignKeyConstraint(
            ["earning_id"], ["earning.id"], name=op.f("fk_earning_hold_earning_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earning_hold")),
    )
    op.create_index(op.f("ix_earning_hold_earning_id"), "earning_hold", ["earning_id"])
    grant(op, "SELECT, INSERT", "earning_hold")  # nothing of it is ever changed


def downgrade() -> None:
    op.drop_index(op.f("ix_earning_hold_earning_id"), table_name="earning_hold")
    op.drop_table("earning_hold")
    op.drop_index("ix_earning_review", table_name="earning")
    op.drop_constraint(op.f(DECIDED_BY), "earning", type_="check")
    _replace_status("'pending', 'available', 'reversed'")
    op.drop_column("earning", "review_at")
    op.execute("DELETE FROM ledger.account_kind WHERE kind = 'creator_contested'")


def _replace_status(statuses: str) -> None:
    op.drop_constraint(op.f(STATUS), "earning", type_="check")
    op.create_check_constraint(op.f(STATUS), "earning", f"status IN ({statuses})")
