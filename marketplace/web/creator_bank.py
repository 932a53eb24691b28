"""Being paid to a bank account: its holder, its IBAN, the wait until an operator has looked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from flask.typing import ResponseReturnValue
from flask_babel import gettext

from marketplace import access, clock
from marketplace.access import audience
from marketplace.database.lock import lock
from marketplace.errors import BadInput, NotFound, WrongState
from marketplace.extensions import db
from marketplace.payouts import bank_account, receiver
from marketplace.payouts import destination as destinations
from marketplace.payouts.destination import Destination
from marketplace.processors import registry
from marketplace.schemas.payouts import BankDetails
from marketplace.web import forms
from marketplace.web.buttons import late, told
from marketplace.web.creator import bp, my_currencies
from marketplace.web.creator_payouts import shown, to_payouts


@bp.post("/payouts/bank")
@audience("creator")
def name_bank() -> ResponseReturnValue:
    """Write the account down; nothing is paid before an operator has looked at it."""
    return _name(bank_account.name)


@bp.post("/payouts/bank/replace")
@audience("creator")
def replace_by_bank() -> ResponseReturnValue:
    """Retire the present destination and begin with a bank account."""
    return _name(bank_account.replace)


@bp.post("/payouts/bank/withdraw")
@audience("creator")
def withdraw_bank() -> ResponseReturnValue:
    """Take back an account that nobody has looked at: it was the wrong one, say."""
    with told():
        current = destinations.current(access.current_creator().id)
        destination = lock(Destination, current.id) if current else None
        if destination is None or not bank_account.waits(destination):
            raise WrongState(
                "destination", destination.status if destination else "gone", "withdraw"
            )
        receiver.withdraw(destination, access.actor(), clock.now())
        db.session.commit()
    return to_payouts()


def _name(begin: Callable[[UUID, str, str, str, datetime], Destination]) -> ResponseReturnValue:
    """Begin with the account that was sent, by `bank_account.name` or `bank_account.replace`."""
    if not registry.offers(bank_account.PROCESSOR):
        raise NotFound("no bank account of ours")
    form = forms.sent(BankDetails())
    with form.refusals():
        holder, iban = form.data["holder"], form.data["iban"]
        if refusal := _refused():
            raise BadInput("rail", {"iban": refusal})
        with late():
            begin(access.current_creator().id, holder, iban, access.actor(), clock.now())
            db.session.commit()
        return to_payouts()
    return form.again("creator/payouts.html", **(shown() | {"bank_form": form}))


def _refused() -> str | None:
    """Why the caller cannot be paid so, in words; None if they can in one of their currencies."""
    country, currencies = access.current_creator().country, my_currencies()
    rail = registry.rail(bank_account.PROCESSOR)
    words = [rail.supports(country, currency) for currency in currencies]
    if None in words:
        return None
    if "country" in words:
        return str(gettext("SEPA does not reach your country."))
    owed = ", ".join(currencies)
    return str(gettext("SEPA pays euros alone; what you earn is in %(currency)s.", currency=owed))
