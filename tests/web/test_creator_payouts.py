"""Being paid at a creator's browser: the destination, the rhythm, and every payout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace import clock
from marketplace.config import Settings
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import Earning
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts import leaving, refusal, returning, settling
from marketplace.payouts import payout as payouts
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.payouts.payout import HoldReason, Payout, PayoutStatus
from marketplace.processors.base import Snapshot
from marketplace.processors.stripe import Stripe
from marketplace.web import creator_words
from tests.make import make_destination, make_payout, transfer_of
from tests.processors.canned import Answer, CannedServer
from tests.processors.make import settings_towards
from tests.web.browsers import Browser, creator_browser, only, rows, together
from tests.within import locked

PAYOUTS = "/creator/payouts"


@pytest.fixture
def creator(app: Flask) -> Browser:
    return creator_browser(app, rhythm="monthly")


@pytest.fixture
def rival(app: Flask) -> Browser:
    return creator_browser(app)


@pytest.fixture
def stripe(app: Flask) -> Iterator[CannedServer]:
    """The application's processor answers what the test says."""
    server = CannedServer()
    server.start()
    own = app.extensions["processors"]["stripe"]
    app.extensions["processors"]["stripe"] = Stripe(settings_towards(server.url))
    yield server
    app.extensions["processors"]["stripe"] = own
    server.stop()


@contextmanager
def destination_of(browser: Browser) -> Iterator[Destination]:
    with browser.app.app_context():
        found = destinations.current(browser.id)
        assert found is not None
        yield locked(Destination, found.id)
        db.session.commit()


def told(browser: Browser, state: str, *requirements: str) -> None:
    """The processor says how the account stands."""
    with destination_of(browser) as destination:
        snapshot = Snapshot(
            "recipient",
            f"acct_{destination.id.hex}",
            destination.id.hex,
            state,
            False,
            requirements=requirements,
        )
        destinations.converge(destination, snapshot, clock.now())


# --- The destination


def test_a_creator_without_destination_is_asked_to_connect(creator: Browser) -> None:
    page = creator.get(PAYOUTS).text
    assert "Connect with Stripe" in page
    assert "No payout yet" in page


def test_connecting_waits_for_the_processor(app: Flask, creator: Browser) -> None:
    assert creator.post(f"{PAYOUTS}/connect").location == PAYOUTS
    destination = only(app, Destination)
    assert (destination.creator_id, destination.status) == (
        creator.id,
        DestinationStatus.REQUESTED,
    )
    page = creator.get(PAYOUTS).text
    assert "Stripe is opening your account" in page
    assert 'http-equiv="refresh"' in page
    assert "Connect with Stripe" not in page
    assert "Stripe is opening your account" in creator.get("/creator").text


def test_two_clicks_at_one_moment_open_one_destination(app: Flask, creator: Browser) -> None:
    other = creator.again()
    together(lambda: creator.post(f"{PAYOUTS}/connect"), lambda: other.post(f"{PAYOUTS}/connect"))
    creator.post(f"{PAYOUTS}/connect")
    assert only(app, Destination)


def test_what_the_processor_still_needs_is_said_in_words(creator: Browser) -> None:
    creator.post(f"{PAYOUTS}/connect")
    told(creator, "pending", "identity.individual", "default_outbound_destination", "new.thing")
    for page in (creator.get(PAYOUTS).text, creator.get("/creator").text):
        assert "Who you are: name, address, date of birth" in page
        assert "A bank account or card to which Stripe pays you" in page
        assert "new.thing" in page, "its own name where we have none"
    assert "Continue onboarding" in creator.get(PAYOUTS).text


def test_an_account_that_is_ready_says_so(creator: Browser) -> None:
    creator.post(f"{PAYOUTS}/connect")
    told(creator, "active")
    page = creator.get(PAYOUTS).text
    assert "Your Stripe account is ready" in page
    assert 'http-equiv="refresh"' not in page


