"""`flask payouts sweep …`: old balances below the threshold, paid all the same."""

from __future__ import annotations

from datetime import datetime

import click
from flask.cli import with_appcontext

from marketplace import clock
from marketplace.cli.acting import as_operator, operator
from marketplace.cli.worker import load_domain_time
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.payouts import sweep as domain

LISTED_MAX = 200

_rule = click.argument("rule", type=click.Choice([rule.value for rule in domain.RULES]))
_effective_on = click.option(
    "--effective-on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="From this day on (UTC); today if left out.",
)


@click.group()
def sweep() -> None:
    """Old balances below the threshold, paid all the same; off until it is switched on."""


@sweep.command("on")
@_rule
@_effective_on
@as_operator
@with_appcontext
def switch_on(rule: str, effective_on: datetime | None, email: str | None) -> None:
    """Let RULE pay old balances from a day on: holding_limit or yearly."""
    _adopt(rule, effective_on, email, is_on=True)


@sweep.command("off")
@_rule
@_effective_on
@as_operator
@with_appcontext
def switch_off(rule: str, effective_on: datetime | None, email: str | None) -> None:
    """Let RULE pay nothing from a day on."""
    _adopt(rule, effective_on, email, is_on=False)


def _adopt(rule: str, effective_on: datetime | None, email: str | None, *, is_on: bool) -> None:
    load_domain_time()
    at = clock.now()
    day = effective_on.date() if effective_on else at.date()
    domain.adopt(rule, is_on, day, f"user:{operator(email).id.hex}", at)
    db.session.commit()
    click.echo(f"{rule} is {'on' if is_on else 'off'} from {day} on")


@sweep.command("list")
@with_appcontext
def list_due() -> None:
    """List which rules are on, and the balances that the next run pays because of them."""
    load_domain_time()
    at = clock.now()
    on = domain.rules_on(at)
    for rule in domain.RULES:
        click.echo(f"{rule}: {f'on since {on[rule]}' if rule in on else 'off'}")
    for creator_id, currency in db.session.execute(domain.balances_due(at).limit(LISTED_MAX)):
        creator = db.session.get_one(Creator, creator_id)
        found = domain.lifting(creator, currency, on)
        assert found is not None, "it is due"
        lifts_at, rule = found
        click.echo(f"@{creator.handle}  {currency}  {rule}  since {lifts_at:%Y-%m-%d}")
