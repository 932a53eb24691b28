"""What an operator saw who takes an earning back.

Revision: 0030, after 0025.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("clawback", sa.Column("evidence", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("clawback", "evidence")
