"""What a payout makes of a balance: so much repays debt, so much is paid, so much stays. PURE."""

from __future__ import annotations

from dataclasses import dataclass

from marketplace.money import Money

# At most a quarter of each payout: who earns again is paid again.
RECOVERY_BPS = 2_500


@dataclass(frozen=True)
class Parts:
    """The parts of an available balance; they sum to it.

    `recovered` and `paid` are the payout and leave the balance; only `paid` goes to the processor.
    """

    recovered: Money
    paid: Money
    stays: Money


def divide(available: Money, debt: Money, step_minor: int = 1) -> Parts:
    """Divide a balance that is paid out now.

    What is paid is a multiple of `step_minor`, in which the processor can pay this currency. Debt
    gets at most `RECOVERY_BPS` of the payout, rounded half-even; what is finer than a step stays.
    """
    most = _whole_steps(_whole_steps(available, step_minor).share(RECOVERY_BPS), step_minor)
    recovered = min(debt, most)
    paid = _whole_steps(available - recovered, step_minor)
    return Parts(recovered, paid, stays=available - recovered - paid)


def _whole_steps(amount: Money, step_minor: int) -> Money:
    return Money(amount.minor - amount.minor % step_minor, amount.currency)
