"""A challenge's pool: what is missing to it, how it is paid in, and how it opens the challenge."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from marketplace import statuses
from marketplace.challenges import rules
from marketplace.challenges.challenge import Challenge, ChallengeStatus
from marketplace.database.lock import lock
from marketplace.earnings.earning import EarningKind
from marketplace.earnings.terms import terms_of
from marketplace.errors import BadInput, WrongState, says
from marketplace.funding import deposit as deposits
from marketplace.funding import paying_in, reservation
from marketplace.funding.deposit import Deposit
from marketplace.money import Money, zero
from marketplace.processors.base import Snapshot
from marketplace.statuses import SYSTEM


def missing(challenge: Challenge) -> Money:
    """What is still missing to the pool."""
    if challenge.pool is None or challenge.status != ChallengeStatus.AWAITING_FUNDS:
        return zero(challenge.currency)
    return challenge.pool - reservation.reserved(challenge.ledger_owner, challenge.currency)


def top_up(
    challenge: Challenge,
    *,
    payer_id: UUID,
    payer_email: str,
    form_key: UUID,
    site_url: str,
    at: datetime,
) -> Deposit:
    """Ask for a hosted checkout over what is missing to the pool. The caller has locked it.

    Raises:
        WrongState: it does not wait for funds.
        BadInput: a checkout for it is open already, or the amount is too small for a card.
    """
    if challenge.status != ChallengeStatus.AWAITING_FUNDS:
        raise WrongState("challenge", challenge.status, "top up")
    if open_deposit(challenge) is not None:
        raise BadInput(says("A checkout for this is open already."))
    return deposits.request(
        deposits.Purpose.CHALLENGE,
        missing(challenge),
        requested_by=payer_id,
        payer_email=payer_email,
        form_key=form_key,
        site_url=site_url,
        description=f"{challenge.kind.title()}: {challenge.title}"[:200],
        at=at,
        brand_id=challenge.brand_id,
        challenge_id=challenge.id,
    )


def open_deposit(challenge: Challenge) -> Deposit | None:
    """The checkout of this challenge that may still be paid, if there is one."""
    return paying_in.open_deposit(Deposit.challenge_id == challenge.id)


def fund_from_balance(challenge: Challenge, actor: str, at: datetime) -> None:
    """Reserve what is missing from money that the brand has here already. The caller has locked it.

    Raises:
        WrongState: it does not wait for funds.
        InsufficientFunds: the brand does not have that much unreserved.
    """
    if challenge.status != ChallengeStatus.AWAITING_FUNDS:
        raise WrongState("challenge", challenge.status, "fund")
    short = missing(challenge)
    _open(challenge, actor, at)
    if short:
        reservation.reserve(
            challenge.brand.ledger_owner, challenge.ledger_owner, short, challenge.cause, at
        )


def topped_up(deposit: Deposit, payment: Snapshot, at: datetime) -> None:
    """A challenge's deposit was paid: reserve it, and open the challenge once it is funded.

    What is too much, or comes after a cancellation, stays with the brand unreserved.

    Raises:
        Mismatch: the payment is not the one we asked for.
    """
    assert deposit.challenge_id
    challenge = lock(Challenge, deposit.challenge_id)
    assert challenge is not None
    paying_in.received(
        deposit,
        payment,
        at,
        brand_owner=challenge.brand.ledger_owner,
        reserved_owner=challenge.ledger_owner,
        missing=missing(challenge),
        once_covered=lambda: _open(challenge, SYSTEM, at),
    )


def _open(challenge: Challenge, actor: str, at: datetime) -> None:
    """From now on creators see it, and its rules stand as they are written."""
    terms = terms_of(EarningKind.PRIZE, at)
    challenge.platform_fee_bps, challenge.maturity_days = (
        terms.platform_fee_bps,
        terms.maturity_days,
    )
    rules.freeze(challenge)
    statuses.advance(challenge, "fund", at, actor)
