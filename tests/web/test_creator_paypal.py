"""Being paid by PayPal: the address, the mail that proves it, and the words for what it does."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from marketplace import clock
from marketplace.extensions import db
from marketplace.notifications.mail import Mail
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts import leaving
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.payouts.explain import decision_for
from marketplace.payouts.gate import Reason
from marketplace.payouts.payout import Payout
from marketplace.webhooks import converge
from tests.make import earn_matured, make_destination, make_payout, transfer_of
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
    """The path in the newest mail with a link to confirm."""
    bodies = [it.body for it in rows(app, Mail)]
    found = [path for body in bodies for path in re.findall(r"http://[^/]+(/\S+/paypal/\S+)", body)]
    return str(found[-1])


def confirm(app: Flask, creator: Browser) -> str:
    path = link(app)
    creator.post(path)
    return path


def cool(person: Creator) -> None:
    """Let the 72 hours pass for the present destination."""
    destination = destinations.current(person.id)
    assert destination is not None
    assert destination.usable_at is not None
    destination.usable_at -= destinations.COOLING
    db.session.commit()


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


def test_a_confirmed_address_cools_off_and_its_creator_is_told_by_mail(
    app: Flask, creator: Browser
) -> None:
    name(creator)
    path = confirm(app, creator)
    before = only(app, Destination).usable_at
    assert before is not None
    told = [it.subject for it in rows(app, Mail) if it.to != ADDRESS]
    assert told == [
        "Your payouts are to go to a new account",
        "A new account is ready for your payouts",
    ]
    assert "Your PayPal account is ready, and new" in creator.get(PAYOUTS).text
    with creator.creator() as person:
        earn_matured(person, "150.00 USD")
        decision = decision_for(person, "USD", clock.now())
        (blocker,) = decision.blockers
        assert blocker.reason == Reason.DESTINATION_COOLING
    assert "Your account is new" in creator.get("/creator").text
    creator.post(path)  # a second click does not begin it anew
    assert only(app, Destination).usable_at == before


def test_a_creator_goes_from_stripe_to_paypal_and_back(app: Flask, creator: Browser) -> None:
    with creator.creator() as person:
        make_destination(person)
    assert "payouts/paypal/replace" in creator.get(PAYOUTS).text
    for _ in range(2):  # a double click names one address
        assert replace_by(creator, ADDRESS).status_code == 303
    confirm(app, creator)
    assert "Your PayPal account is ready" in creator.get(PAYOUTS).text
    assert creator.post(f"{PAYOUTS}/replace").status_code == 303
    assert [(it.processor, it.status) for it in rows(app, Destination)] == [
        ("stripe", DestinationStatus.REPLACED),
        ("paypal", DestinationStatus.REPLACED),
        ("stripe", DestinationStatus.REQUESTED),
    ]
    old = creator.post(link(app))
    assert old.status_code == 410
    assert replace_by(creator, ADDRESS).status_code == 303  # Stripe opens it: nothing was done
    assert len(rows(app, Destination)) == 3


def test_an_address_that_is_refused_replaces_nothing(app: Flask, creator: Browser) -> None:
    with creator.creator() as person:
        make_destination(person)
    reply = replace_by(creator, "nobody")
    assert reply.status_code == 422
    assert "nobody" in reply.text
    assert only(app, Destination).status == DestinationStatus.ACTIVE


def replace_by(creator: Browser, address: str) -> TestResponse:
    return creator.post(f"{PAYOUTS}/paypal/replace", paypal_address=address)


def test_each_state_of_a_payout_is_said_in_words(app: Flask, creator: Browser) -> None:
    name(creator)
    confirm(app, creator)
    with creator.creator() as person:
        cool(person)
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
        cool(person)
        earn_matured(person, "20000.00 USD")
        assert decision_for(person, "USD", clock.now()).payable
        earn_matured(person, "0.01 USD")
    page = creator.get("/creator").text
    assert "PayPal cannot pay this balance" in page
    assert "at most $20,000.00 at once" in page


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
