"""Being paid by PayPal: the address, the mail that proves it, and the words for what it does."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from marketplace import clock
from marketplace.extensions import db
from marketplace.notifications.mail import Mail
from marketplace.payouts import destination as destinations
from marketplace.payouts import leaving
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.payouts.payout import Payout
from marketplace.processors.base import Snapshot
from marketplace.webhooks import converge
from tests.make import earn_matured, make_payout, transfer_of
from tests.web.browsers import Browser, creator_browser, only, rows
from tests.within import locked

PAYOUTS = "/creator/payouts"
ADDRESS = "ada@example.com"


@pytest.fixture
def creator(app: Flask) -> Browser:
    return creator_browser(app, "ada")


def name(creator: Browser, address: str = ADDRESS) -> int:
    return creator.post(f"{PAYOUTS}/paypal", paypal_address=address).status_code


def link(app: Flask) -> str:
    """The path in the newest mail."""
    found = re.search(r"http://[^/]+(/\S+)", rows(app, Mail)[-1].body)
    assert found is not None
    return found[1]


def confirm(app: Flask, creator: Browser) -> str:
    path = link(app)
    creator.post(path)
    return path


def test_an_address_is_paid_only_once_its_mail_was_opened(app: Flask, creator: Browser) -> None:
    assert "Be paid by PayPal" in creator.get(PAYOUTS).text
    assert name(creator, " Ada@Example.com ") == 303
    destination = only(app, Destination)
    assert (destination.processor, destination.remote_account) == ("paypal", ADDRESS)
    assert destination.status == DestinationStatus.ONBOARDING
    for page in (creator.get(PAYOUTS).text, creator.get("/creator").text):
        assert "mail" in page
    assert f"open the link that we mailed to {ADDRESS}" in creator.get(PAYOUTS).text
    assert rows(app, Mail)[-1].to == ADDRESS

    visitor = app.test_client()
    path = link(app)
    assert ADDRESS in visitor.get(path).text  # following a link proves nothing
    assert only(app, Destination).status == DestinationStatus.ONBOARDING
    assert creator.post(path).status_code == 303
    assert only(app, Destination).status == DestinationStatus.ACTIVE
    assert "Your PayPal account is ready" in creator.get(PAYOUTS).text
    assert creator.post(path).status_code == 303  # a second click changes nothing


def test_a_link_that_was_tampered_with_or_is_too_old_confirms_nothing(
    app: Flask, creator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    name(creator)
    path = link(app)
    for wrong in (path + "x", path.replace("paypal/", "paypal/a"), "/creator/paypal/nothing"):
        assert creator.get(wrong).status_code == 410
        assert creator.post(wrong).status_code == 410
    with monkeypatch.context() as later:
        later.setattr("marketplace.web.creator_paypal.LINK_LIFETIME", timedelta(seconds=-1))
        assert creator.post(path).status_code == 410
    assert only(app, Destination).status == DestinationStatus.ONBOARDING


def test_a_mistyped_address_is_withdrawn_and_its_link_is_worth_nothing(
    app: Flask, creator: Browser
) -> None:
    name(creator, "adda@example.com")
    old = link(app)
    creator.post(f"{PAYOUTS}/paypal/withdraw")
    assert "Be paid by PayPal" in creator.get(PAYOUTS).text
    name(creator)
    assert creator.post(old).status_code == 410
    confirm(app, creator)
    first, second = rows(app, Destination)
    assert (first.status, second.status) == (DestinationStatus.REFUSED, DestinationStatus.ACTIVE)
    creator.post(f"{PAYOUTS}/paypal/withdraw")  # too late: it is confirmed
    assert rows(app, Destination)[1].status == DestinationStatus.ACTIVE


def test_the_mail_is_sent_again_but_not_without_end(app: Flask, creator: Browser) -> None:
    name(creator)
    said = [creator.post(f"{PAYOUTS}/paypal/again").status_code for _ in range(5)]
    assert said == [303, 303, 303, 303, 429]
    assert len([it for it in rows(app, Mail) if it.to == ADDRESS]) == 5


@pytest.mark.parametrize("address", ["", "nobody", "a@b", f"{'a' * 60}@{'b' * 60}.{'c' * 10}.com"])
def test_what_is_no_address_is_kept_as_typed(app: Flask, creator: Browser, address: str) -> None:
    reply = creator.post(f"{PAYOUTS}/paypal", paypal_address=address)
    assert reply.status_code == 422
    assert address in reply.text
    assert rows(app, Destination) == []


def test_what_paypal_cannot_do_is_said_before_anything_is_written(
    app: Flask, creator: Browser
) -> None:
    with creator.creator() as person:
        person.country = "KP"
        db.session.commit()
    reply = creator.post(f"{PAYOUTS}/paypal", paypal_address=ADDRESS)
    assert reply.status_code == 422
    assert "PayPal cannot pay people in your country." in reply.text
    assert rows(app, Destination) == []


def test_where_paypal_is_off_it_is_not_offered(
    app: Flask, creator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    processors = {"stripe": app.extensions["processors"]["stripe"]}
    monkeypatch.setitem(app.extensions, "processors", processors)
    assert "PayPal" not in creator.get(PAYOUTS).text
    assert name(creator) == 404


def test_one_destination_is_chosen_not_two(app: Flask, creator: Browser) -> None:
    creator.post(f"{PAYOUTS}/connect")
    name(creator)
    assert only(app, Destination).processor == "stripe"
    assert [it for it in rows(app, Mail) if it.to == ADDRESS] == []


def test_each_state_of_a_payout_is_said_in_words(app: Flask, creator: Browser) -> None:
    name(creator)
    confirm(app, creator)
    with creator.creator() as person:
        payout = make_payout(person)
        assert leaving.may_send(locked(Payout, payout.id), clock.now())
        db.session.commit()
        id = payout.id
    assert "Waits for PayPal to confirm it" in creator.get(PAYOUTS).text
    for state, words in (
        ("unclaimed", "the money lies at PayPal until"),
        ("returned", "For 30 days nobody claimed it at PayPal"),
    ):
        with app.app_context():
            mine = locked(Payout, id)
            told = replace(transfer_of(mine, state), remote_id="B1")
            assert converge.apply(told, clock.now()) == "done"
            db.session.commit()
        assert words in creator.get(f"{PAYOUTS}/{id}").text
    home = creator.get("/creator").text
    assert "check your PayPal account" in home
    creator.post(f"{PAYOUTS}/{id}/confirm")
    assert "Nobody claimed it" in creator.get(f"{PAYOUTS}/{id}").text


def test_more_than_paypal_pays_at_once_says_so(app: Flask, creator: Browser) -> None:
    name(creator)
    confirm(app, creator)
    with creator.creator() as person:
        payout = make_payout(person, "20000.00 USD")
        converge.apply(_paid(payout), clock.now())
        db.session.commit()
        earn_matured(person, "20000.01 USD")
    page = creator.get("/creator").text
    assert "PayPal cannot pay this balance" in page
    assert "at most $20,000.00 at once" in page


def _paid(payout: Payout) -> Snapshot:
    assert leaving.may_send(locked(Payout, payout.id), clock.now())
    return transfer_of(payout)


def test_an_address_that_is_somebody_elses_too_can_be_confirmed_by_both(app: Flask) -> None:
    """Naming an address takes nothing from whoever it belongs to."""
    first, second = creator_browser(app, "first"), creator_browser(app, "second")
    name(first)
    name(second)
    confirm(app, second)
    with app.app_context():
        mine = destinations.current(second.id)
        assert mine is not None
        assert mine.status == DestinationStatus.ACTIVE
        others = destinations.current(first.id)
        assert others is not None
        assert others.status == DestinationStatus.ONBOARDING
