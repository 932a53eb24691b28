"""The daily measurement: ask every processor what of our money lies there, then look at the books.

The network is asked with no transaction open. A processor without an answer makes the day unknown.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from marketplace.errors import ProcessorUnavailable
from marketplace.extensions import db
from marketplace.payouts import solvency
from marketplace.processors import registry
from marketplace.processors.listing import Cash

log = logging.getLogger(__name__)


def measure_due(at: datetime) -> bool:
    """Measure if a new day has begun, or if something was short or unknown; False if not."""
    if not solvency.is_due(at):
        return False
    measure(at)
    return True


def measure(at: datetime) -> list[str]:
    """Measure now; return the processors that gave no answer. The caller commits."""
    before = solvency.books()
    db.session.commit()
    said = {name: _ask(name) for name in registry.names()}
    solvency.record(before, said, at)
    return [name for name, answer in said.items() if answer is None]


def _ask(processor: str) -> Mapping[str, Cash] | None:
    try:
        return registry.get(processor).cash()
    except ProcessorUnavailable as error:
        log.warning("%s does not say what lies there: %s", processor, error)
        return None
