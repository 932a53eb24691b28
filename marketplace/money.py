"""Money: whole minor units of one currency. Never a float, never a bare int. PURE."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

BPS_WHOLE = 10_000

# ISO 4217: how many decimals a currency has. Every currency that is not named here has two.
# Source: ISO 4217 list one. Processors differ (see processors/), this table is ours alone.
_EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}

# The largest amount we take from anybody: far below 2**63, so that sums of many stay exact.
MINOR_MAX = 10**15

_CODE = re.compile("[A-Z]{3}")


def exponent(currency: str) -> int:
    """Decimals of a currency by ISO 4217: JPY 0, USD 2, KWD 3."""
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents) of one ISO 4217 currency."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:  # a bool is an instance of int
            raise TypeError(f"minor units are an int, not {self.minor!r}")
        if not _CODE.fullmatch(self.currency):
            raise ValueError(f"not a currency code: {self.currency!r}")

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other).minor

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other).minor

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other).minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency}"

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, with exactly the currency's decimals."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def share(self, bps: int) -> Money:
        """Return `bps` basis points of this amount, rounded half-even.

        The other party gets `whole - share`, so nothing is ever lost or made.
        """
        if not 0 <= bps <= BPS_WHOLE:
            raise ValueError(f"basis points out of range: {bps}")
        exact = Decimal(self.minor) * bps / BPS_WHOLE
        return Money(int(exact.to_integral_value(ROUND_HALF_EVEN)), self.currency)

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Split by largest remainder; the parts always sum to the whole.

        A tie in the remainder goes to the earlier weight.

        Raises:
            ValueError: a negative weight, no weight at all, or a negative amount.
        """
        total = sum(weights)
        if self.minor < 0 or total <= 0 or min(weights) < 0:
            raise ValueError("a split takes a non-negative amount and weights with a positive sum")
        floors = [self.minor * weight // total for weight in weights]
        remainders = [self.minor * weight % total for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
        for i in by_remainder[: self.minor - sum(floors)]:
            floors[i] += 1
        return [Money(minor, self.currency) for minor in floors]

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other


def zero(currency: str) -> Money:
    """No money, in this currency."""
    return Money(0, currency)


def parse(text: str, currency: str) -> Money:
    """Read a major-unit amount as people and files write it: '1234.5' or '1234,50'.

    Raises:
        ValueError: not a plain decimal number, more decimals than the currency has, or beyond
            `MINOR_MAX`. The message says which.
    """
    plain = text.strip().replace("\u202f", "").replace("\u00a0", "").replace(" ", "")
    written = re.fullmatch(r"(-?\d{1,16})(?:[.,](\d{1,6}))?", plain, re.ASCII)
    if written is None:
        raise ValueError("write the amount as a plain number such as 1234.50")
    whole, decimals = written[1], written[2] or ""
    # Zeros count too: whoever writes '1,000' may mean a thousand.
    if len(decimals) > exponent(currency):
        raise ValueError(f"{currency} has {exponent(currency)} decimals")
    minor = int(whole + decimals.ljust(exponent(currency), "0"))
    if abs(minor) > MINOR_MAX:
        raise ValueError("the amount is too large")
    return Money(minor, currency)
