"""One transaction of the books, in the words of the brand or creator who looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from marketplace.errors import NotFound
from marketplace.ledger import balances
from marketplace.ledger.balances import Transaction
from marketplace.ledger.chart import CHART
from marketplace.ledger.draft import Line
from marketplace.money import Money

# What happened, by kind of transaction: a name, and what it means.
POSTINGS: dict[str, tuple[Any, Any]] = {
    "deposit_received": (
        _("Top-up received"),
        _("The processor confirmed the payment, so the money is in your balance."),
    ),
    "campaign_reserved": (
        _("Reserved"),
        _("Money was set aside for one campaign or challenge. Nothing else can spend it."),
    ),
    "campaign_released": (
        _("Given back"),
        _("What a campaign or challenge did not spend came back to the available balance."),
    ),
    "refund_reserved": (
        _("Refund set aside"),
        _("Money was set aside to go back to the card it came from."),
    ),
    "refund_paid": (
        _("Refund paid"),
        _("The processor confirmed that the money went back to the card."),
    ),
    "refund_released": (
        _("Refund given up"),
        _("The processor could not send the money back, so it is available again."),
    ),
    "refund_bounced": (
        _("Refund came back"),
        _("The card's bank returned the refund, so the money is available again."),
    ),
    "dispute_withdrawn": (
        _("Disputed payment taken back"),
        _(
            "The cardholder's bank took a payment back. What was not available any more is owed;"
            " nothing was taken from what is reserved or from a creator."
        ),
    ),
    "dispute_reinstated": (
        _("Disputed payment given back"),
        _("The dispute was decided for you, so the money is available again."),
    ),
    "brand_debt_repaid": (
        _("Debt repaid"),
        _("What is available repays first what is owed after a disputed payment."),
    ),
    "earning_accrued": (
        _("Earned"),
        _("From this moment the amount is owed to you. It is pending until it matures."),
    ),
    "earning_matured": (
        _("Became available"),
        _("The earning has matured: nothing can undo it any more, and it can be paid out."),
    ),
    "earning_clawed_back": (
        _("Clawed back"),
        _("What had earned it was undone, so it went back to where it came from."),
    ),
    "earning_contested": (
        _("Contested"),
        _("Somebody contests what had earned it. It is held: nobody can pay it out or take it."),
    ),
    "earning_released": (
        _("No longer contested"),
        _("The contest is over and the earning stands."),
    ),
    "payout_reserved": (
        _("Payout prepared"),
        _("The amount was set aside before the processor heard of it."),
    ),
    "payout_paid": (
        _("Paid out"),
        _("The processor confirmed the transfer, so the money is in your account there."),
    ),
    "payout_arrived_late": (
        _("Payout arrived after all"),
        _(
            "A payout that counted as not paid reached you, so its amount is taken from what you"
            " have available; what was not there any more is recovered from later payouts."
        ),
    ),
    "rest_paid": (
        _("Paid another way"),
        _("It was too little to be sent, so somebody of the marketplace paid it otherwise."),
    ),
    "payout_returned": (
        _("Payout came back"),
        _("The processor took the transfer back, so the money is available again."),
    ),
    "payout_released": (
        _("Payout given up"),
        _("Nothing was sent, so the money is available again."),
    ),
}

_OWN = {
    "brand_available": _("Your available balance"),
    "refund_reserved": _("Your money on its way back"),
    "brand_debt": _("Your debt"),
    "creator_pending": _("Your pending earnings"),
    "creator_available": _("Your available balance"),
    "creator_contested": _("Your contested earnings"),
    "payout_reserved": _("Your money in a payout"),
    "creator_debt": _("Your debt"),
}
_OTHERS = {
    "processor_clearing": _("The marketplace's account at the processor"),
    "processor_fees": _("Processor fees"),
    "platform_fees": _("Platform fees"),
    "brand_available": _("A brand's available balance"),
    "reserved": _("Money that a brand has reserved"),
    "refund_reserved": _("A brand's money on its way back"),
    "brand_debt": _("A brand's debt"),
    "fund_pool": _("The creator fund"),
    "gift_pool": _("The pool of live gifts"),
    "creator_pending": _("A creator's pending earnings"),
    "creator_available": _("A creator's available balance"),
    "creator_contested": _("A creator's contested earnings"),
    "payout_reserved": _("A creator's money in a payout"),
    "creator_debt": _("A creator's debt"),
}


@dataclass(frozen=True)
class Side:
    """One line of a transaction: an account, and what was done to it."""

    account: str
    own: bool
    rises: bool  # does the account hold more than before, as people see it?
    debit: Money | None
    credit: Money | None


def found(transaction_id: UUID, own: Mapping[str, str]) -> Transaction:
    """The transaction, if it touches an account of one of these owners.

    Raises:
        NotFound: it does not, or there is none.
    """
    transaction = balances.trace(transaction_id)
    if transaction is None or not touches(transaction, own):
        raise NotFound("no such transaction")
    return transaction


def touches(transaction: Transaction, own: Mapping[str, str]) -> bool:
    """Does a transaction touch an account of one of these owners?"""
    return any(line.account.owner in own for line in transaction.lines)


def sides(transaction: Transaction, own: Mapping[str, str]) -> list[Side]:
    """The lines of a transaction, debits first.

    `own` names the viewer's ledger owners: '' for the viewer, a title for each of their campaigns.
    """
    lines = sorted(transaction.lines, key=lambda line: line.amount.minor < 0)
    return [_side(line, own) for line in lines]


def _side(line: Line, own: Mapping[str, str]) -> Side:
    is_debit = line.amount.minor > 0
    return Side(
        account=_account(line, own),
        own=line.account.owner in own,
        rises=is_debit == (CHART[line.account.kind].side > 0),
        debit=line.amount if is_debit else None,
        credit=None if is_debit else -line.amount,
    )


def _account(line: Line, own: Mapping[str, str]) -> str:
    kind, title = line.account.kind, own.get(line.account.owner)
    if title is None:
        return str(_OTHERS[kind])
    if title:
        return str(gettext("Reserved for: %(campaign)s", campaign=title))
    return str(_OWN[kind])


def name(kind: str) -> str:
    """What happened, in two or three words."""
    known = POSTINGS.get(kind)
    return str(known[0]) if known else kind


def meaning(kind: str) -> str:
    """What happened, in a sentence."""
    known = POSTINGS.get(kind)
    return str(known[1]) if known else ""
