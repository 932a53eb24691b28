"""Whose schedule it is, read from an index alone: a run asks it of every balance above zero.

Revision: 0030, after 0029.
"""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index(
        "ix_creator_schedule",
        "creator",
        ["id"],
        postgresql_include=["payout_rhythm", "time_zone", "payout_rhythm_at"],
    )


def downgrade() -> None:
    op.drop_index("ix_creator_schedule", table_name="creator")
