"""A bank account is named once, looked at by an operator, cools off, and shows little of itself."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from flask import Flask

from marketplace import clock, sepa
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.notifications.mail import Mail
from marketplace.parties.creator import Creator
from marketplace.payouts import bank_account, receiver, sealing
from marketplace.payouts import destination as destinations
from marketplace.payouts.bank_account import BankAccount
from marketplace.payouts.destination import COOLING, Destination, DestinationStatus
from marketplace.payouts.explain import decision_for
from marketplace.payouts.gate import Reason
from tests.make import IBAN, earn_matured, make_creator, make_destination, make_operator
from tests.within import locked, refused, within

__all__ = ["within"]


def named(creator: Creator, iban: str = IBAN) -> Destination:
    made = bank_account.name(creator.id, "Ada Lovelace", iban, "user:1", clock.now())
    db.session.commit()
    return locked(Destination, made.id)


def accepted(creator: Creator) -> Destination:
    destination = named(creator)
    bank_account.accept(destination, make_operator(), "The names match.", clock.now())
    db.session.commit()
    return destination


def blockers(creator: Creator, currency: str = "EUR") -> list[tuple[Reason, str, Any]]:
    decision = decision_for(creator, currency, clock.now())
    return [(it.reason, it.on, tuple(it.details)) for it in decision.blockers]


def test_it_waits_for_an_operator_then_cools_off_and_its_owner_is_told_by_mail() -> None:
    person = make_creator()
    earn_matured(person.creator, "150.00 EUR")
    destination = named(person.creator)
    waits = (Reason.DESTINATION_NOT_READY, "operator", ("bank.review",))
    assert blockers(person.creator) == [waits]
    bank_account.accept(destination, make_operator(), "The names match.", clock.now())
    db.session.commit()
    assert [it[0] for it in blockers(person.creator)] == [Reason.DESTINATION_COOLING]
    assert destination.cools_until(clock.now()) == (destination.usable_at or clock.now()) + COOLING
    told = [it.subject for it in db.session.query(Mail).order_by(Mail.id)]
    assert told == [
        "Your payouts are to go to a new account",
        "A new account is ready for your payouts",
    ]


def test_two_clicks_name_one_account() -> None:
    creator = make_creator().creator
    assert named(creator).id == named(creator, "DE02120300000000202051").id
    assert db.session.query(BankAccount).count() == 1


def test_nobody_accepts_their_own_account() -> None:
    person = make_creator()
    person.user.is_operator = True
    destination = named(person.creator)
    with refused(BadInput, match="own account"):
        bank_account.accept(destination, person.user, "It is mine.", clock.now())


def test_a_refusal_says_why_and_another_account_can_be_named() -> None:
    creator = make_creator().creator
    destination = named(creator)
    bank_account.refuse(destination, make_operator(), "another holder", clock.now())
    db.session.commit()
    assert (destination.status, destination.refusal) == ("refused", "another holder")
    assert db.session.query(Mail).order_by(Mail.id.desc()).first().subject == (  # type: ignore[union-attr]
        "Your bank account was not accepted"
    )
    assert named(creator).id != destination.id
    with refused(WrongState):
        bank_account.accept(locked(Destination, destination.id), make_operator(), "", clock.now())


def test_its_creator_withdraws_it_while_it_waits_and_not_after() -> None:
    creator = make_creator().creator
    destination = named(creator)
    receiver.withdraw(destination, "user:1", clock.now())
    db.session.commit()
    assert destinations.current(creator.id) is None
    ready = accepted(creator)
    with refused(WrongState):
        receiver.withdraw(locked(Destination, ready.id), "user:1", clock.now())


def test_it_takes_the_place_of_another_destination_at_once() -> None:
    creator = make_creator().creator
    old = make_destination(creator)
    bank_account.replace(creator.id, "Ada Lovelace", IBAN, "user:1", clock.now())
    db.session.commit()
    assert locked(Destination, old.id).status == DestinationStatus.REPLACED
    current = destinations.current(creator.id)
    assert current is not None
    assert current.processor == "bank"


def test_two_people_of_a_household_may_name_one_account_and_operators_see_it() -> None:
    first, second = make_creator().creator, make_creator().creator
    accepted(first)
    destination = accepted(second)
    account = db.session.get_one(BankAccount, destination.id)
    assert [it.id for it in bank_account.alike(account)] == [first.id]
    other = named(make_creator().creator, "DE02120300000000202051")
    assert bank_account.alike(db.session.get_one(BankAccount, other.id)) == []


@pytest.mark.parametrize(
    ("country", "currency", "refusal"),
    [("US", "EUR", "country"), ("FR", "USD", "currency"), ("FR", "EUR", None)],
)
def test_what_the_rail_cannot_do_is_said_before_anything_is_reserved(
    country: str, currency: str, refusal: str | None
) -> None:
    creator = make_creator().creator
    creator.country = country
    accepted(creator)
    earn_matured(creator, f"150.00 {currency}")
    found = [it for it in blockers(creator, currency) if it[0] == Reason.RAIL_CANNOT]
    assert found == ([(Reason.RAIL_CANNOT, "creator", (refusal,))] if refusal else [])


def test_where_we_have_no_account_the_gate_says_so(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    creator = make_creator().creator
    accepted(creator)
    monkeypatch.setitem(app.extensions, "bank", None)
    assert (Reason.RAIL_CANNOT, "creator", ("off",)) in blockers(creator)


def test_what_was_sealed_under_another_key_is_not_read(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = sealing.seal(b"DE89")
    assert b"DE89" not in sealed
    assert sealing.unseal(sealed) == b"DE89"
    with pytest.raises(sealing.Unreadable):
        sealing.unseal(sealed[:-4] + b"AAAA")


def test_what_may_be_shown_of_an_iban_is_not_enough_to_pay_it() -> None:
    destination = named(make_creator().creator)
    assert destination.remote_account == sepa.masked(IBAN) == "FR14 … 2606"


def test_the_database_keeps_an_account_as_it_was_named(owner: psycopg.Connection[Any]) -> None:
    named(make_creator().creator)
    db.session.commit()
    with pytest.raises(psycopg.DatabaseError, match="written once"):
        owner.execute("UPDATE bank_account SET sealed_iban = ''")
