"""A creator's statement and its sums, over months of everything that can happen to their money."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from marketplace import clock
from marketplace.earnings import hold as holds
from marketplace.earnings import statement as statements
from marketplace.earnings.clawback import kept
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.earnings.maturity import mature_due
from marketplace.earnings.statement import CreatorStatement
from marketplace.earnings.totals import by_source
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.money import Money, zero
from marketplace.parties.creator import Creator
from marketplace.payouts import leaving, returning
from marketplace.payouts import payout as payouts
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.totals import paid_out
from marketplace.webhooks import converge
from tests.make import (
    do_runs,
    earn,
    make_clawback,
    make_creator,
    make_destination,
    transfer_of,
)
from tests.within import locked, within

__all__ = ["within"]

CURRENCIES = ("USD", "EUR")
STEPS = 45


class Life:
    """One creator for some months, told by dice."""

    def __init__(self, seed: int) -> None:
        self.chance, self.days = Random(seed), 0
        self.creator: Creator = make_creator("ines", time_zone="Asia/Kathmandu").creator
        make_destination(self.creator)

    def goes_on(self) -> None:
        for _ in range(STEPS):
            self.days += self.chance.randint(0, 6)
            clock.set_offset(timedelta(days=self.days))
            while mature_due(clock.now()):
                db.session.commit()
            acts = (self.earns, self.earns, self.loses, self.is_contested, self.is_paid)
            self.chance.choice(acts)()
            db.session.rollback()

    def earns(self) -> None:
        minor = self.chance.randint(1, 30_000)
        amount = f"{minor // 100}.{minor % 100:02} {self.chance.choice(CURRENCIES)}"
        earn(self.creator, amount, self.chance.choice((EarningKind.FUND, EarningKind.GIFT)))

    def loses(self) -> None:
        earning = self._one()
        if earning is not None and kept(earning):
            make_clawback(earning, self.chance.randrange(kept(earning).minor))

    def is_contested(self) -> None:
        earning = self._one()
        if earning is None:
            return
        told: dict[str, Any] = {"actor": "user:1", "at": clock.now()}
        try:
            if earning.status == "contested":
                holds.release(earning.id, reason="in order", **told)
            else:
                holds.contest(earning.id, reason="fraud", evidence="seen", days=30, **told)
            db.session.commit()
        except (BadInput, WrongState):
            db.session.rollback()

    def is_paid(self) -> None:
        do_runs(clock.now())
        for payout in db.session.query(Payout).order_by(Payout.id).all():
            mine = locked(Payout, payout.id)
            self.chance.choice((self._pays, self._pays, self._calls_off, self._returns))(mine)
            db.session.commit()

    def _pays(self, payout: Payout) -> None:
        if leaving.may_send(payout, clock.now()):
            converge.apply(transfer_of(payout), clock.now())

    def _calls_off(self, payout: Payout) -> None:
        if payout.status == PayoutStatus.RESERVED:
            payouts.cancel(payout, "user:1", "asked for", clock.now())

    def _returns(self, payout: Payout) -> None:
        if payout.status == PayoutStatus.PAID:
            converge.apply(transfer_of(payout, "reversed"), clock.now())
            returning.confirm(payout, "user:1", clock.now())

    def _one(self) -> Earning | None:
        earnings = db.session.query(Earning).order_by(Earning.id).all()
        return self.chance.choice(earnings) if earnings else None


@pytest.mark.parametrize("seed", range(4))
def test_every_month_adds_up_to_the_cent_by_lines_and_by_sums(seed: int) -> None:
    life = Life(seed)
    life.goes_on()
    creator, events = life.creator, 0
    for currency in CURRENCIES:
        owed = debt = zero(currency)
        for named in reversed(statements.months(creator, clock.now())):
            period = statements.month(named, creator.time_zone)
            told = statements.statement(creator, period, currency)
            assert (told.opening, told.debt_opening) == (owed, debt)
            for line in told.lines():
                owed, debt, events = owed + line.change, debt + line.debt, events + 1
                assert line.balance == owed
            assert (told.closing, told.debt_closing) == (owed, debt)
            _sums_add_up(creator, told, period.since, period.until)
        assert (owed, debt) == _books(creator, currency)
    assert events > STEPS / 3


def _sums_add_up(
    creator: Creator, told: CreatorStatement, since: datetime, until: datetime
) -> None:
    sources = by_source(creator.id, told.currency, since, until)
    payout = paid_out(creator.id, told.currency, since, until)
    for it in sources:
        assert it.gross == it.platform_fee + it.net
        assert it.clawed_gross == it.clawed_fee + it.clawed_net

    def total(name: str) -> Money:
        return sum((getattr(it, name) for it in sources), zero(told.currency))

    debt = total("became_debt")
    came = total("net") - total("clawed_net") + debt - payout.repaid
    assert told.opening + came - payout.paid + payout.returned == told.closing
    assert told.debt_opening + debt - payout.repaid == told.debt_closing


def _books(creator: Creator, currency: str) -> tuple[Money, Money]:
    owner = creator.ledger_owner
    accounts = (
        *(postings.creator_pending(owner), postings.creator_available(owner)),
        *(postings.creator_contested(owner), postings.payout_reserved_of(owner)),
    )
    owed = sum((balances.balance(it, currency) for it in accounts), zero(currency))
    return owed, balances.balance(postings.creator_debt(owner), currency)
