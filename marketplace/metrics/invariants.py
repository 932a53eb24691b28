"""What must never be false about facts."""

from __future__ import annotations

from marketplace.database.check import Check
from marketplace.metrics.facts import COUNTED, NUMBERS

_STORED = ", ".join(f"f.{name}" for name in NUMBERS)
_COUNTED = ", ".join(f"n.{name}" for name in NUMBERS)

CHECKS = (
    Check(
        "F1",
        "the facts of a creator are what the daily rows of their channels say",
        f"SELECT f.creator_id FROM creator_facts f JOIN ({COUNTED} GROUP BY f.creator_id) n"
        f" ON n.creator_id = f.creator_id WHERE ({_STORED}) IS DISTINCT FROM ({_COUNTED})"
        " UNION SELECT c.creator_id FROM channel c WHERE NOT EXISTS"
        " (SELECT FROM creator_facts f WHERE f.creator_id = c.creator_id)",
    ),
    Check(
        "F2",
        "the report of an import of metrics names each line that was refused or corrected",
        "SELECT i.id FROM metric_import i WHERE i.rows_corrected + i.rows_refused <>"
        " (SELECT count(*) FROM metric_import_line l WHERE l.import_id = i.id)",
    ),
)
