"""Disputes of deposits that filled a pool: no brand bears them.

Revision: 0028, after 0027.
"""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.alter_column("dispute", "brand_id", nullable=True)


def downgrade() -> None:
    op.alter_column("dispute", "brand_id", nullable=False)
