"""Whose sale an order is: code beats link, then the last click; one payee, never the buyer. PURE.

    decide
      _standing   does this code or click count for this order?
      _winner     of those that count

What was seen, which rule decided and why nothing else did is kept with the order as its receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

CLICK_COUNTS = timedelta(days=30)

COUNTS = "counts"
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Claim:
    """A creator's promo code, by which an order may be their sale."""

    promo_code_id: UUID
    creator_id: UUID
    handle: str
    buyer: str  # the hash of the creator's own mail address
    currency: str
    until: datetime | None


@dataclass(frozen=True)
class Seen:
    """A code or click that the order shows. `claim` is None if it is nobody's."""

    via: str  # 'code' or 'link'
    text: str
    claim: Claim | None
    clicked_at: datetime | None = None


@dataclass(frozen=True)
class Shown:
    """What of an order decides whose sale it is; codes and clicks in the shop's order."""

    seen: tuple[Seen, ...]
    buyer: str | None
    currency: str
    placed_at: datetime
    test: bool


@dataclass(frozen=True)
class Decision:
    """Whose sale it is, if anybody's: the rule, and what became of each thing that was seen."""

    rule: str
    payee: Claim | None
    outcomes: tuple[tuple[Seen, str], ...]

    def as_receipt(self) -> dict[str, Any]:
        """The decision as it is stored with the order."""
        return {
            "rule": self.rule,
            "payee": self.payee.handle if self.payee else None,
            "seen": [
                {
                    "via": seen.via,
                    "text": seen.text,
                    "creator": seen.claim.handle if seen.claim else None,
                    "clicked_at": seen.clicked_at.isoformat() if seen.clicked_at else None,
                    "outcome": outcome,
                }
                for seen, outcome in self.outcomes
            ],
        }


def decide(shown: Shown) -> Decision:
    """Decide whose sale an order is.

    Rules with a payee: 'code', 'first_code', 'code_over_link', 'link', 'last_click'. Without:
    'test_order', 'nothing_seen', 'nothing_counts', 'self_purchase'.
    """
    standings = [(seen, _standing(seen, shown)) for seen in shown.seen]
    counting = [seen for seen, standing in standings if standing == COUNTS]
    if shown.test or not counting:
        rule = "nothing_counts" if shown.seen else "nothing_seen"
        return Decision("test_order" if shown.test else rule, None, tuple(standings))
    winner, rule = _winner(counting)
    assert winner.claim is not None
    own = shown.buyer is not None and winner.claim.buyer == shown.buyer
    outcomes = tuple(
        (seen, _outcome(seen, winner, own=own) if standing == COUNTS else standing)
        for seen, standing in standings
    )
    if own:
        return Decision("self_purchase", None, outcomes)
    return Decision(rule, winner.claim, outcomes)


def _standing(seen: Seen, shown: Shown) -> str:
    """'counts', or why not."""
    claim = seen.claim
    if claim is None:
        return "unknown"
    if claim.currency != shown.currency:
        return "other_currency"
    if seen.clicked_at is not None:
        if seen.clicked_at > shown.placed_at:
            return "after_the_order"
        if shown.placed_at - seen.clicked_at > CLICK_COUNTS:
            return "too_old"
    if claim.until is not None and shown.placed_at >= claim.until:
        return "ended"
    return COUNTS


def _winner(counting: Sequence[Seen]) -> tuple[Seen, str]:
    """The first code; without one, the last click."""
    codes = [seen for seen in counting if seen.via == "code"]
    links = [seen for seen in counting if seen.via == "link"]
    if codes:
        others = {seen.claim for seen in codes} - {codes[0].claim}
        beaten = {seen.claim for seen in links} - {codes[0].claim}
        rule = "code_over_link" if beaten else "first_code" if others else "code"
        return codes[0], rule
    last = max(links, key=lambda seen: (seen.clicked_at or _NEVER, seen.text))
    return last, "last_click" if len({seen.claim for seen in links}) > 1 else "link"


def _outcome(seen: Seen, winner: Seen, *, own: bool) -> str:
    if seen.claim == winner.claim:
        return "self_purchase" if own else "wins"
    if winner.via == "code":
        return "code_over_link" if seen.via == "link" else "first_code"
    return "last_click"
