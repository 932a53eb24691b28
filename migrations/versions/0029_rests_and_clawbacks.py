"""What an operator saw who takes an earning back; how the rest of a closing account is paid.

Revision: 0029, after 0028.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace.database.roles import grant

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

STATUS = "ck_account_closing_status"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("clawback", sa.Column("evidence", sa.String(), nullable=True))
    _replace_status("'closing', 'unpayable', 'closed'", "status <> 'closed'")
    op.create_table(
        "rest_payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("paid_by", sa.String(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_rest_payment_amount_positive")),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["creator.id"], name=op.f("fk_rest_payment_creator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rest_payment")),
        sa.UniqueConstraint("reference", name=op.f("uq_rest_payment_reference")),
    )
    op.create_index(op.f("ix_rest_payment_creator_id"), "rest_payment", ["creator_id"])
    grant(op, "SELECT, INSERT", "rest_payment")  # nothing of it is ever changed


def downgrade() -> None:
    op.drop_table("rest_payment")
    op.execute("UPDATE account_closing SET status = 'closing' WHERE status = 'unpayable'")
    _replace_status("'closing', 'closed'", "status = 'closing'")
    op.drop_column("clawback", "evidence")


def _replace_status(named: str, open_: str) -> None:
    op.drop_constraint(op.f(STATUS), "account_closing", type_="check")
    op.create_check_constraint(op.f(STATUS), "account_closing", f"status IN ({named})")
    op.drop_index("ix_account_closing_open", table_name="account_closing")
    op.create_index(
        "ix_account_closing_open", "account_closing", ["id"], postgresql_where=sa.text(open_)
    )
