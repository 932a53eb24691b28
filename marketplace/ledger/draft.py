"""A draft: one business event as balanced debits and credits, waiting to be posted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from marketplace.ledger.chart import AccountKind
from marketplace.money import Money


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Names an account, whether or not it has a row yet: 'creator:<hex>', creator_pending."""

    owner: str
    kind: AccountKind


@dataclass(frozen=True, slots=True)
class Line:
    """One entry to be: a debit if the amount is positive, a credit if it is negative."""

    account: AccountRef
    amount: Money


@dataclass(frozen=True, slots=True)
class Cause:
    """What made us post: an earning, deposit, refund, payout or campaign, by its id."""

    type: str
    id: UUID


@dataclass(frozen=True, slots=True)
class Draft:
    """One transaction to be recorded once under `key`.

    Attributes:
        key: says what happened, so that telling it twice is seen: 'deposit:<charge id>'.
        effective_at: domain time, aware.
        lines: sum to zero in each currency; an account appears once per currency.
        reverses: the transaction that this one undoes as a whole.

    Raises:
        ValueError: the lines do not balance, or name an account twice; or the time is naive.
    """

    kind: str
    key: str
    cause: Cause
    effective_at: datetime
    lines: tuple[Line, ...]
    reverses: UUID | None = None

    def __post_init__(self) -> None:
        off: dict[str, int] = {}
        for line in self.lines:
            off[line.amount.currency] = off.get(line.amount.currency, 0) + line.amount.minor
        if not off or any(off.values()):
            raise ValueError(f"{self.kind} {self.key} is off by {off}")
        touched = {(line.account, line.amount.currency) for line in self.lines}
        if len(touched) < len(self.lines):
            raise ValueError(f"{self.kind} {self.key} names an account twice")
        if self.effective_at.tzinfo is None:
            raise ValueError(f"{self.kind} {self.key} has a naive time")


def debit(account: AccountRef, amount: Money) -> Line:
    """Return a debit of a positive amount."""
    if amount.minor <= 0:
        raise ValueError(f"a debit is positive, not {amount}")
    return Line(account, amount)


def credit(account: AccountRef, amount: Money) -> Line:
    """Return a credit of a positive amount."""
    if amount.minor <= 0:
        raise ValueError(f"a credit is positive, not {amount}")
    return Line(account, -amount)


def fingerprint(draft: Draft) -> bytes:
    """Hash what a draft says (32 bytes), without its time: equal for the same event told twice."""
    said = [draft.kind, draft.cause.type, draft.cause.id.hex, str(draft.reverses)]
    said += sorted(
        f"{line.account.owner} {line.account.kind} {line.amount.minor} {line.amount.currency}"
        for line in draft.lines
    )
    return sha256("\n".join(said).encode()).digest()
