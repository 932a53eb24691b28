"""The bank rail: our own account, from which files of credit transfers pay creators' accounts.

It is no processor that answers: what is asked of it is a file (`bank_file.write`), which people
carry to our bank, and what became of it is what they write down.
"""

from __future__ import annotations

from marketplace import sepa
from marketplace.money import Money

# What one credit transfer is at most (EPC125-05, AT-T002).
MOST = Money(99_999_999_999, sepa.CURRENCY)


class Bank:
    """SEPA credit transfers from one account of ours."""

    name = "bank"

    def __init__(self, account: sepa.Account) -> None:
        self.account = account

    def payout_step(self, currency: str) -> int:
        """Return what a payout is a multiple of, in our minor units: cents go as they are."""
        return 1

    def payout_most(self, currency: str) -> Money | None:
        """Return what one payout is at most; None for a currency that SEPA has not."""
        return MOST if currency == MOST.currency else None

    def supports(self, country: str, currency: str, amount: Money | None = None) -> str | None:
        """Return None, or what this rail cannot do: 'country', 'currency', 'most'."""
        if not sepa.reaches(country):
            return "country"
        if currency != MOST.currency:
            return "currency"
        return "most" if amount is not None and amount > MOST else None
