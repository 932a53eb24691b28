"""Many new rows at once by COPY, in the caller's transaction: for bulk, past the session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from marketplace.extensions import db


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert `rows`, each with a value per column.

    Raises:
        psycopg.Error: the database refuses one of them, and with it all.
    """
    driver = db.session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
