"""How amounts, instants, shares, pictures and lists are written."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale

from marketplace import access, clock
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.notifications import mail
from marketplace.parties.user import User
from marketplace.web import formats
from marketplace.web.art import cover, monogram
from marketplace.web.dev import with_links
from marketplace.web.paging import ROWS
from tests.make import make_brand, make_creator
from tests.web.people import known

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "language", "text"),
    [
        (Money(123_450, "EUR"), "en", "€1,234.50"),
        (Money(123_450, "EUR"), "fr", "1\u202f234,50\xa0€"),
        (Money(-300, "USD"), "en", "-$3.00"),
        (Money(1_234, "JPY"), "en", "¥1,234"),
        (Money(1_234_567, "KWD"), "en", "KWD\xa01,234.567"),
        (Money(1_250, "RSD"), "en", "RSD\xa012.50"),
        (Money(10**15 + 1, "EUR"), "en", "€10,000,000,000,000.01"),
    ],
)
def test_an_amount_is_written_to_its_last_decimal(
    app: Flask, amount: Money, language: str, text: str
) -> None:
    """CLDR would round 12.50 RSD to 13, and a float would lose the cent of the last one."""
    with app.test_request_context("/"), force_locale(language):
        assert formats.money(amount) == text


@pytest.mark.parametrize(
    ("bps", "language", "text"),
    [
        (1250, "en", "12.5%"),
        (1250, "fr", "12,5\xa0%"),
        (1, "en", "0.01%"),
        (10_000, "en", "100%"),
    ],
)
def test_a_share_is_never_rounded(app: Flask, bps: int, language: str, text: str) -> None:
    with app.test_request_context("/"), force_locale(language):
        assert formats.percent(bps) == text


def test_who_has_no_time_zone_sees_utc_and_that_it_is(app: Flask) -> None:
    with app.test_request_context("/"):
        assert formats.moment(NOON).replace("\u202f", " ") == "Nov 22, 2026, 12:00 PM UTC"


def test_a_person_sees_their_own_time_zone(app: Flask) -> None:
    person = known(app, lambda: make_creator(time_zone="Asia/Tokyo").user)
    with app.test_request_context("/"), force_locale("fr"):
        access.log_in(db.session.get_one(User, person.id))
        assert formats.moment(NOON) == "22 nov. 2026, 21:00"
        assert formats.day(datetime(2026, 11, 22, 20, 0, tzinfo=UTC)) == "23 nov. 2026"
        assert formats.day(date(2026, 11, 22)) == "22 nov. 2026"


def test_a_brand_sees_its_own_time_zone(app: Flask) -> None:
    person = known(app, lambda: make_brand(time_zone="America/New_York").user)
    with app.test_request_context("/"), force_locale("fr"):
        access.log_in(db.session.get_one(User, person.id))
        assert formats.moment(NOON) == "22 nov. 2026, 07:00"


def test_a_distance_is_counted_from_domain_time(app: Flask) -> None:
    with app.test_request_context("/"):
        then = clock.now() - timedelta(days=3)
        assert formats.ago(then) == "3 days ago"
        clock.set_offset(timedelta(days=7))
        assert formats.ago(then) == "1 week ago"


def test_the_same_name_always_has_the_same_picture_and_markup_stays_text() -> None:
    assert cover("Northwind") == cover("Northwind") != cover("Halcyon")
    assert "<script" not in monogram("<script> &")
    assert monogram("") != monogram("x")


def test_links_in_a_mail_stay_on_the_host_by_which_it_is_read(app: Flask) -> None:
    base_url = app.extensions["settings"].base_url
    with app.app_context():
        html = with_links(f'<b>see</b> {base_url}/confirm/x.y and https://other.example/"q')
    assert '<a href="/confirm/x.y">' in html
    assert '<a href="https://other.example/">' in html
    assert "<b>" not in html


def test_a_long_list_goes_on_page_by_page_and_ends(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        for number in range(2 * ROWS + 1):
            mail.write("a@b.example", f"Mail {number}.", "", NOON, NOON)
            db.session.flush()
        db.session.commit()
    seen: list[str] = []
    path: str | None = "/dev/mail"
    while path:
        page = client.get(path).text
        seen += [line for line in page.splitlines() if "Mail " in line]
        older = re.search(r'href="(/dev/mail\?before=\w+)"', page)
        path = older[1] if older else None
    assert len(seen) == len(set(seen)) == 2 * ROWS + 1
