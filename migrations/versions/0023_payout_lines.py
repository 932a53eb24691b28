"""What each payout pays, line by line: a payout is the sum of its lines, or there is no payout.

And a clawback names its creator, so that a statement finds those of a month by an index.

Revision: 0023, after 0022.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace.database.roles import grant

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

CREATOR = "fk_clawback_creator_id"

# GUARD: at the end of its transaction a payout has its lines. They come in one statement, and stay.
GUARDS = """
CREATE FUNCTION refuse_other_sum(wrong uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'payout % is not the sum of its lines', wrong
            USING ERRCODE = '23514', CONSTRAINT = 'payout_is_its_lines', TABLE = 'payout';
    END IF;
END $$;

CREATE FUNCTION payout_is_its_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.refuse_other_sum(p.id) FROM public.payout p
      WHERE p.id = NEW.id AND p.amount_minor <> (
            SELECT coalesce(sum(l.amount_minor), 0) FROM public.payout_line l
             WHERE l.payout_id = p.id);
    RETURN NULL;
END $$;

CREATE FUNCTION payout_lines_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.refuse_other_sum(q.payout_id)
       FROM (SELECT n.payout_id, count(*) AS lines, sum(n.amount_minor) AS minor
               FROM added n GROUP BY 1) q
       JOIN public.payout p ON p.id = q.payout_id
      WHERE q.minor <> p.amount_minor
         OR q.lines <> (SELECT count(*) FROM public.payout_line l WHERE l.payout_id = p.id);
    RETURN NULL;
END $$;

CREATE FUNCTION payout_lines_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on payout_line is forbidden: what a payout pays stays', TG_OP
        USING ERRCODE = '23514', CONSTRAINT = 'payout_lines_stay', TABLE = 'payout_line';
END $$;

CREATE CONSTRAINT TRIGGER payout_is_its_lines
    AFTER INSERT OR UPDATE OF amount_minor ON payout DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION payout_is_its_lines();
CREATE TRIGGER payout_lines_are_whole AFTER INSERT ON payout_line
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payout_lines_are_whole();
CREATE TRIGGER payout_lines_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON payout_line
    FOR EACH STATEMENT EXECUTE FUNCTION payout_lines_stay();
"""

# The payouts of before get the lines that they would have now: payouts/line.py says by which rule.
BACKFILL = """
INSERT INTO payout_line (payout_id, number, kind, transaction_id, cause_type, cause_id, amount_minor)
WITH moved AS (
    SELECT a.id AS account_id, e.account_version AS version, t.id AS transaction_id, t.kind,
           t.cause_type, t.cause_id, -e.amount_minor AS change_minor,
           -e.balance_after AS balance_minor
      FROM ledger.account a
      JOIN ledger.entry e ON e.account_id = a.id
      JOIN ledger.transaction t ON t.id = e.transaction_id
     WHERE a.kind = 'creator_available'
), span AS (
    SELECT m.*, lag(m.version, 1, 0::bigint) OVER own AS since, lag(m.cause_id) OVER own AS before_id,
           lag(m.balance_minor) OVER own AS carried_minor
      FROM moved m WHERE m.kind = 'payout_reserved'
    WINDOW own AS (PARTITION BY m.account_id ORDER BY m.version)
)
SELECT payout_id, row_number() OVER (PARTITION BY payout_id ORDER BY place), kind, transaction_id,
       cause_type, cause_id, amount_minor
  FROM (
    SELECT s.cause_id AS payout_id, 0 AS place, 'carried' AS kind, NULL::uuid AS transaction_id,
           'payout' AS cause_type, s.before_id AS cause_id, s.carried_minor AS amount_minor
      FROM span s WHERE s.carried_minor <> 0
    UNION ALL
    SELECT s.cause_id, m.version, m.kind, m.transaction_id, m.cause_type, m.cause_id, m.change_minor
      FROM span s JOIN moved m ON m.account_id = s.account_id
                              AND m.version > s.since AND m.version < s.version
    UNION ALL
    SELECT p.id, s.version, 'recovered', NULL, 'payout', p.id, -p.recovered_minor
      FROM span s JOIN payout p ON p.id = s.cause_id WHERE p.recovered_minor <> 0
    UNION ALL
    SELECT s.cause_id, s.version + 1, 'left', NULL, 'payout', s.cause_id, -s.balance_minor
      FROM span s WHERE s.balance_minor <> 0
  ) line
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "payout_line",
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=True),
        sa.Column("cause_type", sa.String(), nullable=False),
        sa.Column("cause_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_payout_line_amount_not_zero")),
        sa.CheckConstraint(
            "(transaction_id IS NULL) = (kind IN ('carried', 'recovered', 'left'))",
            name=op.f("ck_payout_line_moved_or_said"),
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payout.id"], name=op.f("fk_payout_line_payout_id")
        ),
        sa.PrimaryKeyConstraint("payout_id", "number", name=op.f("pk_payout_line")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_payout_line_transaction_id")),
    )
    op.create_index(op.f("ix_payout_line_cause_id"), "payout_line", ["cause_id"])
    grant(op, "SELECT, INSERT", "payout_line")  # what a payout pays is never changed
    op.execute(BACKFILL)
    op.get_bind().connection.cursor().execute(GUARDS)  # several statements, with a % in them
    op.add_column("clawback", sa.Column("creator_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE clawback k SET creator_id = e.creator_id FROM earning e WHERE e.id = k.earning_id"
    )
    op.alter_column("clawback", "creator_id", nullable=False)
    op.create_foreign_key(op.f(CREATOR), "clawback", "creator", ["creator_id"], ["id"])
    op.create_index("ix_clawback_creator", "clawback", ["creator_id", "at"])


def downgrade() -> None:
    op.drop_index("ix_clawback_creator", table_name="clawback")
    op.drop_constraint(op.f(CREATOR), "clawback", type_="foreignkey")
    op.drop_column("clawback", "creator_id")
    op.execute("DROP TRIGGER payout_is_its_lines ON payout")
    op.drop_table("payout_line")
    for name in ("payout_lines_stay", "payout_lines_are_whole", "payout_is_its_lines"):
        op.execute(f"DROP FUNCTION {name}()")
    op.execute("DROP FUNCTION refuse_other_sum(uuid)")