def test_a_refused_account_says_why_and_can_be_asked_for_again(
    app: Flask, creator: Browser
) -> None:
    creator.post(f"{PAYOUTS}/connect")
    with destination_of(creator) as destination:
        destinations.refused(destination, "<b>country_unsupported</b>", clock.now())
    page = creator.get(PAYOUTS).text
    assert "&lt;b&gt;country_unsupported" in page
    creator.post(f"{PAYOUTS}/connect")
    assert len(rows(app, Destination)) == 2


def test_a_country_that_cannot_be_paid_is_told_before_anything_is_asked(
    app: Flask, creator: Browser
) -> None:
    with creator.creator() as person:
        person.country = "KP"
        db.session.commit()
    creator.post(f"{PAYOUTS}/connect")
    assert "Stripe cannot pay people in your country yet." in creator.get(PAYOUTS).text
    assert rows(app, Destination) == []


# --- Onboarding


def onboarding(creator: Browser) -> None:
    creator.post(f"{PAYOUTS}/connect")
    told(creator, "pending", "identity.individual")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_continuing_leads_to_a_fresh_link_and_back_to_the_payouts(
    app: Flask, creator: Browser, stripe: CannedServer, method: str
) -> None:
    onboarding(creator)
    stripe.answer = Answer(200, {"object": "v2.core.account_link", "url": "http://127.0.0.1:9/l"})
    go = creator.get if method == "GET" else creator.post
    reply = go(f"{PAYOUTS}/onboarding")
    assert (reply.status_code, reply.location) == (303, "http://127.0.0.1:9/l")
    (_, path, _, body) = stripe.seen[-1]
    settings: Settings = app.extensions["settings"]
    assert path == "/v2/core/account_links"
    assert f"{settings.base_url}/creator/payouts?returned=1".encode() in body
    assert f"{settings.base_url}/creator/payouts/onboarding".encode() in body

    back = creator.get(f"{PAYOUTS}?returned=1").text
    assert "We are checking with the processor" in back
    assert 'http-equiv="refresh"' in back
    assert "We are checking" not in creator.get(PAYOUTS).text


def test_the_check_ends_once_the_processor_was_asked(
    creator: Browser, stripe: CannedServer
) -> None:
    onboarding(creator)
    stripe.answer = Answer(200, {"object": "v2.core.account_link", "url": "http://127.0.0.1:9/l"})
    creator.post(f"{PAYOUTS}/onboarding")
    with destination_of(creator) as destination:
        destination.check_later(clock.now())
    page = creator.get(f"{PAYOUTS}?returned=1").text
    assert "We are checking" not in page
    assert "Continue onboarding" in page


def test_a_processor_that_does_not_answer_changes_nothing(
    creator: Browser, stripe: CannedServer
) -> None:
    onboarding(creator)
    stripe.answer = Answer(500, {"error": {"type": "api_error", "message": "down"}})
    assert creator.post(f"{PAYOUTS}/onboarding").location == PAYOUTS
    assert "Stripe does not answer at the moment." in creator.get(PAYOUTS).text


@pytest.mark.parametrize("state", [None, "requested", "active"])
def test_who_has_nothing_to_hand_in_is_led_back(creator: Browser, state: str | None) -> None:
    if state:
        creator.post(f"{PAYOUTS}/connect")
    if state == "active":
        told(creator, "active")
    assert creator.post(f"{PAYOUTS}/onboarding").location == PAYOUTS


# --- The rhythm


def test_a_creator_chooses_how_often_they_are_paid(app: Flask, creator: Browser) -> None:
    sent = {"payout_rhythm": "weekly", "time_zone": "Europe/Paris"}
    assert creator.post(f"{PAYOUTS}/rhythm", **sent).location == PAYOUTS
    assert only(app, Creator).payout_rhythm == "weekly"
    page = creator.get(PAYOUTS).text
    assert "Saved." in page
    assert "weekly schedule" in creator.get("/creator").text


