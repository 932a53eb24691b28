"""How a disputed charge moves money: one function per business event, as in `postings`.

Pure. No creator's account and no reservation is in any of them: a card's bank that takes a payment
back takes nothing from anybody who worked for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import AccountRef, Cause, Draft, credit, debit
from marketplace.ledger.postings import brand_available, processor_clearing, processor_fees
from marketplace.money import Money

Parts = Sequence[tuple[AccountRef, Money]]  # of one amount, by account; at least one


def brand_debt(brand_owner: str) -> AccountRef:
    """What a brand owes: a card's bank took it back when it was no longer there to take."""
    return AccountRef(brand_owner, AccountKind.BRAND_DEBT)


def dispute_withdrawn(processor: str, borne: Parts, cause: Cause, at: datetime) -> Draft:
    """The card's bank took a charge back: what was free of it first, the rest is debt or loss."""
    kind = "dispute_withdrawn"
    lines = [debit(account, amount) for account, amount in borne if amount]
    lines.append(credit(processor_clearing(processor), _total(borne)))
    return Draft(kind, f"{kind}:{cause.id.hex}", cause, at, tuple(lines))


def dispute_reinstated(processor: str, back_to: Parts, cause: Cause, at: datetime) -> Draft:
    """The dispute was won: what the card's bank gave back, and whose it is."""
    kind = "dispute_reinstated"
    lines = [debit(processor_clearing(processor), _total(back_to))]
    lines += [credit(account, amount) for account, amount in back_to if amount]
    return Draft(kind, f"{kind}:{cause.id.hex}", cause, at, tuple(lines))


def processor_fee_returned(
    processor: str, fee: Money, fee_ref: str, cause: Cause, at: datetime
) -> Draft:
    """The processor gave a fee back; `fee_ref` is its own balance transaction."""
    kind = "processor_fee_returned"
    lines = debit(processor_clearing(processor), fee), credit(processor_fees(processor), fee)
    return Draft(kind, f"processor_fee:{fee_ref}", cause, at, lines)


def brand_debt_repaid(brand_owner: str, amount: Money, cause: Cause, at: datetime) -> Draft:
    """A brand that owes has money free: the debt comes first."""
    kind = "brand_debt_repaid"
    lines = debit(brand_available(brand_owner), amount), credit(brand_debt(brand_owner), amount)
    return Draft(kind, f"{kind}:{cause.id.hex}", cause, at, lines)


def _total(parts: Parts) -> Money:
    (_, first), *others = parts
    return sum((amount for _, amount in others), start=first)
