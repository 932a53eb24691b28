"""`flask payouts thresholds …`: from how much on a balance leaves, per currency."""

from __future__ import annotations

from datetime import UTC, date, datetime

import click
from flask.cli import with_appcontext

from marketplace import clock
from marketplace.cli.acting import as_operator, operator
from marketplace.cli.worker import load_domain_time
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.money import Money, parse, zero
from marketplace.payouts import threshold
from marketplace.payouts.equivalent import rounded
from marketplace.payouts.exchange_rate import Rates, rates_of, require_fresh

_as_of = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="On the rates of this day, however old; today's if left out.",
)


@click.group()
def thresholds() -> None:
    """From how much on a balance leaves, per currency."""


@thresholds.command("propose")
@_as_of
@with_appcontext
def propose(as_of: datetime | None) -> None:
    """Print what 100 USD are in each currency, and the threshold that this makes."""
    load_domain_time()
    today = clock.now().date()
    rates = _rates(as_of, today)
    db.session.commit()
    now = _holding(clock.now())
    click.echo(f"rates of {rates.published_on}, {rates.age_days(today)} days old")
    click.echo(f"{'now':>16} {'100 USD are':>20} {'proposed':>20}")
    for currency in sorted(rates.per_euro):
        worth = rates.of_hundred_dollars(currency)
        new, old = rounded(worth), now.get(currency)
        note = "" if old == new else "  changes" if old else "  new"
        click.echo(f"{old or '-'!s:>16} {worth!s:>20} {new!s:>20}{note}")


@thresholds.command("adopt")
@click.option(
    "--currency",
    "named",
    multiple=True,
    help="Several are allowed; those that have a threshold already if none. A new one opens it.",
)
@click.option("--amount", help="An amount of your own, for one currency: 30.000")
@click.option(
    "--effective-on",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    metavar="DAY",
    help="From this day on (UTC), today or later.",
)
@_as_of
@as_operator
@with_appcontext
def adopt(
    named: tuple[str, ...],
    amount: str | None,
    effective_on: datetime,
    as_of: datetime | None,
    email: str | None,
) -> None:
    """Let what is proposed, or an amount of your own, hold from a day on."""
    load_domain_time()
    actor, at = f"user:{operator(email).id.hex}", clock.now()
    wanted = sorted({_code(it) for it in named})
    before = _holding(effective_on.replace(tzinfo=UTC))
    chosen: list[Money]
    rate_on: date | None = None
    if amount is not None:
        chosen = [_own(wanted, amount, as_of)]
    else:
        rates = _rates(as_of, at.date())
        if as_of is None:
            require_fresh(rates, at.date())
        chosen = [rounded(rates.of_hundred_dollars(it)) for it in wanted or sorted(before)]
        rate_on = rates.published_on
    changed = [it for it in chosen if it != before.get(it.currency)]
    for new in changed:
        threshold.adopt(new, effective_on.date(), actor, at, rate_on)
    db.session.commit()
    for new in chosen:
        old = before.get(new.currency, "none")
        change = f"{old} → {new}" if new in changed else f"{new} as before"
        click.echo(f"{change} from {effective_on:%Y-%m-%d} on")


def _holding(at: datetime) -> dict[str, Money]:
    """The threshold that holds then, per currency."""
    return {it: threshold.threshold_of(it, at) for it in threshold.currencies(at)}


def _code(named: str) -> str:
    try:
        return zero(named.strip().upper()).currency
    except ValueError as error:
        raise BadInput(f"{named!r} is no currency code: write it as ISO 4217 does, USD") from error


def _rates(as_of: datetime | None, today: date) -> Rates:
    if as_of is not None and as_of.date() > today:
        raise BadInput(f"{as_of:%Y-%m-%d} has no exchange rates yet: today is {today}")
    return rates_of(as_of.date() if as_of else today)


def _own(named: list[str], amount: str, as_of: datetime | None) -> Money:
    """An amount that somebody chose instead of the proposal."""
    if len(named) != 1 or as_of is not None:
        raise click.UsageError("--amount goes with one --currency and without --as-of")
    try:
        return parse(amount, named[0])
    except ValueError as error:
        raise BadInput(f"--amount: {error}") from error