def test_a_creator_chooses_the_time_zone_of_their_runs_and_reads_the_next_one_in_it(
    app: Flask, creator: Browser
) -> None:
    sent = {"payout_rhythm": "monthly", "time_zone": "Asia/Kathmandu"}
    assert creator.post(f"{PAYOUTS}/rhythm", **sent).location == PAYOUTS
    mine = only(app, Creator)
    assert mine.time_zone == "Asia/Kathmandu"
    assert mine.payout_rhythm_at > mine.created_at, "it is another schedule"
    page = creator.get(PAYOUTS).text
    assert "in your time zone (Asia/Kathmandu)" in page
    assert "9:00" in page.partition("Next run:")[2].partition(", in your time zone")[0]
    assert '<option value="Asia/Kathmandu" selected' in page


def test_a_time_zone_that_nobody_knows_is_refused_beside_its_field(
    app: Flask, creator: Browser
) -> None:
    before = only(app, Creator).time_zone
    reply = creator.post(f"{PAYOUTS}/rhythm", payout_rhythm="weekly", time_zone="Mars/Olympus")
    assert reply.status_code == 422
    assert 'id="f-time_zone-error"' in reply.text
    assert (only(app, Creator).time_zone, only(app, Creator).payout_rhythm) == (before, "monthly")


@pytest.mark.parametrize("rhythm", ["daily", "", "WEEKLY"])
def test_another_rhythm_is_refused(app: Flask, creator: Browser, rhythm: str) -> None:
    reply = creator.post(f"{PAYOUTS}/rhythm", payout_rhythm=rhythm, time_zone="Europe/Paris")
    assert reply.status_code == 422
    assert 'id="f-payout_rhythm-error"' in reply.text
    assert only(app, Creator).payout_rhythm == "monthly"


# --- Payouts


def reserved(creator: Browser) -> str:
    """The address of a payout that a run has just reserved."""
    with creator.creator() as person:
        return f"{PAYOUTS}/{make_payout(person).id}"


def happens(app: Flask, *acts: Any) -> None:
    """Let the processor answer so about the one payout, one second after the other."""
    for act in acts:
        with app.app_context():
            payout = locked(Payout, only(app, Payout).id)
            act(payout, payout.status_at + timedelta(seconds=1))
            db.session.commit()


def pay(payout: Payout, at: Any) -> None:
    account = f"acct_{payout.destination_id.hex}"
    settling.paid(
        payout,
        Snapshot("transfer", "tr_1", payout.id.hex, "paid", False, payout.amount, account=account),
        at,
    )


def come_back(payout: Payout, at: Any) -> None:
    returning.returned(payout, transfer_of(payout, "reversed"), at)


def confirm(payout: Payout, at: Any) -> None:
    returning.confirm(payout, "user:" + new_id().hex, at)


def refuse(code: str) -> Any:
    return lambda payout, at: refusal.refused(payout, code, "no", at)


def doubt(payout: Payout, at: Any) -> None:
    payouts.doubted(payout, "no answer", at)


def cancel(payout: Payout, at: Any) -> None:
    payouts.cancel(payout, "user:" + new_id().hex, "asked for by the creator", at)


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        ((), "Waits for its turn to be sent"),
        ((leaving.may_send,), "Waits for Stripe to confirm it"),
        ((leaving.may_send, doubt), "it is never sent twice"),
        ((leaving.may_send, refuse("balance_insufficient")), "our balance at Stripe to be filled"),
        ((leaving.may_send, refuse("account_invalid")), "your Stripe account cannot receive it"),
        ((leaving.may_send, refuse("idempotency_error")), "Somebody of the marketplace looks"),
        ((leaving.may_send, refuse("card_declined")), "in your available balance again"),
        ((leaving.may_send, pay), "Sent to your Stripe account on"),
        ((leaving.may_send, pay, come_back), "Stripe took it back on"),
        ((leaving.may_send, come_back, confirm), "You confirmed on"),
        ((cancel,), "asked for by the creator"),
    ],
)
def test_a_payout_says_what_it_waits_for_or_how_it_ended(
    app: Flask, creator: Browser, acts: tuple[Any, ...], said: str
) -> None:
    url = reserved(creator)
    happens(app, *acts)
    page = creator.get(url).text
    assert said in page
    assert "Prepared: the amount is set aside" in page
    assert "$150.00" in page
    assert "Monthly run" in page
    assert "processor_funds" not in page, "reasons are said in words"


