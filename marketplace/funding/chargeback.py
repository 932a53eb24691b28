"""What a processor says of a dispute, and what follows for the money and for who paid it in.

Refunds and disputes share one budget, counted under the deposit's lock: together they never take
more than was charged. What a card's bank takes is the brand's to bear: out of what it has free,
and else as its debt. Of a deposit that filled a pool it is ours: out of what the pool still has,
and else as a loss. Reservations and creators are not touched.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from marketplace import statuses
from marketplace.database.identifier import new_id
from marketplace.errors import says
from marketplace.extensions import db
from marketplace.funding import refund as refunds
from marketplace.funding.deposit import PROCESSOR, Deposit, Mismatch
from marketplace.funding.dispute import Dispute, DisputeStatus
from marketplace.ledger import balances, dispute_postings, journal, postings
from marketplace.ledger.draft import AccountRef, Draft
from marketplace.money import Money, zero
from marketplace.notifications import notices
from marketplace.processors.base import Snapshot
from marketplace.processors.listing import Moved
from marketplace.statuses import SYSTEM

SOON = timedelta(minutes=2)
DAILY = timedelta(days=1)  # how often it is asked about: banks take weeks


def converge(deposit: Deposit, dispute: Dispute | None, told: Snapshot, at: datetime) -> Dispute:
    """Bring a dispute to what the processor says of it now. The caller has locked both.

    Raises:
        Mismatch: it does not fit the deposit, or ours; or it would take more than was charged.
    """
    if told.state not in set(DisputeStatus):
        raise Mismatch(f"dispute {told.remote_id} is {told.state}: no state that we know")
    if dispute is None:
        dispute = _begin(deposit, told, at)
        is_news = True
    else:
        is_news = dispute.status != told.state
    _compare(deposit, dispute, told)
    dispute.answer_by = told.answer_by
    drafts = _money(deposit, dispute, told, at)
    _advance(dispute, DisputeStatus(told.state), at)
    if drafts:
        journal.post_many(drafts)
    _ask_again(dispute, told, at)
    if is_news:
        _tell(dispute, at)
    return dispute


def _begin(deposit: Deposit, told: Snapshot, at: datetime) -> Dispute:
    if told.amount is None or not told.amount.minor > 0:
        raise Mismatch(f"dispute {told.remote_id} is about nothing")
    dispute = Dispute(
        id=new_id(),
        deposit_id=deposit.id,
        brand_id=deposit.brand_id,
        dispute_ref=told.remote_id,
        amount_minor=told.amount.minor,
        currency=told.amount.currency,
        reason=told.reason,
        created_at=at,
        status=told.state,
        withdrawn_minor=0,
        debt_minor=0,
        reinstated_minor=0,
    )
    statuses.born(dispute, at, SYSTEM)
    db.session.flush()
    return dispute


def _compare(deposit: Deposit, dispute: Dispute, told: Snapshot) -> None:
    if told.amount != dispute.amount or dispute.deposit_id != deposit.id:
        raise Mismatch(f"dispute {dispute.id} is {dispute.amount}, the bank's {told.amount}")
    if dispute.currency != deposit.currency or dispute.amount > deposit.amount:
        raise Mismatch(f"deposit {deposit.id} was {deposit.amount}, disputed is {dispute.amount}")
    if any(it.amount.currency != dispute.currency for it in told.moved):
        raise Mismatch(f"dispute {dispute.id} moved another currency than {dispute.currency}")


def _advance(dispute: Dispute, target: DisputeStatus, at: datetime) -> None:
    if dispute.status == target:
        return
    event = next(
        (
            event
            for (source, event), reached in Dispute.MOVES.items()
            if (source, reached) == (dispute.status, target)
        ),
        None,
    )
    if event is None:
        raise Mismatch(f"dispute {dispute.id} is {dispute.status}, the bank says {target}")
    statuses.advance(dispute, event, at, SYSTEM)


def _ask_again(dispute: Dispute, told: Snapshot, at: datetime) -> None:
    """Ask soon while money waits for a refund's end, daily while the bank has to say something."""
    known = {dispute.withdrawn_ref, dispute.reinstated_ref}
    owes_us = dispute.status == DisputeStatus.WON and dispute.withdrawn_ref is not None
    if any(it.ref not in known for it in told.moved):
        dispute.next_check_at = at + SOON
    elif dispute.status in Dispute.WAITS or (owes_us and dispute.reinstated_ref is None):
        dispute.next_check_at = at + DAILY
    else:
        dispute.check_no_more()


# ---- the money


def _money(deposit: Deposit, dispute: Dispute, told: Snapshot, at: datetime) -> list[Draft]:
    """What to post for the movements of which we had not heard."""
    taken = [it for it in told.moved if it.amount.minor < 0]
    returned = [it for it in told.moved if it.amount.minor > 0]
    if len(taken) > 1 or len(returned) > 1 or (returned and not taken):
        raise Mismatch(f"dispute {dispute.id} moved money {len(told.moved)} times")
    drafts: list[Draft] = []
    for movement in taken:
        if dispute.withdrawn_ref is None:
            drafts += _withdrawn(deposit, dispute, movement, at)
        elif dispute.withdrawn_ref != movement.ref:
            raise Mismatch(f"dispute {dispute.id} took the money twice")
    for movement in returned:
        if dispute.withdrawn_ref is None:
            continue  # its withdrawal waits, and so does this
        if dispute.reinstated_ref is None:
            drafts += _reinstated(deposit, dispute, movement, at)
        elif dispute.reinstated_ref != movement.ref:
            raise Mismatch(f"dispute {dispute.id} gave the money back twice")
    return drafts


