"""A bank account from its naming to the bank's answer, as a creator and operators see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from marketplace import clock, demo_clock
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import bank_answer, bank_file
from marketplace.payouts import destination as destinations
from marketplace.payouts.bank_account import BankAccount
from marketplace.payouts.bank_file import BankFile, BankFileDownload
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout
from marketplace.processors import bank_file as wire
from marketplace.web import bank_words
from tests.make import (
    IBAN,
    earn,
    earn_matured,
    fund_bank,
    log_in,
    make_bank_destination,
    make_creator,
    make_payout,
)
from tests.web.operating import Operating, operating

__all__ = ["operating"]

PAYOUTS, BANK = "/creator/payouts", "/operator/payouts/bank"
MINE = {"holder": "Inès Moreau", "iban": "FR14 2004 1010 0505 0001 3M02 606"}


@dataclass
class Naming:
    """A creator who earns euros, at their browser."""

    app: Flask
    id: UUID
    post: Callable[..., TestResponse]
    see: Callable[[str], str]

    def name(self, **details: str) -> TestResponse:
        return self.post(f"{PAYOUTS}/bank", **(MINE | details))


@pytest.fixture
def creator(app: Flask) -> Naming:
    with app.app_context():
        person = make_creator()
        earn(person.creator, "150.00 EUR")
        browser = app.test_client()
        id = person.creator.id
        token = log_in(browser, person.user)
        db.session.remove()

    def post(path: str, **fields: str) -> TestResponse:
        return browser.post(path, data={"csrf_token": token, **fields})

    return Naming(app, id, post, lambda path: browser.get(path).text)


def of(app: Flask, look: Callable[[], Any]) -> Any:
    with app.app_context():
        found = look()
        db.session.remove()
        return found


def the(model: Any) -> Any:
    return db.session.query(model).one()


def test_a_named_account_is_shown_by_its_ends_and_waits(app: Flask, creator: Naming) -> None:
    assert "To a bank account" in creator.see(PAYOUTS)
    assert creator.name().status_code == 303
    page = creator.see(PAYOUTS)
    assert "who looks whether the account is yours" in page
    assert "FR14 … 2606" in page
    assert IBAN not in page
    assert "Your bank account is being looked at" in creator.see("/creator")
    account = of(app, lambda: the(BankAccount))
    assert account.holder == "Ines Moreau"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"iban": "FR14 2004 1010 0505 0001 3M02 607"}, "This is no IBAN"),
        ({"iban": "BR1500000000000010932840814P2"}, "SEPA does not reach accounts in BR."),
        ({"iban": ""}, "Please fill this in."),
        ({"holder": "北京"}, "Latin letters"),
        ({"holder": "x" * 71}, "At most 70 characters."),
    ],
)
def test_what_is_wrong_is_said_beside_it_and_what_was_typed_stays(
    app: Flask, creator: Naming, wrong: dict[str, str], said: str
) -> None:
    reply = creator.name(**wrong)
    assert reply.status_code == 422
    assert said in reply.text
    assert 'value="FR14 2004' in reply.text or "iban" in wrong
    assert of(app, lambda: db.session.query(Destination).count()) == 0


def test_whoever_earns_no_euros_or_lives_elsewhere_is_told(app: Flask, creator: Naming) -> None:
    def live_in(country: str) -> None:
        db.session.get_one(Creator, creator.id).country = country
        db.session.commit()

    of(app, lambda: live_in("US"))
    assert "SEPA does not reach your country." in creator.name().text
    other = of(app, lambda: make_creator())
    browser = app.test_client()
    with app.app_context():
        token = log_in(browser, db.session.merge(other.user))
    data = {"csrf_token": token, **MINE}
    assert "SEPA pays euros alone" in browser.post(f"{PAYOUTS}/bank", data=data).text


def test_where_we_have_no_account_it_is_not_offered_and_operators_read_why(
    app: Flask, creator: Naming, operating: Operating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "bank", None)
    assert "To a bank account" not in creator.see(PAYOUTS)
    assert creator.name().status_code == 404
    assert "BANK_ACCOUNT_IBAN" in operating.see(BANK)


def test_an_operator_compares_the_names_and_accepts(
    app: Flask, creator: Naming, operating: Operating
) -> None:
    creator.name()
    assert "Bank accounts to look at" in operating.see("/operator")
    found = re.search(rf'"({BANK}/accounts/[^"]+)"', operating.see(BANK))
    assert found
    page = operating.see(found[1])
    assert "Ines Moreau" in page
    assert IBAN not in page
    assert operating.send(f"{found[1]}/decide", decision="accept").status_code == 422
    reply = operating.send(f"{found[1]}/decide", decision="accept", reason="The names match.")
    assert reply.status_code == 303
    destination = of(app, lambda: the(Destination))
    assert destination.status == "active"
    assert destination.cools_until(clock.now()) is not None
    assert "Your SEPA account is ready, and new" in creator.see(PAYOUTS)
    late = operating.send(f"{found[1]}/decide", decision="refuse", reason="Too late.")
    assert late.status_code == 303
    assert of(app, lambda: the(Destination)).status == "active"


def test_a_refused_account_says_why_and_another_may_be_named(
    app: Flask, creator: Naming, operating: Operating
) -> None:
    creator.name()
    id = of(app, lambda: the(Destination)).id
    path = f"{BANK}/accounts/{id}/decide"
    operating.send(path, decision="refuse", reason="It is a company's.")
    assert "Your bank account was not accepted: It is a company" in creator.see(PAYOUTS)
    assert creator.name().status_code == 303


def test_an_account_is_withdrawn_while_it_waits(app: Flask, creator: Naming) -> None:
    creator.name()
    assert creator.post(f"{PAYOUTS}/bank/withdraw").status_code == 303
    assert of(app, lambda: destinations.current(creator.id)) is None


def test_a_bank_account_takes_the_place_of_another(app: Flask, creator: Naming) -> None:
    creator.name()
    reply = creator.post(f"{PAYOUTS}/bank/replace", **MINE)
    assert reply.status_code == 303  # it waits already: nothing was done
    assert of(app, lambda: db.session.query(Destination).count()) == 1


@pytest.fixture
def file(app: Flask, creator: Naming) -> BankFile:
    """The file that pays the creator 150.00 EUR; domain time is past it."""

    def make() -> BankFile:
        fund_bank(Money(50_000, "EUR"))
        mine = db.session.get_one(Creator, creator.id)
        make_bank_destination(mine)
        earn_matured(mine, "0.01 EUR")
        make_payout(mine, "0.99 EUR")
        made: BankFile = the(BankFile)
        demo_clock.set_to(made.made_at + timedelta(hours=1))
        db.session.commit()
        db.session.refresh(made)
        return made

    return cast(BankFile, of(app, make))


def test_the_file_is_downloaded_as_it_was_made_and_it_is_kept_who_took_it(
    app: Flask, operating: Operating, file: BankFile
) -> None:
    path = f"{BANK}/files/{file.id}"
    assert "Nobody so far." in operating.see(path)
    first, second = (operating.send(f"{path}/download") for _ in range(2))
    assert first.data == second.data
    assert bank_file.sha256(first.data) == file.sha256
    assert first.mimetype == "application/xml"
    assert f'filename="{file.message_id}.xml"' in first.headers["Content-Disposition"]
    assert "no-store" in first.headers["Cache-Control"]
    (payment,) = wire.read(first.data)
    assert payment.iban == IBAN
    assert of(app, lambda: db.session.query(BankFileDownload).count()) == 2
    page = operating.see(path)
    assert file.sha256 in page
    assert IBAN not in page
    assert operating.client.get(f"{path}/download").status_code == 405


def test_the_banks_word_pays_it_and_a_later_one_gives_it_back(
    app: Flask, creator: Naming, operating: Operating, file: BankFile
) -> None:
    path, day = f"{BANK}/files/{file.id}", str(clock.now().date())
    payout = of(app, lambda: the(Payout)).id
    payment = f"{BANK}/payments/{payout}"
    assert operating.send(f"{path}/executed", answered_on=day).status_code == 422
    early = operating.send(f"{path}/executed", answered_on="2020-01-01", reference="S1")
    assert "when the file was made" in early.text
    assert 'value="S1"' in early.text
    done = operating.send(f"{path}/executed", answered_on=day, reference="S1")
    assert done.status_code == 303
    assert "Paid" in creator.see(f"{PAYOUTS}/{payout}")
    again = operating.send(f"{path}/executed", answered_on=day, reference="S1")
    assert again.status_code == 303

    def send(code: str) -> TestResponse:
        return operating.send(f"{payment}/not-paid", answered_on=day, reference="S2", code=code)

    assert send("x").status_code == 422
    assert send("AC04").status_code == 303
    page = creator.see(f"{PAYOUTS}/{payout}")
    assert "The account is closed. (AC04)" in page
    assert "SEPA" in page
    assert "The bank says" in operating.see(f"/operator/payouts/{payout}")
    seen = operating.see(payment)
    assert "S1" in seen
    assert "S2" in seen
    assert "Give the money back" not in seen
    creator.post(f"{PAYOUTS}/{payout}/confirm")
    assert "The bank gave it back" in creator.see(f"{PAYOUTS}/{payout}")


def test_the_run_leads_to_its_file(operating: Operating, file: BankFile) -> None:
    assert f"{BANK}/files/{file.id}" in operating.see(f"/operator/payouts/runs/{file.run_id}")
    assert "Payments in bank files without an answer" in operating.see("/operator")


def test_every_code_of_a_bank_has_words() -> None:
    assert set(bank_words.CODES) == set(bank_answer.CODES)
    assert bank_words.said("AC04") == "The account is closed. (AC04)"
    assert bank_words.said("something else") == "something else"
    assert bank_words.said(None) == ""
