"""The bank rail in the demo world: one creator's account, one file the bank paid, one it has."""

from __future__ import annotations

from datetime import datetime, timedelta

import requests
from flask import current_app

from marketplace import clock
from marketplace.config import Settings
from marketplace.database.lock import lock
from marketplace.demo import people
from marketplace.demo.pools import bring, fill
from marketplace.demo.steps import Step
from marketplace.earnings.earning import EarningKind
from marketplace.extensions import db
from marketplace.funding import moving
from marketplace.funding.deposit import Purpose
from marketplace.money import Money
from marketplace.parties import creator as creators
from marketplace.parties import user as users
from marketplace.payouts import bank_account, bank_answer, bank_file
from marketplace.payouts.bank_file import BankFile
from marketplace.payouts.destination import Destination

HANDLE, EMAIL, NAME = "cleo", "cleo@demo.example", "Cléo Marchand"
IBAN = "FR1420041010050500013M02606"  # the one that everybody's examples use
POOL = Money(40_000, "EUR")
MOVED = Money(38_810, "EUR")  # what Stripe leaves of it: its other euros are another story
TIMEOUT_S = 30


def steps(present: datetime) -> list[Step]:
    """She names her account, an operator accepts it; two runs pay her, the first is answered."""

    def ago(days: float) -> datetime:
        return present - timedelta(days=days)

    return [
        Step(ago(57), _join),
        Step(ago(56), lambda: fill(Purpose.FUND_POOL, POOL)),
        Step(ago(52), _move),
        Step(ago(50), lambda: bring(EarningKind.FUND, "euros-1.csv", {HANDLE: "180.00 EUR"})),
        Step(ago(17), lambda: bring(EarningKind.FUND, "euros-2.csv", {HANDLE: "140.00 EUR"})),
        Step(ago(34), _answer),
    ]


def _join() -> None:
    person = users.register(EMAIL, NAME, people.PASSWORD, clock.now())
    person.confirm(clock.now())
    creator = creators.join(person, HANDLE, "FR", "Europe/Paris", clock.now())
    creator.choose_rhythm("weekly", clock.now())
    actor = f"user:{person.id.hex}"
    named = bank_account.name(creator.id, "Cleo Marchand", IBAN, actor, clock.now())
    destination = lock(Destination, named.id)
    assert destination is not None
    bank_account.accept(destination, people.operator(), "The names match.", clock.now())


def _move() -> None:
    settings: Settings = current_app.extensions["settings"]
    asked = {"currency": MOVED.currency, "value": str(MOVED.decimal)}
    url = f"{settings.stripe_api_base}/_sandbox/withdraw"
    requests.post(url, json=asked, timeout=TIMEOUT_S).raise_for_status()
    actor = f"user:{people.operator().id.hex}"
    moving.move("stripe", bank_account.PROCESSOR, MOVED, "DEMO-3", actor, clock.now())


def _answer() -> None:
    """The operator gave the first file to the bank, and reads in its statement that it paid."""
    operator, at = people.operator(), clock.now()
    for file in db.session.query(BankFile).all():
        bank_file.download(file, f"user:{operator.id.hex}", at)
        bank_answer.executed(file, at.date(), "DEMO-STATEMENT-1", operator, at)