# --- What came back


def test_what_came_back_is_said_with_what_to_do_and_confirmed_by_a_button(
    app: Flask, creator: Browser
) -> None:
    url = reserved(creator)
    happens(app, leaving.may_send, come_back)
    for page in (creator.get(PAYOUTS).text, creator.get(url).text):
        assert "Stripe took it back on" in page
        assert "My account is in order" in page
        assert "Returned" in page
    home = creator.get("/creator").text
    assert "The last payout came back" in home
    assert "Check and confirm" in home
    assert "Payout came back" in creator.get(url).text, "in the books"

    assert creator.post(f"{url}/confirm").location == PAYOUTS
    assert "Noted. The next run can pay you again." in creator.get(PAYOUTS).text
    for path in (PAYOUTS, url):
        assert "My account is in order" not in creator.get(path).text
    assert "The last payout came back" not in creator.get("/creator").text
    with app.app_context():
        payout = only(app, Payout)
        assert payout.return_seen_by == f"user:{creator.user_id.hex}"


def test_two_clicks_confirm_once(app: Flask, creator: Browser) -> None:
    url = reserved(creator)
    happens(app, leaving.may_send, come_back)
    other = creator.again()
    together(lambda: creator.post(f"{url}/confirm"), lambda: other.post(f"{url}/confirm"))
    first = only(app, Payout).return_seen_at
    assert first is not None
    creator.post(f"{url}/confirm")
    assert only(app, Payout).return_seen_at == first


def test_a_confirmation_of_what_did_not_come_back_is_told_so(app: Flask, creator: Browser) -> None:
    url = reserved(creator)
    assert creator.post(f"{url}/confirm").location == PAYOUTS
    assert "This has moved on meanwhile" in creator.get(PAYOUTS).text
    assert only(app, Payout).return_seen_at is None


def test_nobody_confirms_for_somebody_else(app: Flask, creator: Browser, rival: Browser) -> None:
    url = reserved(creator)
    happens(app, leaving.may_send, come_back)
    assert rival.post(f"{url}/confirm").status_code == 404
    assert creator.client.post(f"{url}/confirm").status_code == 400, "without its token"
    assert only(app, Payout).return_seen_at is None


def test_the_list_shows_each_payout_with_its_status(app: Flask, creator: Browser) -> None:
    url = reserved(creator)
    happens(app, leaving.may_send, refuse("balance_insufficient"))
    page = creator.get(PAYOUTS).text
    assert url in page
    assert "On hold" in page
    assert "It is tried again on" in page


def test_the_payouts_of_others_do_not_exist(creator: Browser, rival: Browser) -> None:
    url = reserved(creator)
    assert creator.get(url).status_code == 200
    assert rival.get(url).status_code == 404
    assert creator.get(f"{PAYOUTS}/{new_id()}").status_code == 404


def test_every_status_event_and_hold_has_words() -> None:
    for model in (Destination, Earning, Payout):
        table = model.__tablename__
        for (status, event), target in model.MOVES.items():
            assert (table, event) in creator_words.EVENTS
            assert {(table, status), (table, target)} <= set(creator_words.STATUSES)
        for status in set(model.WAITS) - {PayoutStatus.HELD}:
            assert (table, status) in creator_words.WAITS
    assert set(creator_words.HOLDS) == set(HoldReason)


def test_the_forms_of_this_page_need_their_token(app: Flask, creator: Browser) -> None:
    for act in ("connect", "rhythm", "onboarding"):
        reply = creator.client.post(f"{PAYOUTS}/{act}", data={"payout_rhythm": "weekly"})
        assert reply.status_code == 400
    assert rows(app, Destination) == []


def test_another_creators_destination_stays_theirs(creator: Browser, rival: Browser) -> None:
    with rival.creator() as person:
        make_destination(person, "acct_of_the_rival")
    assert "acct_of_the_rival" not in creator.get(PAYOUTS).text
    assert "acct_of_the_rival" in rival.get(PAYOUTS).text
