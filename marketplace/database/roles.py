"""The application's role in the database: what the migrations grant it, table by table.

Migrations run as the owner. Web, worker and commands connect as `APP_ROLE`, which has no right on
anything that a migration did not name here.
"""

from __future__ import annotations

from typing import Protocol

APP_ROLE = "marketplace_app"

# Every connection of the application: its role, UTC, and bounds on how long anything may block.
APP_OPTIONS = (
    f"-c role={APP_ROLE} -c timezone=UTC -c lock_timeout=15s -c statement_timeout=120s"
    " -c idle_in_transaction_session_timeout=120s"
)


class _Executes(Protocol):
    def execute(self, sqltext: str) -> None: ...


def grant(op: _Executes, rights: str, *tables: str) -> None:
    """Let the application do `rights`, such as 'SELECT, INSERT', on each table."""
    for table in tables:
        op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")
