"""A code's terms cannot be written again; a challenge is complete once it is submitted, NULLs too.

Revision: 0014, after 0013.
"""

from __future__ import annotations

from alembic import op

from marketplace.database.roles import APP_ROLE, grant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COMPLETE = "ck_challenge_complete_once_submitted"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # The terms of a code are those of its agreement: all that changes is when it ends.
    op.execute(f"REVOKE UPDATE ON promo_code FROM {APP_ROLE}")
    grant(op, "UPDATE (ended_at)", "promo_code")
    _replace(
        "status IN ('draft', 'canceled') OR (brief <> ''"
        " AND num_nulls(pool_minor, opens_on, closes_on, closes_at) = 0 AND pool_minor > 0"
        " AND (kind = 'contest') = (cardinality(prizes_minor) > 0)"
        " AND opens_on <= closes_on)"
    )


def downgrade() -> None:
    _replace(
        "status IN ('draft', 'canceled') OR (brief <> '' AND pool_minor > 0"
        " AND (kind = 'contest') = (cardinality(prizes_minor) > 0)"
        " AND opens_on <= closes_on AND closes_at IS NOT NULL)"
    )
    op.execute(f"REVOKE UPDATE (ended_at) ON promo_code FROM {APP_ROLE}")
    grant(op, "UPDATE", "promo_code")


def _replace(condition: str) -> None:
    op.drop_constraint(op.f(COMPLETE), "challenge", type_="check")
    op.create_check_constraint(op.f(COMPLETE), "challenge", condition)
