"""The second rail in the demo world: one creator's address at PayPal, and our money there."""

from __future__ import annotations

from datetime import datetime, timedelta

import requests
from flask import current_app

from marketplace import clock
from marketplace.config import Settings
from marketplace.database.lock import lock
from marketplace.demo import people
from marketplace.demo.steps import Step
from marketplace.extensions import db
from marketplace.funding import moving
from marketplace.money import Money
from marketplace.payouts import receiver
from marketplace.payouts.destination import Destination

FLOATS = {"DEMO-1": Money(60_000, "USD"), "DEMO-2": Money(4_000, "EUR")}
TIMEOUT_S = 30


def steps(present: datetime) -> list[Step]:
    """An operator moves money to PayPal; whoever wants to be paid there confirms their address."""
    return [
        Step(present - timedelta(days=58), _fund),
        Step(present - timedelta(days=57), _name_addresses),
    ]


def _fund() -> None:
    settings: Settings = current_app.extensions["settings"]
    url = f"{settings.paypal_api_base}/_sandbox/paypal/fund"
    actor = f"user:{people.operator().id.hex}"
    for reference, amount in FLOATS.items():
        asked = {"currency": amount.currency, "value": str(amount.decimal)}
        requests.post(url, json=asked, timeout=TIMEOUT_S).raise_for_status()
        moving.move("stripe", receiver.PROCESSOR, amount, reference, actor, clock.now())
        db.session.commit()


def _name_addresses() -> None:
    for role in people.CREATORS:
        if role.destination == receiver.PROCESSOR:
            creator = people.creator(role.handle)
            actor = f"user:{creator.user_id.hex}"
            named = receiver.name(creator.id, people.mail_of(role), actor, clock.now())
            destination = lock(Destination, named.id)
            assert destination is not None
            receiver.confirm(destination, clock.now())
    db.session.commit()