def _withdrawn(deposit: Deposit, dispute: Dispute, it: Moved, at: datetime) -> list[Draft]:
    """The bank took it: from what the brand or the pool has free, the rest is debt or our loss."""
    amount = -it.amount
    left = refunds.refundable(deposit)
    if amount > left and refunds.under_way(deposit):
        return []  # the processor refuses what of it was not there any more: then there is room
    if amount > left:
        raise Mismatch(
            f"dispute {dispute.id} took {amount}, and of deposit {deposit.id} only {left} is left"
        )
    free, bears = _accounts(deposit, dispute)
    taken = min(amount, balances.balance(free, amount.currency))
    dispute.withdrawn_minor, dispute.withdrawn_ref = amount.minor, it.ref
    dispute.debt_minor = (amount - taken).minor
    withdrawn = dispute_postings.dispute_withdrawn(
        PROCESSOR, ((free, taken), (bears, dispute.debt)), dispute.cause, at
    )
    return [withdrawn, *_fee(dispute, it, at)]


def _reinstated(deposit: Deposit, dispute: Dispute, it: Moved, at: datetime) -> list[Draft]:
    """The bank gave it back: the brand's again. What it owes is taken from there afterwards.

    Of a pool, what was taken from it comes first, then our loss.
    """
    if it.amount.minor > dispute.withdrawn_minor:
        raise Mismatch(f"dispute {dispute.id} gave back more than it took: {it.amount}")
    dispute.reinstated_minor, dispute.reinstated_ref = it.amount.minor, it.ref
    free, bears = _accounts(deposit, dispute)
    to_free = it.amount
    if dispute.brand_id is None:
        to_free = min(it.amount, Money(dispute.withdrawn_minor, dispute.currency) - dispute.debt)
    reinstated = dispute_postings.dispute_reinstated(
        PROCESSOR, ((free, to_free), (bears, it.amount - to_free)), dispute.cause, at
    )
    return [reinstated, *_fee(dispute, it, at)]


def _accounts(deposit: Deposit, dispute: Dispute) -> tuple[AccountRef, AccountRef]:
    """What is taken from first, and who bears the rest: the brand, or of a pool we ourselves."""
    if dispute.brand_id is None:
        return deposit.pool, postings.PLATFORM_FEES
    owner = dispute.brand_owner
    return postings.brand_available(owner), dispute_postings.brand_debt(owner)


def _fee(dispute: Dispute, it: Moved, at: datetime) -> list[Draft]:
    """The processor's fee of a movement is ours to bear, like that of the charge."""
    none = zero(it.fee.currency)
    if it.fee > none:
        return [postings.processor_fee_charged(PROCESSOR, it.fee, it.ref, dispute.cause, at)]
    if it.fee < none:
        return [
            dispute_postings.processor_fee_returned(PROCESSOR, -it.fee, it.ref, dispute.cause, at)
        ]
    return []


# ---- whom it concerns


def _tell(dispute: Dispute, at: datetime) -> None:
    """Write to the brand, and to operators where they can do something, what the bank says now."""
    said = _to_brand(dispute)
    if said is not None and dispute.brand_id is not None:
        notices.to_brand(dispute.brand_id, at, *said, "/brand/money")
    if dispute.status in (DisputeStatus.INQUIRY, DisputeStatus.NEEDS_RESPONSE):
        notices.to_operators(
            at,
            says("A payment of %(amount)s is disputed: answer in time", amount=dispute.amount),
            says("Send the processor evidence by the day that the page of disputes names."),
            "/operator/disputes",
        )
    if dispute.brand_id is None and dispute.status == DisputeStatus.LOST:
        notices.to_operators(
            at,
            says("A payment of %(amount)s into a pool is lost", amount=dispute.amount),
            says(
                "The cardholder's bank keeps it. %(debt)s of it was paid out to creators before:"
                " that is the marketplace's loss, and theirs to keep.",
                debt=dispute.debt,
            ),
            "/operator/disputes",
        )


def _to_brand(dispute: Dispute) -> tuple[str, str] | None:
    """Subject and body of the mail about where a dispute stands; None if nothing is to be said."""
    amount, debt = dispute.amount, dispute.debt
    match dispute.status:
        case DisputeStatus.INQUIRY:
            return says("A bank asks about your payment of %(amount)s", amount=amount), says(
                "Nothing was taken. If the payment was meant, the cardholder can tell their bank."
            )
        case DisputeStatus.NEEDS_RESPONSE if not debt:
            return says("Your payment of %(amount)s is disputed", amount=amount), says(
                "The cardholder's bank took it back, out of what you had available. Until it is"
                " decided your campaigns are suspended: nothing new is agreed in them. What"
                " creators were promised stays reserved, and what they earned is theirs."
            )
        case DisputeStatus.NEEDS_RESPONSE:
            return says("Your payment of %(amount)s is disputed", amount=amount), says(
                "The cardholder's bank took it back, and you owe %(debt)s that was not available"
                " any more. Until it is decided and paid your campaigns are suspended: nothing new"
                " is agreed in them. What creators were promised stays reserved, and what they"
                " earned is theirs.",
                debt=debt,
            )
        case DisputeStatus.WON:
            return says("The dispute over %(amount)s was decided for you", amount=amount), says(
                "What the bank had taken is yours again. What you owe is paid from it first."
            )
        case DisputeStatus.LOST:
            return says("The dispute over %(amount)s is lost", amount=amount), says(
                "The bank keeps the money. If you owe anything, pay it on this page: your"
                " campaigns go on as soon as nothing is owed."
            )
        case DisputeStatus.CLOSED:
            return says("The bank's question about %(amount)s is closed", amount=amount), says(
                "Nothing was taken."
            )
    return None
