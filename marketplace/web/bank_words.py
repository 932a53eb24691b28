"""What people read for the reasons that a bank gives by a code."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

CODES: dict[str, Any] = {
    "AC01": _("The account number is wrong."),
    "AC04": _("The account is closed."),
    "AC06": _("The account is blocked."),
    "AG01": _("The account takes no credit transfers."),
    "AM04": _("There was not enough money on our own account."),
    "AM05": _("The bank takes it for a duplicate."),
    "BE01": _("The name does not belong to the account."),
    "BE04": _("The bank wants an address of the account's holder."),
    "DS02": _("We called it off at our bank."),
    "FOCR": _("We called it back."),
    "MD07": _("The account's holder has died."),
    "MS02": _("The account's holder did not want it."),
    "MS03": _("The bank gives no reason."),
    "RC01": _("The bank of the account was not found."),
    "RR03": _("The bank must know more of the account's holder."),
    "RR04": _("A legal reason that the bank may not name."),
}


def said(failure: str | None) -> str:
    """A payout's failure in words, if it is a bank's code, with the code; else as it is kept."""
    if failure not in CODES:
        return failure or ""
    return f"{CODES[failure]} ({failure})"


def choices() -> list[tuple[str, str]]:
    """Every code with its words."""
    return [(code, f"{code}: {text}") for code, text in CODES.items()]
