"""The payouts of a run that go to bank accounts leave in one file, all of it in one commit.

Payouts, file and statuses are written together: whoever dies in between has written nothing, and
the next one makes the same file. What cannot leave now is held as on any other rail, and what our
account does not cover waits for money; both come in a further file of the run.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, select

from marketplace import business_days, sepa
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock_all, lock_next
from marketplace.extensions import db
from marketplace.failpoints import Point, failpoint
from marketplace.ledger import balances, postings
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import sealing
from marketplace.payouts.bank_account import BankAccount
from marketplace.payouts.bank_file import TIME_ZONE, BankFile, BankFilePayment, sha256
from marketplace.payouts.leaving import may_send, to_bank
from marketplace.payouts.payout import HoldReason, Payout, PayoutStatus, put_on_hold
from marketplace.payouts.run import LEAVING, PayoutRun
from marketplace.payouts.sealing import Unreadable
from marketplace.processors import bank_file, registry
from marketplace.processors.bank import Bank
from marketplace.processors.bank_file import Malformed

log = logging.getLogger(__name__)

JOB = "bank files"
DESCRIPTION = "Creator payout"
_ONE_MAKER = 7_336_400  # the key of the lock: two files must not count on the same money


def make_next(at: datetime) -> bool:
    """Make one file of a run whose payouts may leave; False if there is nothing to make.

    Without an account of ours they are held for an operator, and so is what cannot be written: no
    run waits for what is wrong with another.
    """
    waiting = exists().where(
        Payout.run_id == PayoutRun.id, Payout.status == PayoutStatus.RESERVED, to_bank()
    )
    run = lock_next(PayoutRun, PayoutRun.status.in_(LEAVING), waiting, order_by=PayoutRun.due_at)
    if run is None:
        return False
    payouts = lock_all(
        Payout,
        Payout.run_id == run.id,
        Payout.status == PayoutStatus.RESERVED,
        to_bank(),
        order_by=Payout.id,
    )
    if not registry.offers(Bank.name):
        _hold(payouts, "no bank account of ours is set up", at)
        return True
    try:
        with db.session.begin_nested():
            leaving = _leaving(payouts, at)
            if leaving:
                _make(run, leaving, at)
    except (Malformed, Unreadable) as error:
        # The others come in the file that is made next; if each is right alone, all are looked at.
        log.error("%s of run %s: %s", JOB, run.id, error)
        _hold([it for it in payouts if _fault(it, at)] or payouts, str(error), at)
    return True


def _hold(payouts: Sequence[Payout], why: str, at: datetime) -> None:
    for payout in payouts:
        put_on_hold(payout, HoldReason.REVIEW, why, at)


def _fault(payout: Payout, at: datetime) -> bool:
    """Can a file not even be written of this payout alone?"""
    try:
        _write("0", [_payment(payout)], _next_business_day(at), at)
    except (Malformed, Unreadable):
        return True
    return False


def free_cash() -> Money:
    """What lies on our account and is not in a file that the bank has yet to answer."""
    in_files = db.session.scalar(
        select(func.coalesce(func.sum(Payout.amount_minor), 0)).where(
            to_bank(), Payout.status == PayoutStatus.SENDING, Payout.currency == sepa.CURRENCY
        )
    )
    cash = balances.balance(postings.processor_clearing(Bank.name), sepa.CURRENCY)
    return cash - Money(int(in_files or 0), sepa.CURRENCY)


def _leaving(payouts: Sequence[Payout], at: datetime) -> list[Payout]:
    """Those that leave now; the others are on hold, each for its reason."""
    db.session.execute(select(func.pg_advisory_xact_lock(_ONE_MAKER)))
    # `may_send` locks each creator: all of them here, in the order in which runs lock them.
    ids = {payout.creator_id for payout in payouts}
    lock_all(Creator, Creator.id.in_(ids), order_by=Creator.id)
    free = free_cash()
    leaving = []
    for payout in payouts:
        if payout.amount > free:
            short = payout.amount - free
            put_on_hold(payout, HoldReason.PROCESSOR_FUNDS, f"{short} more is needed", at)
        elif may_send(payout, at):
            free = free - payout.amount
            payout.asked_at = at
            leaving.append(payout)
    return leaving


def _make(run: PayoutRun, payouts: Sequence[Payout], at: datetime) -> None:
    number = 1 + (
        db.session.scalar(
            select(func.count())
            .select_from(BankFile)
            .filter_by(run_id=run.id, currency=sepa.CURRENCY)
        )
        or 0
    )
    message_id = f"{run.id.hex}{number:03}"
    execute_on = _next_business_day(at)
    payments = [_payment(payout) for payout in payouts]
    content = _write(message_id, payments, execute_on, at)
    sealed = sealing.seal(content)
    file = BankFile(
        id=new_id(),
        run_id=run.id,
        currency=sepa.CURRENCY,
        number=number,
        message_id=message_id,
        payments=len(payments),
        total_minor=bank_file.total(payments).minor,
        execute_on=execute_on,
        made_at=at,
        sha256=sha256(content),
        sealed_content=sealed,
        sealed_sha256=sha256(sealed),
    )
    db.session.add(file)
    db.session.flush()
    failpoint(JOB, Point.WRITTEN)
    db.session.add_all(
        BankFilePayment(payout_id=payout.id, file_id=file.id, amount_minor=payout.amount_minor)
        for payout in payouts
    )


def _write(
    message_id: str, payments: Sequence[bank_file.Payment], execute_on: date, at: datetime
) -> bytes:
    return bank_file.write(
        registry.bank().account,
        message_id,
        payments,
        execute_on=execute_on,
        description=DESCRIPTION,
        at=at,
    )


def _payment(payout: Payout) -> bank_file.Payment:
    account = db.session.get_one(BankAccount, payout.destination_id)
    return bank_file.Payment(payout.id.hex, account.holder, account.iban, payout.amount)


def _next_business_day(at: datetime) -> date:
    """Neither a Saturday nor a Sunday; on its own holidays the bank moves it on by itself."""
    return business_days.after(at, 1, TIME_ZONE).astimezone(ZoneInfo(TIME_ZONE)).date()
