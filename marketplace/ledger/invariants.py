"""What must never be false of the books, each as SQL that returns the rows which break it.

Guards refuse most of this as it is written; these checks find it whoever wrote it and however. They
go account by account and transaction by transaction, sums last, so that the books need no common
moment. L1 to L10 are about the content, S1 and S2 about the guards themselves.
"""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.database.roles import APP_ROLE
from marketplace.ledger.chart import CHART

_ZERO_SUM = Check(
    "L1",
    "a transaction sums to zero in each currency",
    """
    SELECT e.transaction_id, a.currency, sum(e.amount_minor) AS off_minor
      FROM ledger.entry e LEFT JOIN ledger.account a ON a.id = e.account_id
     GROUP BY e.transaction_id, a.currency
    HAVING sum(e.amount_minor) <> 0
    """,
)

_WHOLE = Check(
    "L2",
    "a transaction has the entries it was recorded with: none missing, none late, none without it",
    """
    SELECT coalesce(t.id, e.transaction_id) AS transaction_id, t.entry_count, e.found
      FROM ledger.transaction t
      FULL JOIN (SELECT transaction_id, count(*) AS found FROM ledger.entry GROUP BY 1) e
        ON e.transaction_id = t.id
     WHERE t.entry_count IS DISTINCT FROM e.found OR t.entry_count < 2
    """,
)

_EXPLAINED = Check(
    "L4",
    "a stored balance is the sum of its entries, and its version their number",
    """
    SELECT a.owner, a.kind, a.currency, a.balance_minor, e.sum_minor, a.version, e.entries
      FROM ledger.account a
      LEFT JOIN (SELECT account_id, sum(amount_minor) AS sum_minor, count(*) AS entries
                   FROM ledger.entry GROUP BY 1) e ON e.account_id = a.id
     WHERE a.stores_balance
       AND (a.balance_minor IS DISTINCT FROM coalesce(e.sum_minor, 0)
            OR a.version IS DISTINCT FROM coalesce(e.entries, 0))
    """,
)

_RUNNING = Check(
    "L5",
    "versions of an account run 1, 2, 3, ..., each balance the one before plus the entry",
    """
    SELECT id, account_id, account_version, amount_minor, balance_after
      FROM (SELECT e.*, row_number() OVER history AS nth,
                   lag(balance_after, 1, 0::bigint) OVER history AS balance_before
              FROM ledger.entry e
             WHERE account_version IS NOT NULL
            WINDOW history AS (PARTITION BY account_id ORDER BY account_version)) e
     WHERE account_version <> nth OR balance_after IS DISTINCT FROM balance_before + amount_minor
    """,
)

_FLOOR = Check(
    "L6",
    "no account is or ever was below its floor",
    """
    SELECT a.owner, a.kind, a.currency, a.balance_minor, NULL::bigint AS account_version
      FROM ledger.account a
     WHERE a.side * a.balance_minor < a.floor_minor
     UNION ALL
    SELECT a.owner, a.kind, a.currency, e.balance_after, e.account_version
      FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id
     WHERE a.side * e.balance_after < a.floor_minor
    """,
)

_OF_ITS_KIND = Check(
    "L7",
    "an account is what its kind says, and only one with a stored balance has a version",
    """
    SELECT a.owner, a.kind, a.currency
      FROM ledger.account a LEFT JOIN ledger.account_kind k ON k.kind = a.kind
     WHERE (a.side, a.stores_balance, a.floor_minor)
           IS DISTINCT FROM (k.side, k.stores_balance, k.floor_minor)
        OR a.stores_balance <> (a.balance_minor IS NOT NULL)
        OR a.stores_balance <> (a.version IS NOT NULL)
        OR a.currency !~ '^[A-Z]{3}$' OR a.owner = ''
    """,
)

_PLACED = Check(
    "L8",
    "an entry is on an account that exists, with a version exactly if the account stores a balance",
    """
    SELECT e.id, e.transaction_id, e.account_id
      FROM ledger.entry e LEFT JOIN ledger.account a ON a.id = e.account_id
     WHERE a.stores_balance IS DISTINCT FROM (e.account_version IS NOT NULL)
        OR a.stores_balance IS DISTINCT FROM (e.balance_after IS NOT NULL)
    """,
)

_REVERSED = Check(
    "L9",
    "a reversal mirrors its original account by account",
    """
    SELECT r.id, r.reverses
      FROM ledger.transaction r
     WHERE r.reverses IS NOT NULL
       AND (NOT EXISTS (SELECT FROM ledger.transaction o WHERE o.id = r.reverses)
            OR EXISTS (SELECT FROM ledger.entry e WHERE e.transaction_id IN (r.id, r.reverses)
                        GROUP BY e.account_id HAVING sum(e.amount_minor) <> 0))
    """,
)


def _rows(*rows: tuple[object, ...]) -> str:
    """Rows of constants as SQL; ours alone, so nothing needs more than this quoting."""

    def literal(value: object) -> str:
        return "NULL" if value is None else f"'{value}'"

    return ", ".join(f"({', '.join(map(literal, row))})" for row in rows)


