"""A disputed payment on pages: what brand, creators and operators read of it, and can do."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import EarningKind
from marketplace.extensions import db
from marketplace.funding import debt
from marketplace.funding.deposit import Deposit, DepositStatus, Purpose
from marketplace.funding.dispute import Dispute, DisputeStatus
from marketplace.ledger.balances import transactions_of
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.processors.base import (
    Snapshot,
)
from marketplace.processors.listing import Moved
from marketplace.web import dispute_words
from marketplace.webhooks import converge
from tests.agreeing import make_agreement
from tests.make import fill_pool, import_rows, make_campaign, make_creator, make_member, pay
from tests.web.browsers import Browser, brand_browser, creator_browser
from tests.web.operating import Operating, operating

__all__ = ["operating"]


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def brand(app: Flask) -> Browser:
    return brand_browser(app)


@pytest.fixture
def campaign(brand: Browser) -> UUID:
    """Open, its 300.00 USD reserved."""
    with brand.team() as team:
        return make_campaign(team, status="open").id


def dispute(
    app: Flask, campaign_id: UUID, state: str = "needs_response", **changes: object
) -> UUID:
    """What the processor says of a dispute over the whole top-up; the deposit's id."""
    with app.app_context():
        deposit = db.session.scalars(select(Deposit).filter_by(campaign_id=campaign_id)).one()
        moved = [Moved("txn_taken", usd(-30_000), usd(1_500))]
        moved += [Moved("txn_back", usd(30_000), usd(0))] if state == "won" else []
        told: dict[str, object] = {
            "amount": deposit.amount,
            "charge_ref": deposit.charge_ref,
            "moved": [] if state == "inquiry" else moved,
            "reason": "fraudulent",
            "answer_by": clock.now() + timedelta(days=7),
        }
        snapshot = Snapshot("dispute", "du_1", None, state, False, **(told | changes))  # type: ignore[arg-type]
        converge.apply(snapshot, clock.now())
        db.session.commit()
        while debt.repay_next(clock.now()):
            db.session.commit()
        return deposit.id


def see(browser: Browser, path: str) -> str:
    reply = browser.get(path)
    assert reply.status_code == 200, f"{path}: {reply.status_code}"
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reply.text)).replace("&#39;", "'")


# ---- the brand


def test_a_brand_in_good_standing_reads_nothing_of_it(brand: Browser, campaign: UUID) -> None:
    for path in ("/brand", "/brand/money", f"/brand/campaigns/{campaign}"):
        assert "Suspended" not in see(brand, path)


def test_a_brand_reads_what_is_disputed_what_it_owes_and_what_that_means(
    app: Flask, brand: Browser, campaign: UUID
) -> None:
    deposit_id = dispute(app, campaign)
    for path in ("/brand", "/brand/money", f"/brand/campaigns/{campaign}"):
        page = see(brand, path)
        assert "Campaigns suspended" in page
        assert "$300.00 disputed: The cardholder does not know the payment." in page
        assert "You owe $300.00." in page
        assert "What creators were promised stays reserved" in page
    money = see(brand, "/brand/money")
    assert "Pay $300.00" in money
    assert "Debt · $300.00" in money
    assert "owed: $300.00" in money
    assert "Debt · $300.00" in see(brand, "/brand/money/debt/USD")
    top_up = see(brand, f"/brand/deposits/{deposit_id}")
    assert "The cardholder disputed this payment" in top_up
    assert "Nothing can go back now" in see(brand, f"/brand/deposits/{deposit_id}/refund")


def test_a_refund_of_a_disputed_top_up_is_refused_in_a_sentence(
    app: Flask, brand: Browser, campaign: UUID
) -> None:
    deposit_id = dispute(app, campaign)
    reply = brand.post(
        f"/brand/deposits/{deposit_id}/refund", form_key=new_id(), amount="1.00", currency="USD"
    )
    assert reply.status_code == 422
    assert "The cardholder disputed this payment" in reply.text


def test_a_brand_pays_its_debt_by_card_once(app: Flask, brand: Browser, campaign: UUID) -> None:
    dispute(app, campaign, "lost")
    first = brand.post("/brand/money/USD/debt", form_key=new_id())
    again = brand.post("/brand/money/USD/debt", form_key=new_id())
    assert first.status_code == 303
    assert first.location == again.location
    with app.app_context():
        asked = db.session.scalars(select(Deposit).filter_by(purpose=Purpose.DEBT)).one()
        assert asked.amount == usd(30_000)
        page = see(brand, f"/brand/deposits/{asked.id}")
        assert "Getting your payment page ready" in page
        pay(asked)
        assert asked.status == DepositStatus.SUCCEEDED
        assert debt.repay_next(clock.now())
        db.session.commit()
        repaid = transactions_of(Cause("deposit", asked.id))[0].id
        id = asked.id
    assert "What you owed" in see(brand, f"/brand/deposits/{id}")
    assert "What you owed" in see(brand, "/brand/deposits")
    assert "Top-up received" in see(brand, f"/brand/transactions/{repaid}")
    assert "Suspended" not in see(brand, "/brand/money")
    late = brand.post("/brand/money/USD/debt", form_key=new_id())
    assert late.status_code == 303
    assert "Nothing is owed in this currency." in see(brand, "/brand/money")


