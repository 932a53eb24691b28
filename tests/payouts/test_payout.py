"""A payout: paid exactly once or not at all; only a definitive answer gives the money back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace import clock, statuses
from marketplace.errors import InsufficientFunds, WrongState
from marketplace.extensions import db
from marketplace.ledger import postings
from marketplace.ledger.balances import balance, transactions_of
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts import hold, leaving, returning, settling
from marketplace.payouts import payout as payouts
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import HoldReason, Mismatch, Payout, PayoutStatus
from marketplace.payouts.recovery import divide
from marketplace.payouts.run import PayoutRunLine
from marketplace.processors.base import Snapshot
from marketplace.processors.outbox import ProcessorRequest
from tests.make import earn_matured, make_creator, make_payout, reserve
from tests.scripted import BUSY, DOWN, LOST, MADE, Scripted, scripted, send
from tests.within import locked, refused, within

__all__ = ["scripted", "within"]

CLEARING = postings.processor_clearing("stripe")


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def creator() -> Creator:
    return make_creator("ines").creator


@pytest.fixture
def payout(creator: Creator, scripted: Scripted) -> Payout:
    """150.00 USD, reserved by a run; its destination is active."""
    made = make_payout(creator)
    # Only its transfer is to be sent here.
    others = db.session.query(ProcessorRequest).filter(ProcessorRequest.op != "trf")
    others.update({"state": "abandoned"})
    db.session.commit()
    return fresh(made.id)


def fresh(id: UUID) -> Payout:
    return db.session.get_one(Payout, id, populate_existing=True)


def books(creator: Creator) -> tuple[Money, Money]:
    """What a creator has available, and what is in a payout."""
    owner = creator.ledger_owner
    available = balance(postings.creator_available(owner), "USD")
    reserved = balance(postings.payout_reserved_of(owner), "USD")
    db.session.rollback()
    return available, reserved


def events(payout: Payout) -> list[str]:
    return [move.event for move in statuses.history(payout)]


def keys(payout: Payout) -> list[str]:
    """The key of each attempt."""
    asked = select(ProcessorRequest.idem_key).where(ProcessorRequest.subject_id == payout.id)
    return list(db.session.scalars(asked.order_by(ProcessorRequest.attempt)))


def restrict(payout: Payout, state: str = "restricted") -> None:
    destination = locked(Destination, payout.destination_id)
    destinations.converge(
        destination,
        Snapshot(
            kind="recipient",
            remote_id=destination.remote_account or "",
            our_ref=destination.id.hex,
            state=state,
            livemode=False,
            requirements=("a passport",) if state == "restricted" else (),
        ),
        clock.now(),
    )
    db.session.commit()


def transfer_of(payout: Payout, **changes: Any) -> Snapshot:
    destination = db.session.get_one(Destination, payout.destination_id)
    told: dict[str, Any] = {
        "kind": "transfer",
        "remote_id": f"tr_{payout.id.hex}",
        "our_ref": payout.id.hex,
        "state": "paid",
        "livemode": False,
        "amount": payout.amount,
        "account": destination.remote_account,
    }
    return Snapshot(**(told | changes))


def made_for(payout: Payout, adapter: Scripted) -> Snapshot:
    """What the processor made for a payout, shown as reversed in full."""
    (made,) = (it for it in adapter.made.values() if it.our_ref == payout.id.hex)
    return replace(made, state="reversed")


def bring_to(payout: Payout, status: PayoutStatus, adapter: Scripted) -> Payout:
    """Take a reserved payout to any status, as it would get there."""
    match status:
        case PayoutStatus.SENDING:
            assert leaving.may_send(locked(Payout, payout.id), clock.now())
            db.session.commit()
        case PayoutStatus.UNKNOWN:
            send(adapter, DOWN)
        case PayoutStatus.UNCLAIMED:
            mine = locked(Payout, payout.id)
            assert leaving.may_send(mine, clock.now())
            settling.accepted(mine, transfer_of(mine, state="unclaimed"), clock.now())
            db.session.commit()
        case PayoutStatus.HELD:
            send(adapter, "balance_insufficient")
        case PayoutStatus.PAID:
            send(adapter, MADE)
        case PayoutStatus.RETURNED:
            send(adapter, MADE)
            returning.returned(locked(Payout, payout.id), made_for(payout, adapter), clock.now())
            db.session.commit()
        case PayoutStatus.FAILED:
            send(adapter, "amount_too_small")
        case PayoutStatus.CANCELED:
            payouts.cancel(locked(Payout, payout.id), "user:1", "asked for", clock.now())
            db.session.commit()
    moved = fresh(payout.id)
    assert moved.status == status
    return moved


# ---- reserving


def test_a_reserved_payout_sets_the_money_aside_and_asks_for_one_transfer(
    creator: Creator, payout: Payout
) -> None:
    assert books(creator) == (usd(0), usd(15_000))
    assert keys(payout) == [f"trf:{payout.id.hex}:1"]
    asked = db.session.scalars(select(ProcessorRequest).filter_by(subject_id=payout.id)).one()
    destination = db.session.get_one(Destination, payout.destination_id)
    assert asked.body["destination"] == destination.remote_account
    assert (asked.body["amount"], asked.body["currency"]) == (15_000, "usd")


def test_one_payout_per_creator_and_currency_is_on_its_way(
    creator: Creator, payout: Payout
) -> None:
    earn_matured(creator, "60.00 USD")
    earn_matured(creator, "90.00 EUR")
    destination = db.session.get_one(Destination, payout.destination_id)
    at = clock.now()
    with refused(IntegrityError, match="uq_payout_open"):
        reserve(creator.id, destination, payout.run_id, divide(usd(6_000), usd(0)), at)
    eur = divide(Money(9_000, "EUR"), Money(0, "EUR"))
    second = reserve(creator.id, destination, payout.run_id, eur, at)
    line = {"run_id": payout.run_id, "creator_id": creator.id, "currency": "EUR"}
    db.session.add(PayoutRunLine(**line, state="included", payout_id=second.id))
    db.session.commit()


def test_only_what_is_available_is_reserved(creator: Creator, payout: Payout) -> None:
    destination = db.session.get_one(Destination, payout.destination_id)
    with refused(InsufficientFunds):
        too_much = divide(Money(1, "EUR"), Money(0, "EUR"))
        reserve(creator.id, destination, payout.run_id, too_much, clock.now())


# ---- every way it can go


def test_a_transfer_that_was_made_is_paid(
    creator: Creator, payout: Payout, scripted: Scripted
) -> None:
    before = balance(CLEARING, "USD")
    send(scripted, MADE)
    paid = fresh(payout.id)
    assert paid.status == PayoutStatus.PAID
    assert paid.transfer_ref in {made.remote_id for made in scripted.made.values()}
    assert books(creator) == (usd(0), usd(0))
    assert balance(CLEARING, "USD") == before - usd(15_000)
    assert events(paid) == ["create", "send", "pay"]


# A21: a processor that gives no answer. No second transfer, and unknown until it is known.
@pytest.mark.parametrize("first", [LOST, DOWN])
def test_no_answer_releases_nothing_and_the_same_key_is_asked_again(
    creator: Creator, payout: Payout, scripted: Scripted, first: str
) -> None:
    send(scripted, first)
    doubted = fresh(payout.id)
    assert doubted.status == PayoutStatus.UNKNOWN
    assert books(creator) == (usd(0), usd(15_000))
    send(scripted, DOWN)
    assert events(fresh(payout.id)) == ["create", "send", "doubt"]  # still the same doubt

    send(scripted, MADE)

    assert fresh(payout.id).status == PayoutStatus.PAID
    assert set(scripted.sent) == {f"trf:{payout.id.hex}:1"}
    assert len(scripted.made) == 1
    assert books(creator) == (usd(0), usd(0))


def test_a_busy_processor_changes_nothing(
    creator: Creator, payout: Payout, scripted: Scripted
) -> None:
    send(scripted, BUSY)
    assert fresh(payout.id).status == PayoutStatus.SENDING
    send(scripted, MADE)
    assert fresh(payout.id).status == PayoutStatus.PAID


@pytest.mark.parametrize("doubted", [False, True])
def test_a_definitive_refusal_gives_the_money_back(
    creator: Creator, payout: Payout, scripted: Scripted, doubted: bool
) -> None:
    if doubted:
        send(scripted, DOWN)
    send(scripted, "amount_too_small")
    failed = fresh(payout.id)
    assert failed.status == PayoutStatus.FAILED
    assert failed.failure == "amount_too_small: refused: amount_too_small"
    assert books(creator) == (usd(15_000), usd(0))


def test_a_refusal_after_a_lost_success_is_looked_up_and_paid(
    creator: Creator, payout: Payout, scripted: Scripted
) -> None:
    send(scripted, LOST)
    made = dict(scripted.made)
    scripted.made.clear()  # the key is forgotten, the transfer is not
    scripted.made["forgotten"] = next(iter(made.values()))
    send(scripted, "amount_too_small")
    assert fresh(payout.id).status == PayoutStatus.PAID
    assert books(creator) == (usd(0), usd(0))


@pytest.mark.parametrize(
    ("code", "reason", "days"),
    [
        ("balance_insufficient", HoldReason.PROCESSOR_FUNDS, 1),
        ("insufficient_funds", HoldReason.PROCESSOR_FUNDS, 1),
        ("account_invalid", HoldReason.DESTINATION, 1),
        ("insufficient_capabilities_for_transfer", HoldReason.DESTINATION, 1),
        ("resource_missing", HoldReason.DESTINATION, 1),
        ("transfers_not_allowed", HoldReason.DESTINATION, 1),
        ("permission_denied", HoldReason.DESTINATION, 1),
        ("idempotency_error", HoldReason.REVIEW, 3),
    ],
)
@pytest.mark.parametrize("doubted", [False, True])
def test_what_can_be_cured_is_held_with_its_reason(
    creator: Creator,
    payout: Payout,
    scripted: Scripted,
    code: str,
    reason: HoldReason,
    days: int,
    doubted: bool,
) -> None:
    if doubted:
        send(scripted, DOWN)
    before = clock.now()
    send(scripted, code)
    held = fresh(payout.id)
    assert (held.status, held.hold_reason) == (PayoutStatus.HELD, reason)
    assert held.review_at is not None
    assert timedelta(0) <= held.review_at - before - timedelta(days=days) < timedelta(minutes=5)
    assert books(creator) == (usd(0), usd(15_000))


# ---- holds


def test_a_payout_that_waits_for_our_funds_is_tried_each_day_under_a_new_key(
    creator: Creator, payout: Payout, scripted: Scripted
) -> None:
    at = clock.now()
    for day in range(1, 4):
        send(scripted, "balance_insufficient")
        assert fresh(payout.id).status == PayoutStatus.HELD
        assert not hold.release_due(clock.now())
        clock.set_offset(timedelta(days=day, minutes=5 * day))
        assert hold.next_review() is not None
        assert hold.release_due(clock.now())
        db.session.commit()
        assert fresh(payout.id).status == PayoutStatus.RESERVED
    send(scripted, MADE)
    paid = fresh(payout.id)
    assert (paid.status, paid.hold_reason, paid.review_at) == (PayoutStatus.PAID, None, None)
    assert keys(payout) == [f"trf:{payout.id.hex}:{attempt}" for attempt in (1, 2, 3, 4)]
    assert len(scripted.made) == 1
    assert clock.now() > at


def test_a_restricted_destination_holds_before_anything_leaves_and_is_released_when_cured(
    creator: Creator, payout: Payout, scripted: Scripted
) -> None:
    restrict(payout)
    send(scripted, MADE)
    held = fresh(payout.id)
    assert (held.status, held.hold_reason) == (PayoutStatus.HELD, HoldReason.DESTINATION)
    assert scripted.sent == []

    clock.set_offset(timedelta(days=1, minutes=5))
    assert hold.release_due(clock.now())  # looked at, and still restricted
    db.session.commit()
    assert fresh(payout.id).status == PayoutStatus.HELD
    assert not hold.release_due(clock.now())

    restrict(payout, "active")
    clock.set_offset(timedelta(days=2, minutes=10))
    assert hold.release_due(clock.now())
    db.session.commit()
    send(scripted, MADE)
    assert fresh(payout.id).status == PayoutStatus.PAID
    assert scripted.sent == [f"trf:{payout.id.hex}:2"]


def test_a_review_is_ended_by_an_operator_only(
    creator: Creator, payout: Payout, scripted: Scripted
) -> None:
    send(scripted, "idempotency_error")
    assert hold.next_review() is None
    clock.set_offset(timedelta(days=400))
    assert not hold.release_due(clock.now())

    hold.release(locked(Payout, payout.id), "user:7", clock.now())
    db.session.commit()
    assert statuses.history(payout)[-1].actor == "user:7"
    send(scripted, MADE)
    assert fresh(payout.id).status == PayoutStatus.PAID
    assert scripted.sent[-1] == f"trf:{payout.id.hex}:2"


@pytest.mark.parametrize("status", [it for it in PayoutStatus if it != PayoutStatus.HELD])
def test_only_what_is_held_is_released(
    payout: Payout, scripted: Scripted, status: PayoutStatus
) -> None:
    moved = bring_to(payout, status, scripted)
    with refused(WrongState):
        hold.release(moved, "user:1", clock.now())


# ---- calling it off


@pytest.mark.parametrize("status", [PayoutStatus.RESERVED, PayoutStatus.HELD])
def test_what_surely_was_not_sent_can_be_canceled(
    creator: Creator, payout: Payout, scripted: Scripted, status: PayoutStatus
) -> None:
    moved = bring_to(payout, status, scripted)
    payouts.cancel(locked(Payout, moved.id), "user:1", "asked for", clock.now())
    db.session.commit()
    canceled = fresh(payout.id)
    assert (canceled.status, canceled.hold_reason) == (PayoutStatus.CANCELED, None)
    assert books(creator) == (usd(15_000), usd(0))
    sent = list(scripted.sent)
    send(scripted, MADE)
    assert scripted.sent == sent
    assert scripted.made == {}


@pytest.mark.parametrize(
    "status",
    [it for it in PayoutStatus if it not in (PayoutStatus.RESERVED, PayoutStatus.HELD)],
)
def test_what_was_or_may_have_been_sent_cannot_be_canceled(
    payout: Payout, scripted: Scripted, status: PayoutStatus
) -> None:
    moved = bring_to(payout, status, scripted)
    with refused(WrongState):
        payouts.cancel(moved, "user:1", "too late", clock.now())


def test_what_left_without_our_payout_knowing_cannot_be_canceled(payout: Payout) -> None:
    """A reserved payout whose request is not waiting any more: somebody else took it away."""
    db.session.query(ProcessorRequest).filter_by(op="trf").update(
        {"state": "sent", "first_sent_at": clock.now()}
    )
    db.session.commit()
    with refused(WrongState, match="it is sending"):
        payouts.cancel(locked(Payout, payout.id), "user:1", "too late", clock.now())


# ---- may it leave?


@pytest.mark.parametrize("status", PayoutStatus)
def test_only_what_is_reserved_or_on_its_way_may_leave(
    payout: Payout, scripted: Scripted, status: PayoutStatus
) -> None:
    moved = bring_to(payout, status, scripted)
    on_its_way = (PayoutStatus.RESERVED, PayoutStatus.SENDING, PayoutStatus.UNKNOWN)
    assert leaving.may_send(locked(Payout, moved.id), clock.now()) is (status in on_its_way)
    db.session.rollback()


# ---- what the processor shows later


@pytest.mark.parametrize(
    "status", [PayoutStatus.SENDING, PayoutStatus.UNKNOWN], ids=["sending", "unknown"]
)
def test_a_transfer_that_is_shown_before_its_answer_is_paid_once(
    creator: Creator, payout: Payout, scripted: Scripted, status: PayoutStatus
) -> None:
    moved = bring_to(payout, status, scripted)
    for _ in range(3):
        settling.paid(locked(Payout, moved.id), transfer_of(moved), clock.now())
        db.session.commit()
    assert fresh(payout.id).status == PayoutStatus.PAID
    assert len(transactions_of(moved.cause)) == 2
    assert books(creator) == (usd(0), usd(0))


@pytest.mark.parametrize("status", [PayoutStatus.RESERVED, PayoutStatus.CANCELED])
def test_a_transfer_of_what_was_never_sent_is_a_mismatch(
    payout: Payout, scripted: Scripted, status: PayoutStatus
) -> None:
    moved = bring_to(payout, status, scripted)
    with refused(Mismatch, match="yet a transfer exists"):
        settling.paid(moved, transfer_of(moved), clock.now())


def test_two_transfers_for_one_payout_are_a_mismatch(payout: Payout, scripted: Scripted) -> None:
    moved = bring_to(payout, PayoutStatus.PAID, scripted)
    with refused(Mismatch, match="two transfers"):
        settling.paid(moved, transfer_of(moved, remote_id="tr_second"), clock.now())


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": usd(14_999)},
        {"amount": Money(15_000, "EUR")},
        {"amount": None},
        {"account": "acct_of_somebody_else"},
        {"account": None},
    ],
    ids=["amount", "currency", "no amount", "payee", "no payee"],
)
@pytest.mark.parametrize("status", [PayoutStatus.SENDING, PayoutStatus.PAID])
def test_another_transfer_is_a_mismatch(
    payout: Payout, scripted: Scripted, status: PayoutStatus, wrong: dict[str, Any]
) -> None:
    moved = bring_to(payout, status, scripted)
    changes = {"remote_id": moved.transfer_ref or "tr_1"} | wrong
    with refused(Mismatch):
        settling.paid(moved, transfer_of(moved, **changes), clock.now())


def test_one_transfer_pays_one_payout(payout: Payout, scripted: Scripted) -> None:
    moved = bring_to(payout, PayoutStatus.PAID, scripted)
    other = make_payout(make_creator("tom").creator)
    bring_to(other, PayoutStatus.SENDING, scripted)
    with refused(IntegrityError, match="uq_payout_transfer_ref"):
        settling.paid(other, transfer_of(other, remote_id=moved.transfer_ref), clock.now())
        db.session.flush()


@pytest.mark.parametrize("status", PayoutStatus)
def test_a_doubt_matters_only_while_it_is_sent(
    payout: Payout, scripted: Scripted, status: PayoutStatus
) -> None:
    moved = bring_to(payout, status, scripted)
    payouts.doubted(locked(Payout, moved.id), "no answer", clock.now())
    db.session.commit()
    sending = status == PayoutStatus.SENDING
    assert fresh(payout.id).status == (PayoutStatus.UNKNOWN if sending else status)


# ---- the database


def test_the_database_refuses_what_no_payout_can_be(
    payout: Payout, owner: psycopg.Connection[Any]
) -> None:
    for change in (
        "status = 'paid'",
        "transfer_ref = 'tr_1'",
        "status = 'held'",
        "hold_reason = 'review'",
        "amount_minor = 0",
        "status = 'nonsense'",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE payout SET {change}")
        owner.rollback()
