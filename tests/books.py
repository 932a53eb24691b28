"""What holds after every test: no invariant is broken; and the tables that are emptied then."""

from __future__ import annotations

from functools import cache

import sqlalchemy as sa

# Filled by migrations, read by everything: not a test's to empty.
SEEDED = {
    *("alembic_version", "account_kind", "program_rules", "income_terms"),
    *("payout_threshold", "payout_approval_limit"),
}


def broken_invariants(connection: sa.Connection) -> list[str]:
    """Ask all checks in one statement; name those that are broken only if there are any."""
    from marketplace.verify import findings

    if not connection.execute(_anything()).all():
        return []
    seen = findings(connection)
    return [f"{found.id} {found.title}: {found.sample}" for found in seen if found.rows]


@cache
def _anything() -> sa.TextClause:
    from marketplace.verify import checks

    each = (f"SELECT 1 WHERE EXISTS ({check.sql})" for check in checks())
    return sa.text(" UNION ALL ".join(each))


def empty_tables(connection: sa.Connection) -> None:
    """Delete every row that a test may have made; as superuser, past the append-only triggers."""
    connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
    connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    tables = connection.exec_driver_sql(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'ledger')"
    )
    names = [f'"{schema}"."{table}"' for schema, table in tables if table not in SEEDED]
    connection.exec_driver_sql("; ".join(f"DELETE FROM {name}" for name in names))
    connection.exec_driver_sql("DELETE FROM payout_threshold WHERE adopted_at IS NOT NULL")