def test_the_books_of_a_dispute_lead_to_its_top_up(
    app: Flask, brand: Browser, campaign: UUID
) -> None:
    deposit_id = dispute(app, campaign)
    ledger = brand.get("/brand/money/debt/USD").text
    found = re.search(r"/brand/transactions/[0-9a-f-]+", ledger)
    assert found
    page = brand.get(found[0]).text
    assert "Disputed payment taken back" in page
    assert f"/brand/deposits/{deposit_id}" in page


def test_while_it_is_suspended_a_brand_is_told_why_nothing_is_reserved(
    app: Flask, brand: Browser, campaign: UUID
) -> None:
    dispute(app, campaign)
    reply = brand.post(
        f"/brand/campaigns/{campaign}/add", form_key=new_id(), amount="5.00", by="balance"
    )
    assert reply.status_code in (303, 422)
    page = reply.text if reply.status_code == 422 else brand.get(reply.location).text
    assert "Suspended: a payment of the brand is disputed" in page


def test_a_brand_whose_dispute_is_won_reads_that_it_is_over(
    app: Flask, brand: Browser, campaign: UUID
) -> None:
    dispute(app, campaign)
    dispute(app, campaign, "won")
    page = see(brand, "/brand/money")
    assert "Suspended" not in page
    assert "What the bank had taken is yours again." in page


# ---- creators


def test_creators_read_that_nothing_new_is_agreed_and_what_they_have_is_safe(
    app: Flask, brand: Browser, campaign: UUID
) -> None:
    ines, maya = creator_browser(app, "ines"), creator_browser(app, "maya")
    with app.app_context():
        for browser in (ines, maya):
            make_member(db.session.get_one(Creator, browser.id))
        agreement = make_agreement(campaign, db.session.get_one(Creator, ines.id)).id
    assert "suspended" not in see(ines, f"/creator/work/{agreement}")
    dispute(app, campaign)
    assert "nothing that you earned is taken back for it" in see(ines, f"/creator/work/{agreement}")
    assert "This campaign is suspended for now" in see(maya, f"/creator/campaigns/{campaign}")
    reply = maya.post(f"/creator/campaigns/{campaign}/apply", form_key=new_id(), message="Me")
    page = reply.text if reply.status_code == 422 else maya.get(reply.location).text
    assert "Suspended: a payment of the brand is disputed" in page


# ---- operators


def test_an_operator_reads_what_to_do_by_when_and_who_owes(
    app: Flask, brand: Browser, campaign: UUID, operating: Operating
) -> None:
    assert "No disputes" in operating.see("/operator/disputes")
    dispute(app, campaign)
    page = operating.see("/operator/disputes")
    assert "Send evidence on the processor" in page
    assert "Needs an answer" in page
    assert "Brands that owe" in page
    assert "Northwind Coffee" in page
    assert "Disputes to be answered" in operating.see("/operator")
    thing = re.search(
        r"/operator/things/dispute/[0-9a-f-]+|/operator/[a-z/]*dispute/[0-9a-f-]+", page
    )
    assert thing
    operating.see(thing[0])
    dispute(app, campaign, "won")
    page = operating.see("/operator/disputes")
    assert "Answered and decided" in page
    assert "Brands that owe" not in page
    assert "Disputes to be answered" not in operating.see("/operator")


def test_an_inquiry_says_that_nothing_was_taken(
    app: Flask, brand: Browser, campaign: UUID, operating: Operating
) -> None:
    dispute(app, campaign, "inquiry")
    assert "Answer it on the processor" in operating.see("/operator/disputes")
    page = see(brand, "/brand/money")
    assert "Nothing was taken. We answer the bank by" in page
    assert "Suspended" not in page


def test_a_dispute_without_a_date_and_with_another_reason_is_shown_as_it_is(
    app: Flask, brand: Browser, campaign: UUID, operating: Operating
) -> None:
    dispute(app, campaign, answer_by=None, reason="bank_cannot_process")
    assert "bank_cannot_process" in operating.see("/operator/disputes")
    assert "We answer the bank by the bank's date." in see(brand, "/brand/money")


def test_operators_see_what_is_disputed_of_a_pool_and_what_of_it_is_our_loss(
    operating: Operating,
) -> None:
    def lose() -> None:
        filled = fill_pool(EarningKind.FUND, usd(30_000))
        row = f"R-1,{make_creator().creator.handle},100.00,USD,{clock.now().date()}"
        import_rows(EarningKind.FUND, [row])
        moved = [Moved("txn_taken", usd(-30_000), usd(1_500))]
        told = {"amount": filled.amount, "charge_ref": filled.charge_ref, "moved": moved}
        converge.apply(Snapshot("dispute", "du_1", None, "lost", False, **told), clock.now())  # type: ignore[arg-type]
        db.session.commit()

    operating.within(lose)
    page = operating.see("/operator/disputes")
    assert "A pool of ours" in page
    assert "our loss: " in page
    thing = re.findall(r"/operator/[a-z/]*dispute/[0-9a-f-]+", page)
    assert "Disputed payment taken back" in operating.see(thing[0])


def test_every_status_of_a_dispute_has_words_for_everybody() -> None:
    assert set(dispute_words._STATUSES) == set(dispute_words._BRAND_WAITS) == set(DisputeStatus)
    assert set(dispute_words._TO_DO) == set(Dispute.WAITS)
