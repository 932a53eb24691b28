"""Lists as Stripe pages them: newest first, by cursor, at most 100 at a time."""

from __future__ import annotations

import json
from collections.abc import Callable

from marketplace.sandbox.params import Params
from marketplace.sandbox.refusal import NotExecuted, missing
from marketplace.sandbox.world import Act, Doc

OLDER = """
    SELECT doc FROM thing
    WHERE kind = :kind AND (:link IS NULL OR link = :link) AND (:cursor IS NULL OR seq < :cursor)
    ORDER BY seq DESC
"""
NEWER = """
    SELECT doc FROM thing
    WHERE kind = :kind AND (:link IS NULL OR link = :link) AND seq > :cursor
    ORDER BY seq
"""

Show = Callable[[Act, Doc], Doc]


def page(
    act: Act,
    params: Params,
    kind: str,
    url: str,
    show: Show,
    *,
    link: str | None = None,
    wanted: Callable[[Doc], bool] = lambda _doc: True,
) -> Doc:
    """Return one page of a kind, narrowed by `link`, `wanted` and the caller's `created`."""
    limit = params.integer("limit") or 10
    after, before = params.text("starting_after"), params.text("ending_before")
    in_time = _created(params)
    params.done()
    if not 1 <= limit <= 100:
        raise NotExecuted("Invalid limit: must be between 1 and 100", param="limit")

    cursor, forward = (before, True) if before else (after, False)
    rows = act.sql.execute(
        NEWER if forward else OLDER,
        {"kind": kind, "link": link, "cursor": _seq(act, kind, cursor)},
    )
    found: list[Doc] = []
    for row in rows:
        doc = json.loads(row["doc"])
        if in_time(doc["created"]) and wanted(doc):
            found.append(doc)
        if len(found) > limit:
            break
    shown = [show(act, doc) for doc in found[:limit]]
    return {
        "object": "list",
        "url": url,
        "has_more": len(found) > limit,
        "data": shown[::-1] if forward else shown,
    }


def _seq(act: Act, kind: str, id: str | None) -> int | None:
    if id is None:
        return None
    row = act.sql.execute("SELECT seq FROM thing WHERE id = ? AND kind = ?", (id, kind)).fetchone()
    if row is None:
        raise missing(kind, id, "starting_after")
    return int(row["seq"])


def _created(params: Params) -> Callable[[int], bool]:
    """Read `created`: a moment, or bounds named gt, gte, lt, lte."""
    value = params.take("created")
    if not isinstance(value, dict):
        moment = None if value is None else Params({"created": value}).integer("created")
        return lambda created: moment is None or created == moment
    bounds = Params(value, "created")
    gt, gte, lt, lte = (bounds.integer(name) for name in ("gt", "gte", "lt", "lte"))
    bounds.done()
    return lambda created: (
        (gt is None or created > gt)
        and (gte is None or created >= gte)
        and (lt is None or created < lt)
        and (lte is None or created <= lte)
    )
