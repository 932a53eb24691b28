"""How a brand's disputed charge moves money: one function per business event, as in `postings`.

Pure. No creator's account and no reservation is in any of them: a card's bank that takes a brand's
payment back takes nothing from anybody who worked for it.
"""

from __future__ import annotations

from datetime import datetime

from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import AccountRef, Cause, Draft, credit, debit
from marketplace.ledger.postings import brand_available, processor_clearing, processor_fees
from marketplace.money import Money


def brand_debt(brand_owner: str) -> AccountRef:
    """What a brand owes: a card's bank took it back when it was no longer there to take."""
    return AccountRef(brand_owner, AccountKind.BRAND_DEBT)


def dispute_withdrawn(
    processor: str, brand_owner: str, taken: Money, owing: Money, cause: Cause, at: datetime
) -> Draft:
    """The card's bank took a charge back: `taken` was free, `owing` was not and becomes debt."""
    kind = "dispute_withdrawn"
    parts = ((brand_available(brand_owner), taken), (brand_debt(brand_owner), owing))
    lines = [debit(account, amount) for account, amount in parts if amount]
    lines.append(credit(processor_clearing(processor), taken + owing))
    return Draft(kind, f"{kind}:{cause.id.hex}", cause, at, tuple(lines))


def dispute_reinstated(
    processor: str, brand_owner: str, amount: Money, cause: Cause, at: datetime
) -> Draft:
    """The dispute was won: what the card's bank gave back is the brand's."""
    kind = "dispute_reinstated"
    lines = (
        debit(processor_clearing(processor), amount),
        credit(brand_available(brand_owner), amount),
    )
    return Draft(kind, f"{kind}:{cause.id.hex}", cause, at, lines)


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
