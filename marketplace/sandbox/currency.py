"""Currencies as Stripe's wire writes them: whole numbers of a smallest unit, per currency.

Only the wire knows minor units. The books are decimals in major units, so that a mistake in
the marketplace's minor-unit code cannot be repeated here.

Source of the tables: docs.stripe.com/currencies (zero-decimal, three-decimal, special cases).
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

_TWO = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bmd bnd bob brl bsd bwp byn bzd cad cdf
    chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg
    huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur
    mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd
    scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs wst xcd
    yer zar zmw
"""
_ZERO = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_THREE = "bhd jod kwd omr tnd"

TWO_DECIMALS = frozenset(_TWO.split())
ZERO_DECIMALS = frozenset(_ZERO.split())
THREE_DECIMALS = frozenset(_THREE.split())

# Written with two decimals on the wire, but only whole units exist.
WHOLE_ONLY = frozenset({"isk", "ugx"})


def is_known(currency: str) -> bool:
    """Whether Stripe takes this lower-case ISO 4217 code."""
    return currency in TWO_DECIMALS | ZERO_DECIMALS | THREE_DECIMALS


def _exponent(currency: str) -> int:
    if currency in ZERO_DECIMALS:
        return 0
    return 3 if currency in THREE_DECIMALS else 2


def step(currency: str) -> Decimal:
    """Return the smallest amount that may be moved, in major units.

    Three-decimal currencies move in multiples of ten of their smallest unit.
    """
    if currency in ZERO_DECIMALS | WHOLE_ONLY:
        return Decimal(1)
    return Decimal("0.01")


def from_wire(minor: int, currency: str) -> Decimal:
    """Return major units."""
    return Decimal(minor).scaleb(-_exponent(currency))


def to_wire(major: Decimal | str, currency: str) -> int:
    """Return whole smallest units.

    Raises:
        ValueError: the amount is finer than the currency; our own books are wrong.
    """
    scaled = Decimal(major).scaleb(_exponent(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{major} {currency} has too many decimals")
    return int(scaled)


def rounded(major: Decimal, currency: str) -> Decimal:
    """Return the amount in whole steps of the currency, half-even."""
    unit = step(currency)
    return (major / unit).quantize(Decimal(1), ROUND_HALF_EVEN) * unit


def written(major: Decimal, currency: str) -> str:
    """Return the amount as the books keep it: '12.30', '-5', never an exponent."""
    return f"{major:.{_exponent(currency)}f}"
