"""A contested earning on the pages: an operator holds and decides, its creator reads why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.balances import balance
from marketplace.money import Money
from marketplace.parties.brand import Brand
from tests.agreeing import make_agreement
from tests.challenges.make import act, judged, make_challenge, make_entry
from tests.commissions.making import Shop, make_campaign_shop, order, refund, tell
from tests.make import earn_matured, make_brand, make_campaign, make_creator
from tests.web.browsers import Browser, creator_browser
from tests.web.operating import Operating, operating

__all__ = ["operating"]

EVIDENCE = "The entry is older than the contest."


def only_earning() -> Earning:
    return db.session.query(Earning).one()


def contest(operating: Operating, **changes: Any) -> str:
    """The page on which it is held."""
    path = f"/operator/payouts/earnings/{operating.within(lambda: only_earning().id)}"
    fields: dict[str, Any] = {"reason": "ineligible", "evidence": EVIDENCE, "days": 14}
    reply = operating.send(f"{path}/contest", **(fields | changes))
    assert reply.status_code == 303, reply.text
    return path


def decide(operating: Operating, path: str, decision: str) -> str:
    reply = operating.send(f"{path}/decide", decision=decision, reason="looked at it")
    assert reply.status_code == 303, reply.text
    return operating.see(path)


def test_an_operator_holds_an_earning_and_its_creator_reads_why_and_until_when(
    operating: Operating,
) -> None:
    """A13 as it is read."""
    creator: Browser = creator_browser(operating.app, "ines")
    with creator.creator() as person:
        earn_matured(person, "45.00 USD")
    path = contest(operating)
    with creator.creator() as person:
        earn_matured(person, "55.00 USD", EarningKind.GIFT)

    queue = operating.see("/operator/payouts/earnings")
    for said in (path, "$45.00", "The rules were not fulfilled", "in 2 weeks"):
        assert said in queue
    assert "Contested earnings" in operating.see("/operator")
    assert operating.person.name in operating.see(path), "the trace says who holds it"

    page = creator.get("/creator").text
    for said in (
        "$45.00 contested",
        "$45.00 missing to the threshold of $100.00",
        "Waits for the marketplace, which decides by",
        "The rules were not fulfilled",
        EVIDENCE,
    ):
        assert said in page
    (told,) = creator.get("/creator/why.json").json or []
    first, second, _ = told["blockers"]
    assert (first["reason"], first["on"], first["amount"]["minor"]) == (
        *("contested", "operator"),
        4_500,
    )
    assert (second["reason"], second["missing"]["minor"]) == ("below_threshold", 4_500)
    with creator.creator():
        earning_id = db.session.query(Earning).filter_by(status="contested").one().id
    life = creator.get(f"/creator/earnings/{earning_id}", follow_redirects=True).text
    assert EVIDENCE in life
    assert "which decides by" in life


def test_the_decision_that_it_stands_makes_it_available_again(operating: Operating) -> None:
    operating.within(lambda: earn_matured(make_creator().creator, "45.00 USD"))
    path = contest(operating)
    assert "The earning stands. Its creator was told." in decide(operating, path, "release")
    assert operating.within(lambda: only_earning().status) == "pending"
    assert "Nothing is contested" in operating.see("/operator/payouts/earnings")
    late = decide(operating, path, "uphold")
    assert "This has moved on meanwhile" in late, "somebody else decided"


def fund_income() -> None:
    earn_matured(make_creator().creator, "45.00 USD")


def flat_fee() -> None:
    campaign = make_campaign(make_brand(), status="open")
    make_agreement(campaign.id, work="approved")


def prize() -> None:
    made = make_challenge(make_brand())
    make_entry(made)
    act(judged(made, [9]) + timedelta(days=3))


def commission() -> Shop:
    shop = make_campaign_shop()
    tell(shop, order(codes=(shop.code.code,)))
    return shop


def unspent() -> Money:
    """What brands have unreserved, and the fund's pool."""
    owners = [f"brand:{it.id.hex}" for it in db.session.query(Brand)]
    accounts = [postings.POOLS["fund"], *(postings.brand_available(it) for it in owners)]
    return sum((balance(it, "USD") for it in accounts), Money(0, "USD"))


@pytest.mark.parametrize("earned", [fund_income, flat_fee, commission, prize])
def test_what_is_taken_back_goes_to_who_paid_it_with_our_fee(
    operating: Operating, earned: Callable[[], object]
) -> None:
    operating.within(earned)
    before = operating.within(unspent)
    path = contest(operating)
    assert "It was taken back." in decide(operating, path, "uphold")
    earning = operating.within(only_earning)
    assert earning.status == "reversed"
    assert operating.within(unspent) == before + earning.net + earning.platform_fee
    assert operating.within(lambda: balance(postings.PLATFORM_FEES, "USD")) == Money(0, "USD")


def test_a_refund_of_a_sale_whose_commission_was_taken_back_changes_nothing(
    operating: Operating,
) -> None:
    shop = operating.within(commission)
    decide(operating, contest(operating), "uphold")
    operating.within(lambda: tell(shop, refund("20.00", "r1")))
    assert operating.within(lambda: only_earning().status) == "reversed"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"evidence": ""}, "Please fill this in"),
        ({"days": "31"}, "30"),
        ({"days": "soon"}, "30"),
        ({"reason": "envy"}, "Please choose"),
    ],
)
def test_a_contest_without_reason_evidence_or_day_is_refused_and_keeps_what_was_typed(
    operating: Operating, changes: dict[str, Any], said: str
) -> None:
    operating.within(fund_income)
    path = f"/operator/payouts/earnings/{operating.within(lambda: only_earning().id)}"
    fields = {"reason": "ineligible", "evidence": EVIDENCE, "days": "7"} | changes
    reply = operating.send(f"{path}/contest", **fields)
    assert reply.status_code == 422
    assert said in reply.text
    if fields["evidence"]:
        assert EVIDENCE in reply.text
    assert operating.within(lambda: only_earning().status) == "available"
