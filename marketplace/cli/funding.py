"""`flask processors fund …`: our own money, moved to another processor or to our bank account."""

from __future__ import annotations

import click
import requests
from flask import current_app
from flask.cli import with_appcontext

from marketplace import clock
from marketplace.cli.acting import as_operator, operator
from marketplace.cli.worker import load_domain_time
from marketplace.config import Settings
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.funding import moving
from marketplace.money import Money, parse
from marketplace.processors import registry


@click.command("fund")
@click.argument("processor")
@click.argument("amount")
@click.argument("currency")
@click.option("--from", "source", default="stripe", show_default=True, help="Where it came from.")
@click.option(
    "--reference",
    required=True,
    help="What the bank or the processor calls this transfer; the same one again changes nothing.",
)
@as_operator
@with_appcontext
def fund(
    processor: str, amount: str, currency: str, source: str, reference: str, email: str | None
) -> None:
    """Write down that AMOUNT of CURRENCY arrived at PROCESSOR: `paypal 5000 USD`, `bank 900 EUR`.

    The money itself is moved by you, at the banks. In sandbox mode this moves it there too.
    """
    load_domain_time()
    actor = f"user:{operator(email).id.hex}"
    for name in (processor, source):
        registry.rail(name)
    if processor == source:
        raise BadInput("the money must come from another processor")
    money = _read(amount, currency.upper())
    settings: Settings = current_app.extensions["settings"]
    if settings.sandbox and moving.known_by(reference) is None:
        db.session.rollback()  # nothing is open while we ask over the network
        _tell_sandbox(settings, source, processor, money)
    moved = moving.move(source, processor, money, reference, actor, clock.now())
    db.session.commit()
    click.echo(f"{moved.amount} moved from {source} to {processor} ({reference})")


def _read(amount: str, currency: str) -> Money:
    try:
        money = parse(amount, currency)
    except ValueError as error:
        raise BadInput(f"{amount} {currency} is no amount: {error}") from error
    if money.minor <= 0:
        raise BadInput("the amount must be above zero")
    return money


def _tell_sandbox(settings: Settings, source: str, processor: str, money: Money) -> None:
    """Let the sandbox move the money between the two that it plays, or out to the bank."""
    path = {"paypal": "/_sandbox/paypal/fund", "bank": "/_sandbox/withdraw"}.get(processor)
    if source != "stripe" or path is None:
        raise BadInput("the sandbox only moves money from stripe to paypal, or to the bank")
    try:
        answer = requests.post(
            f"{settings.paypal_api_base}{path}",
            json={"currency": money.currency, "value": str(money.decimal)},
            timeout=settings.processor_timeout_s,
        )
    except requests.RequestException as error:
        raise click.ClickException("the sandbox does not answer: is it running?") from error
    if not answer.ok:
        raise click.ClickException(f"the sandbox refuses: {answer.json()['error']['message']}")
