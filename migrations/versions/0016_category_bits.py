"""The categories of a creator as one number, a bit for each; matching reads that, not the array.

Revision: 0016, after 0015.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEX, TABLE = "ix_creator_facts_members", "creator_facts"
CATEGORIES = (
    *("beauty", "education", "family", "fashion", "fitness", "food", "gaming", "home"),
    *("music", "outdoors", "pets", "tech", "travel"),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    bits = " | ".join(
        f"(('{name}'::text = ANY (categories::text[]))::integer << {place})"
        for place, name in enumerate(CATEGORIES)
    )
    computed = sa.Computed(f"({bits})::bigint", persisted=True)
    op.add_column(TABLE, sa.Column("category_bits", sa.BigInteger(), computed, nullable=False))
    _index(
        *("followers", "engagement_bps", "category_bits", "creator_id"),
        *("measured_on", "born_on", "country", "standing"),
    )


def downgrade() -> None:
    _index(
        *("creator_id", "followers", "engagement_bps", "measured_on", "country"),
        *("categories", "born_on", "standing"),
    )
    op.drop_column(TABLE, "category_bits")


def _index(*held: str) -> None:
    op.drop_index(INDEX, TABLE)
    op.create_index(
        INDEX,
        TABLE,
        ["authentic_views_30d"],
        postgresql_where=sa.text("member"),
        postgresql_include=list(held),
    )
