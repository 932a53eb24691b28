"""Whose sale an order is: the rule that decided, and what lost by which rule (A19, A20)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from marketplace.commissions.attribution import Claim, Decision, Seen, Shown, decide
from marketplace.database.identifier import new_id
from marketplace.storefronts.order import buyer_hash

PLACED = datetime.fromisoformat("2026-11-01T12:00:00+00:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def claim(handle: str, **changes: Any) -> Claim:
    told = {"currency": "USD", "until": None} | changes
    hashed = buyer_hash(f"{handle}@example.com")
    return Claim(new_id(), new_id(), handle, hashed, **told)


X, Y = claim("x"), claim("y")


def code(text: str, owner: Claim | None) -> Seen:
    return Seen("code", text, owner)


def link(owner: Claim | None, before: timedelta = DAY, text: str = "t") -> Seen:
    return Seen("link", text, owner, PLACED - before if owner else None)


def decided(*seen: Seen, buyer: str = "buyer@example.com", **changes: Any) -> Decision:
    told: dict[str, Any] = {"currency": "USD", "placed_at": PLACED, "test": False} | changes
    return decide(Shown(seen, buyer_hash(buyer), **told))


def said(decision: Decision) -> tuple[str, str | None, list[str]]:
    payee = decision.payee.handle if decision.payee else None
    return decision.rule, payee, [outcome for _, outcome in decision.outcomes]


def test_a_code_beats_two_clicks_and_the_receipt_says_so() -> None:
    """A19."""
    decision = decided(code("Y15", Y), link(X, DAY), link(X, HOUR))
    assert said(decision) == ("code_over_link", "y", ["wins", "code_over_link", "code_over_link"])
    assert decision.as_receipt()["seen"][1] == {
        "via": "link",
        "text": "t",
        "creator": "x",
        "clicked_at": "2026-10-31T12:00:00+00:00",
        "outcome": "code_over_link",
    }


def test_nobody_earns_by_their_own_purchase() -> None:
    """A20; nor does another creator whose link they followed."""
    decision = decided(code("Y15", Y), link(X), buyer=" Y@Example.com ")
    assert said(decision) == ("self_purchase", None, ["self_purchase", "code_over_link"])


def test_of_several_clicks_the_last_one_counts() -> None:
    assert said(decided(link(X, HOUR), link(Y, DAY))) == ("last_click", "x", ["wins", "last_click"])
    assert said(decided(link(X, DAY), link(Y, HOUR))) == ("last_click", "y", ["last_click", "wins"])
    assert said(decided(link(X, DAY))) == ("link", "x", ["wins"])


def test_a_click_counts_for_thirty_days_and_not_after_the_order() -> None:
    assert said(decided(link(X, 30 * DAY)))[1] == "x"
    assert said(decided(link(X, 30 * DAY + timedelta(seconds=1)))) == (
        "nothing_counts",
        None,
        ["too_old"],
    )
    assert said(decided(link(X, -HOUR)))[2] == ["after_the_order"]
    assert said(decided(link(X, 31 * DAY), link(Y, 2 * DAY)))[1] == "y"


def test_of_several_codes_the_first_of_a_creator_counts() -> None:
    decision = decided(code("FREESHIP", None), code("x15", X), code("Y15", Y))
    assert said(decision) == ("first_code", "x", ["unknown", "wins", "first_code"])


def test_a_code_and_a_link_of_the_same_creator_are_one_payee() -> None:
    assert said(decided(code("X15", X), link(X))) == ("code", "x", ["wins", "wins"])


def test_a_code_that_has_ended_leaves_the_order_to_a_link() -> None:
    ended = claim("z", until=PLACED)
    assert said(decided(code("Z15", ended), link(X))) == ("link", "x", ["ended", "wins"])
    going = claim("z", until=PLACED + HOUR)
    assert said(decided(code("Z15", going), link(X)))[1] == "z"


def test_nothing_known_a_foreign_currency_or_a_test_order_is_nobodys() -> None:
    assert said(decided()) == ("nothing_seen", None, [])
    assert said(decided(code("FREESHIP", None), link(None))) == (
        "nothing_counts",
        None,
        ["unknown", "unknown"],
    )
    assert said(decided(code("X15", X), currency="JPY"))[2] == ["other_currency"]
    assert said(decided(code("X15", X), test=True)) == ("test_order", None, ["counts"])
