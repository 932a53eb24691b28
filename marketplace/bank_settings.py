"""The settings of the bank rail: our own account, and the key that seals those of creators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cryptography.fernet import Fernet

from marketplace import sepa
from marketplace.errors import SettingsError

T = TypeVar("T")

# These three, or none and the rail is off. BANK_ACCOUNT_BIC may be added.
_NEEDS = {
    "BANK_ACCOUNT_NAME": "the holder of our account",
    "BANK_ACCOUNT_IBAN": "the IBAN of our account",
    "BANK_DATA_KEY": "the key that seals the bank details of creators",
}
# Whose account the sandbox plays; the IBAN is the one that everybody's examples use.
SANDBOX_ACCOUNT = sepa.Account("Marketplace Sandbox", "DE89370400440532013000", "COBADEFFXXX")


def read(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what `Settings` calls them, nothing if the rail is off.

    Raises:
        SettingsError: some are missing, or one is malformed; what was set is not repeated.
    """
    given = {name: (environ.get(name) or "").strip() for name in _NEEDS}
    bic = (environ.get("BANK_ACCOUNT_BIC") or "").strip()
    missing = [f"{name} ({_NEEDS[name]})" for name, value in given.items() if not value]
    if missing and (bic or any(given.values())):
        raise SettingsError("payouts by bank are half set up, so also set: " + "; ".join(missing))
    if missing:
        return {}
    name, iban, keys = given.values()
    account = sepa.Account(
        _read("BANK_ACCOUNT_NAME must be at most 70 Latin letters and -/?:().,'+", sepa.name, name),
        _read("BANK_ACCOUNT_IBAN must be an IBAN of a SEPA country", sepa.iban, iban),
        _read("BANK_ACCOUNT_BIC must be a BIC such as COBADEFFXXX", sepa.bic, bic) if bic else None,
    )
    several = tuple(key.strip() for key in keys.split(",") if key.strip())
    for key in several:
        _read("BANK_DATA_KEY must be 32 bytes in URL-safe base64", Fernet, key)
    return {"bank_account": account, "bank_data_keys": several}


def _read(must: str, read: Callable[[str], T], value: str) -> T:
    try:
        return read(value)
    except ValueError as error:
        raise SettingsError(must) from error
