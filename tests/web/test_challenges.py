"""Challenges and contests at browsers: posted, entered, judged, appealed, read by everybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace import clock
from marketplace.challenges.challenge import Challenge, Kind
from marketplace.challenges.entry import Entry
from marketplace.challenges.sheet import ResultSheet
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit
from tests.challenges.make import act, closing, link_of, make_challenge, make_entry, member
from tests.make import make_member, make_operator, pay
from tests.web.browsers import Browser, brand_browser, creator_browser, only, rows
from tests.web.people import known, log_in

NEW = "/brand/challenges/new"


@pytest.fixture
def brand(app: Flask) -> Browser:
    return brand_browser(app)


@pytest.fixture
def creator(app: Flask) -> Browser:
    """A member of the program."""
    browser = creator_browser(app, "ines")
    with browser.creator() as me:
        make_member(me)
    return browser


@pytest.fixture
def operator(app: Flask) -> Browser:
    person = known(app, make_operator)
    client = app.test_client()
    return Browser(app, client, log_in(client, person), person.id, person.id)


def terms(**changes: object) -> dict[str, Any]:
    """A complete contest as somebody types it."""
    today = clock.now().date()
    typed = {
        "form_key": new_id(),
        "title": "Slow mornings",
        "brief": "One post of yours.",
        "kind": "contest",
        "ranked_by": "scores",
        "currency": "EUR",
        "prizes": "1000\r\n500,00\r\n250",
        "min_followers": "20000",
        "opens_on": today,
        "closes_on": today + timedelta(days=10),
        "action": "fund",
    }
    return typed | changes


def made(brand: Browser, **options: Any) -> str:
    """The id of a challenge that was made by the domain."""
    with brand.team() as team:
        return str(make_challenge(team, **options).id)


def judged_now(app: Flask, id: str) -> None:
    """Let its window pass."""
    with app.app_context():
        act(closing(db.session.get_one(Challenge, id)))


# ---- the brand posts


def test_a_brand_posts_a_contest_and_pays_it_in(app: Flask, brand: Browser) -> None:
    assert "Sponsor your first open call" in brand.get("/brand/challenges").text
    reply = brand.post(NEW, **terms())
    posted = only(app, Challenge)
    url = f"/brand/challenges/{posted.id}"
    assert (reply.status_code, reply.location) == (303, url)
    assert (posted.status, posted.prizes_minor) == ("awaiting_funds", [100_000, 50_000, 25_000])
    assert (posted.pool_minor, posted.criteria) == (175_000, {"min_followers": 20_000})
    page = brand.get(url).text
    assert "€1,750.00 is missing" in page
    asked = brand.post(f"{url}/top-up", form_key=new_id())
    deposit = only(app, Deposit)
    assert asked.location == f"/brand/deposits/{deposit.id}?onward=1"
    assert "Slow mornings" in brand.get(f"/brand/deposits/{deposit.id}").text
    with app.app_context():
        pay(db.session.get_one(Deposit, deposit.id))
    page = brand.get(url).text
    assert "Nobody has entered yet" in page
    sha256 = only(app, Challenge).rules_sha256
    assert sha256
    assert sha256 in page
    assert "Slow mornings" in brand.get("/brand/money").text
    assert "Slow mornings" in brand.get("/brand/deposits").text
    assert "€1,750.00" in brand.get("/brand").text


def test_a_draft_keeps_what_can_be_read(app: Flask, brand: Browser) -> None:
    reply = brand.post(NEW, **terms(prizes="1000\nlots", action="draft"))
    assert reply.status_code == 422
    assert "Line 2" in reply.text
    draft = only(app, Challenge)
    assert (draft.status, draft.prizes_minor) == ("draft", [])
    brand.post(f"/brand/challenges/{draft.id}/edit", **terms(prizes="5", action="draft"))
    assert only(app, Challenge).prizes_minor == [500]
    page = brand.get(f"/brand/challenges/{draft.id}/edit").text
    assert "5.00" in page


def test_what_is_missing_is_said_beside_the_fields(app: Flask, brand: Browser) -> None:
    reply = brand.post(NEW, **terms(prizes="", brief="", kind="contest"))
    assert reply.status_code == 422
    assert "say what each rank wins" in reply.text
    assert rows(app, Challenge) == []


def test_once_somebody_has_entered_it_cannot_be_called_off(brand: Browser) -> None:
    id = made(brand)
    assert "Call it off" in brand.get(f"/brand/challenges/{id}").text
    with brand.team():
        make_entry(db.session.get_one(Challenge, id))
    assert "Call it off" not in brand.get(f"/brand/challenges/{id}").text
    brand.post(f"/brand/challenges/{id}/cancel", reason="too dear")
    assert "moved on meanwhile" in brand.get(f"/brand/challenges/{id}").text


# ---- the creator enters


def test_a_creator_reads_the_frozen_rules_and_enters_by_link(
    app: Flask, brand: Browser, creator: Browser
) -> None:
    id = made(brand)
    listed = creator.get("/creator/challenges").text
    assert "Show us your morning" in listed
    assert "Eligible" in listed
    url = f"/creator/challenges/{id}"
    page = creator.get(url).text
    assert str(only(app, Challenge).rules_sha256) in page
    assert "$1,000.00" in page
    refused = creator.post(f"{url}/enter", link="my post")
    assert refused.status_code == 422
    assert "he public address of your post" in refused.text
    entered = creator.post(f"{url}/enter", link="https://www.tiktok.com/@ines/video/7")
    assert entered.location == url
    creator.post(f"{url}/enter", link="https://www.tiktok.com/@ines/video/8")
    assert only(app, Entry).link_key == "tiktok.com/@ines/video/7"
    assert "tiktok.com/@ines/video/7" in creator.get(url).text
    assert "Your entries" in creator.get("/creator/challenges").text


def test_who_cannot_enter_reads_what_is_missing(app: Flask, brand: Browser) -> None:
    stranger = creator_browser(app, "eva")
    id = made(brand, criteria={"min_followers": 30_000})
    assert "For members of the program" in stranger.get("/creator/challenges").text
    page = stranger.get(f"/creator/challenges/{id}").text
    assert "Membership of the creator program" in page
    assert "30,000 missing" in page
    assert "Link of your post" not in page
    link = "https://www.tiktok.com/@eva/video/7"
    assert stranger.post(f"/creator/challenges/{id}/enter", link=link).status_code == 422
    assert rows(app, Entry) == []


@pytest.mark.parametrize("status", ["draft", "awaiting_funds"])
def test_what_is_not_open_does_not_exist_for_creators_and_the_public(
    app: Flask, brand: Browser, creator: Browser, status: str
) -> None:
    id = made(brand, status=status)
    assert creator.get(f"/creator/challenges/{id}").status_code == 404
    assert app.test_client().get(f"/challenges/{id}").status_code == 404


# ---- judged, appealed


def test_a_brand_scores_rules_out_and_names_the_winners(
    app: Flask, brand: Browser, creator: Browser, operator: Browser
) -> None:
    id = made(brand)
    url = f"/brand/challenges/{id}"
    with brand.team():
        contest = db.session.get_one(Challenge, id)
        with creator.creator() as me:
            own = make_entry(contest, me).id
        other = make_entry(contest, minutes=1).id
        third = make_entry(contest, minutes=2).id
    judged_now(app, id)
    assert "name the winners by" in brand.get(url).text
    wrong = brand.post(f"/brand/entries/{own}/score", score="101")
    assert wrong.status_code == 422
    assert 'value="101"' in wrong.text
    brand.post(f"/brand/entries/{own}/score", score="90")
    assert "90 points" not in creator.get(f"/creator/challenges/{id}").text, "not yet"
    brand.post(f"{url}/publish")
    assert "every valid entry a score" in brand.get(url).text
    brand.post(f"/brand/entries/{other}/score", score="90")
    assert brand.post(f"/brand/entries/{third}/disqualify", reason=" ").status_code == 422
    brand.post(f"/brand/entries/{third}/disqualify", reason="not a morning")
    brand.post(f"{url}/publish")
    anybody = app.test_client()
    for page in (
        brand.get(url).text,
        creator.get(f"/creator/challenges/{id}").text,
        anybody.get(f"/challenges/{id}").text,
        operator.get(f"/operator/challenges/{id}").text,
    ):
        assert "Provisional results" in page
        assert page.count("$750.00") == 2
        assert "$250.00" in page, "goes back to the brand"
    brand.post(f"{url}/award")
    assert "may still appeal" in brand.get(url).text
    # The brand is heard no more; an operator reinstates, with a score, and everything moves.
    brand.post(f"/brand/entries/{own}/disqualify", reason="second thoughts")
    assert "moved on meanwhile" in brand.get(url).text
    again = f"/operator/entries/{third}/reinstate"
    assert operator.post(again, reason="It is a morning.").status_code == 422
    operator.post(again, reason="It is a morning.", score="95")
    assert len(rows(app, ResultSheet)) == 2
    page = creator.get(f"/creator/challenges/{id}").text
    assert "1 version before" in page
    assert "$1,000.00" in page


def test_a_disqualified_creator_reads_why(brand: Browser, creator: Browser) -> None:
    id = made(brand, kind=Kind.CHALLENGE)
    with brand.team(), creator.creator() as me:
        entry = make_entry(db.session.get_one(Challenge, id), me)
        entry_id = entry.id
    brand.post(f"/brand/entries/{entry_id}/disqualify", reason="Not <b>yours</b>.")
    page = creator.get(f"/creator/challenges/{id}").text
    assert "Disqualified: Not &lt;b&gt;yours&lt;/b&gt;." in page


def test_another_brands_entries_do_not_exist(app: Flask, brand: Browser) -> None:
    id = made(brand)
    with brand.team():
        entry_id = make_entry(db.session.get_one(Challenge, id)).id
    rival = brand_browser(app, "Kite & Co")
    for act_on in ("score", "disqualify"):
        reply = rival.post(f"/brand/entries/{entry_id}/{act_on}", score="5", reason="rivalry")
        assert reply.status_code == 404
    assert only(app, Entry).status == "valid"


def test_an_operator_sees_every_challenge_and_its_books(brand: Browser, operator: Browser) -> None:
    id = made(brand)
    assert "Show us your morning" in operator.get("/operator/challenges").text
    assert "Show us your morning" not in operator.get("/operator/challenges?status=draft").text
    page = operator.get(f"/operator/challenges/{id}").text
    assert "Its reserved account" in page
    found = operator.get("/operator/ledger/accounts?owner=show+us").text
    assert "Show us your morning" in found


def test_a_link_is_kept_as_text(app: Flask, brand: Browser, creator: Browser) -> None:
    id = made(brand)
    with app.app_context():
        assert link_of(member()).startswith("https://")
    hostile = 'https://a.example/"><script>alert(1)</script>'
    creator.post(f"/creator/challenges/{id}/enter", link=hostile)
    page = brand.get(f"/brand/challenges/{id}").text
    assert "<script>alert" not in page
