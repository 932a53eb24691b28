"""Forms and their fields: what is read, what is refused, and that one filled-in form acts once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask_babel import force_locale
from marshmallow import ValidationError
from sqlalchemy import func, select

from marketplace import clock
from marketplace.campaigns import campaign as campaigns
from marketplace.campaigns.campaign import Campaign
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, InsufficientFunds, says
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.brand import Brand
from marketplace.schemas import Sent
from marketplace.schemas.fields import Amount, Choice, Day, FormKey, Text, WholeNumber
from marketplace.web import forms
from tests.make import make_brand


class Everything(Sent):
    """One field of each kind."""

    title = Text(length_min=2, length_max=20)
    notes = Text(lines=True, required=False)
    places = WholeNumber(1, 100, required=False)
    opens_on = Day(required=False)
    amount = Amount(required=False)
    currency = Choice(("EUR", "JPY", "KWD"), required=False)
    form_key = FormKey()


def read(**sent: object) -> dict[str, Any]:
    loaded: dict[str, Any] = Everything().load({"title": "Tea", "form_key": new_id().hex} | sent)
    return loaded


def refusal(**sent: object) -> str:
    """What is said of the one bad field."""
    with pytest.raises(ValidationError) as refused:
        read(**sent)
    ((sentence, *_),) = refused.value.messages_dict.values()
    return str(sentence)


@pytest.mark.parametrize(
    ("sent", "loaded"),
    [
        ({"title": "  Green tea "}, {"title": "Green tea"}),
        ({"notes": "a\r\nb"}, {"notes": "a\nb"}),
        ({"notes": ""}, {"notes": ""}),
        ({"places": "7"}, {"places": 7}),
        ({"places": ""}, {"places": None}),
        ({"opens_on": "2026-11-30"}, {"opens_on": date(2026, 11, 30)}),
        ({"amount": "1 234,50", "currency": "EUR"}, {"amount": Money(123_450, "EUR")}),
        ({"amount": "1234.5", "currency": "KWD"}, {"amount": Money(1_234_500, "KWD")}),
        ({"amount": "1234", "currency": "JPY"}, {"amount": Money(1_234, "JPY")}),
    ],
)
def test_a_field_reads_what_people_write(sent: dict[str, str], loaded: dict[str, object]) -> None:
    assert loaded.items() <= read(**sent).items()


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"title": "   "}, "fill this in"),
        ({"title": "x"}, "At least 2"),
        ({"title": "x" * 21}, "At most 20"),
        ({"title": "a\x00b"}, "cannot be stored"),
        ({"title": "a\ud800b"}, "cannot be stored"),
        ({"title": "a\nb"}, "cannot be stored"),
        ({"title": 7}, "must be text"),
        ({"title": ["Tea"]}, "must be text"),
        ({"title": None}, "fill this in"),
        ({"notes": "a\x1bb"}, "cannot be stored"),
        ({"places": "0"}, "from 1 to 100"),
        ({"places": "7.5"}, "from 1 to 100"),
        ({"places": "٧"}, "from 1 to 100"),
        ({"places": "1" * 20}, "from 1 to 100"),
        ({"opens_on": "30/11/2026"}, "A date such as"),
        ({"opens_on": "2026-02-30"}, "A date such as"),
        ({"amount": "0", "currency": "EUR"}, "above zero"),
        ({"amount": "-5", "currency": "EUR"}, "above zero"),
        ({"amount": "1.005", "currency": "EUR"}, "at most 2 decimals"),
        ({"amount": "1.5", "currency": "JPY"}, "A whole amount"),
        ({"amount": "1,234.50", "currency": "EUR"}, "at most 2 decimals"),
        ({"amount": "NaN", "currency": "EUR"}, "at most 2 decimals"),
        ({"amount": "9" * 30, "currency": "EUR"}, "at most 2 decimals"),
        ({"amount": "5"}, "currency first"),
        ({"currency": "EURO"}, "one of the list"),
        ({"form_key": ""}, "out of date"),
        ({"form_key": "not-a-key"}, "out of date"),
        ({"form_key": 7}, "out of date"),
    ],
)
def test_a_field_refuses_what_cannot_be_taken(sent: dict[str, object], says: str) -> None:
    assert says in refusal(**sent)


def test_a_form_says_in_the_language_of_the_page_what_is_wrong(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data={"title": "x"}), force_locale("fr"):
        form = forms.sent(Everything())
        with form.refusals():
            assert form.data
        assert form.errors == {
            "title": "Au moins 2 caractères.",
            "": "Ce formulaire est périmé. Rechargez la page.",
        }


def test_a_refusal_of_the_domain_stands_beside_its_field_with_its_amounts(app: Flask) -> None:
    with app.test_request_context("/"), force_locale("fr"):
        form = forms.blank(amount="5")
        with form.refusals():
            left = Money(1_250, "EUR")
            raise BadInput(
                "amount", {"amount": says("more than zero, at most %(left)s", left=left)}
            )
        assert form.errors == {"amount": "plus que zéro, au plus 12,50\xa0€"}


def test_what_a_refused_form_had_begun_is_undone(app: Flask) -> None:
    with app.test_request_context("/"):
        form = forms.blank()
        with form.refusals():
            found = Brand(name="Half", time_zone="UTC", created_at=clock.now())
            db.session.add(found)
            db.session.flush()
            raise BadInput("too late")
        assert form.errors == {"": "too late"}
        assert db.session.scalars(select(func.count()).select_from(Brand)).one() == 0


def test_another_error_is_not_taken_for_a_refusal(app: Flask) -> None:
    with (
        app.test_request_context("/"),
        pytest.raises(InsufficientFunds),
        forms.blank().refusals(),
    ):
        raise InsufficientFunds("not enough")


# --- Once


def draft(brand_id: UUID, form_key: UUID) -> UUID:
    """What a view does with a filled-in form."""

    def make() -> Campaign:
        brand = db.session.get_one(Brand, brand_id)
        at = clock.now()
        return campaigns.draft(brand, "Tea", "EUR", form_key=form_key, actor="system", at=at)

    return forms.once(Campaign, form_key, make).id


@pytest.fixture
def brand_id(app: Flask) -> UUID:
    with app.app_context():
        return make_brand().brand.id


def campaigns_there(app: Flask) -> int:
    with app.app_context():
        return db.session.scalars(select(func.count()).select_from(Campaign)).one()


def test_a_form_sent_twice_makes_one_thing(app: Flask, brand_id: UUID) -> None:
    form_key = new_id()
    with app.app_context():
        assert draft(brand_id, form_key) == draft(brand_id, form_key)
        assert draft(brand_id, new_id()) != draft(brand_id, form_key)
    assert campaigns_there(app) == 2


def test_a_double_click_at_the_same_moment_makes_one_thing(app: Flask, brand_id: UUID) -> None:
    form_key, together = new_id(), threading.Barrier(4)

    def click(_: int) -> UUID:
        with app.app_context():
            together.wait(timeout=10)
            return draft(brand_id, form_key)

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(click, range(4)))) == 1
    assert campaigns_there(app) == 1


def test_a_refusal_without_a_first_thing_stays_a_refusal(app: Flask, brand_id: UUID) -> None:
    def refuse() -> Campaign:
        raise InsufficientFunds("not enough")

    with app.app_context():
        with pytest.raises(InsufficientFunds):
            forms.once(Campaign, new_id(), refuse)

        form_key = new_id()
        first = draft(brand_id, form_key)
        assert forms.once(Campaign, form_key, refuse).id == first