_CHART = Check(
    "L10",
    "the kinds of account are those of chart.py",
    f"""
    SELECT coalesce(k.kind, c.kind) AS kind
      FROM ledger.account_kind k
      FULL JOIN (VALUES {
        _rows(
            *(
                (kind, rule.side, rule.stores_balance, rule.floor_minor)
                for kind, rule in CHART.items()
            )
        )
    }) AS c (kind, side, stores_balance, floor_minor) ON c.kind = k.kind
     WHERE (k.side, k.stores_balance, k.floor_minor)
           IS DISTINCT FROM (c.side::smallint, c.stores_balance::boolean, c.floor_minor::bigint)
    """,
)

_SUM_OF_ALL = Check(
    "L3",
    "all balances of a currency sum to zero",
    """
    SELECT a.currency, sum(coalesce(a.balance_minor, s.sum_minor)) AS off_minor
      FROM ledger.account a
      LEFT JOIN (SELECT account_id, sum(amount_minor) AS sum_minor
                   FROM ledger.entry WHERE account_version IS NULL GROUP BY 1) s
        ON s.account_id = a.id
     GROUP BY a.currency
    HAVING sum(coalesce(a.balance_minor, s.sum_minor)) <> 0
    """,
)

_GUARDS = Check(
    "S1",
    "every guard of the books is there and switched on",
    f"""
    SELECT g.relation, g.guard
      FROM (VALUES {
        _rows(
            ("transaction", "append_only"),
            ("entry", "append_only"),
            ("entry", "balanced"),
            ("account", "never_removed"),
            ("account", "account_floor"),
            ("account", "account_natural_key"),
            ("transaction", "transaction_key"),
            ("transaction", "transaction_reversed_once"),
            ("entry", "entry_pkey"),
            ("entry", "entry_version"),
        )
    }) AS g (relation, guard)
     WHERE NOT EXISTS (
               SELECT FROM pg_trigger t
                WHERE t.tgrelid = to_regclass('ledger.' || g.relation)
                  AND t.tgname = g.guard AND t.tgenabled IN ('O', 'A'))
       AND NOT EXISTS (
               SELECT FROM pg_constraint c
                WHERE c.conrelid = to_regclass('ledger.' || g.relation)
                  AND c.conname = g.guard AND c.contype = 'c' AND c.convalidated)
       AND NOT EXISTS (
               SELECT FROM pg_index i
                WHERE i.indrelid = to_regclass('ledger.' || g.relation)
                  AND i.indexrelid = to_regclass('ledger.' || g.guard)
                  AND i.indisunique AND i.indisvalid)
    """,
)

_RIGHTS = Check(
    "S2",
    "the application reads the books and calls the two posting functions, and may do nothing else",
    f"""
    SELECT r.object, r.right
      FROM (SELECT 'ledger.' || c.relname AS object, x.privilege_type AS right
              FROM pg_class c
             CROSS JOIN aclexplode(c.relacl) x
             WHERE c.relnamespace = 'ledger'::regnamespace
               AND x.grantee IN (0, to_regrole('{APP_ROLE}')) AND x.privilege_type <> 'SELECT'
             UNION ALL
            SELECT 'ledger.' || c.relname || '.' || a.attname, x.privilege_type
              FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             CROSS JOIN aclexplode(a.attacl) x
             WHERE c.relnamespace = 'ledger'::regnamespace
               AND x.grantee IN (0, to_regrole('{APP_ROLE}')) AND x.privilege_type <> 'SELECT'
             UNION ALL
            SELECT p.oid::regprocedure::text, 'EXECUTE'
              FROM pg_proc p
             CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
             WHERE p.pronamespace = 'ledger'::regnamespace
               AND x.grantee IN (0, to_regrole('{APP_ROLE}'))
               AND p.proname NOT IN ('post', 'post_many')
             UNION ALL
            SELECT 'schema ledger', x.privilege_type
              FROM pg_namespace n CROSS JOIN aclexplode(n.nspacl) x
             WHERE n.nspname = 'ledger'
               AND x.grantee IN (0, to_regrole('{APP_ROLE}')) AND x.privilege_type <> 'USAGE'
             UNION ALL
            SELECT rolname, 'is superuser' FROM pg_roles
             WHERE rolname = '{APP_ROLE}' AND (rolsuper OR rolbypassrls OR rolcreaterole)
             UNION ALL
            SELECT g.rolname, 'is a role of the application' FROM pg_auth_members m
              JOIN pg_roles g ON g.oid = m.roleid
             WHERE m.member = to_regrole('{APP_ROLE}')) r
    """,
)

CHECKS: tuple[Check, ...] = (
    _ZERO_SUM,
    _WHOLE,
    _EXPLAINED,
    _RUNNING,
    _FLOOR,
    _OF_ITS_KIND,
    _PLACED,
    _REVERSED,
    _CHART,
    _SUM_OF_ALL,
    _GUARDS,
    _RIGHTS,
)
