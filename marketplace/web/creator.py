"""Pages of creators: what they can earn with, what they are owed, and how they are paid.

creator_campaigns     open campaigns to look for work in
creator_program       each rule of the program, and the application
creator_applications  applying, and answering invitations
creator_agreements    what is agreed, and the work to hand in
creator_earnings      what there is, what is on its way, and why it is not paid yet
creator_chart         earnings by month, as a picture
creator_statement     a month in lines that add up, on a page and as a file
creator_transactions  any line back to what earned it
creator_payouts       where the money goes, how often, and every payout
creator_sales         codes and links, and the sales by them
creator_close         the end of the account, once all is paid
creator_paypal        an address at PayPal, and the mail that proves it
creator_bank          a bank account, and the wait until it is looked at
creator_words         what people read for the words that rows keep
creator_why           why a balance is not paid yet, in words
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint

from marketplace import access
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.ledger import balances
from marketplace.parties import closing
from marketplace.parties import creator as creators
from marketplace.payouts.payout import Payout
from marketplace.web import clawbacks, creator_why, trace
from marketplace.web import creator_words as words

CURRENCY = "USD"  # of a creator who was never owed anything

bp = Blueprint("creator", __name__, url_prefix="/creator")


@bp.context_processor
def _words() -> dict[str, object]:
    """What the templates of this area name things with."""
    creator = creators.of_user(access.current_person()) if access.signed_in() else None
    return {
        "words": words,
        "why": creator_why,
        "trace": trace,
        "clawed": clawbacks,
        "account_closing": closing.of(creator.id) if creator else None,
    }


def my_payout(payout_id: UUID) -> Payout:
    """The caller's payout of this id.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    payout = db.session.get(Payout, payout_id)
    if payout is None or payout.creator_id != access.current_creator().id:
        raise NotFound("no such payout")
    return payout


def my_currencies() -> list[str]:
    """Every currency in which the caller was ever owed money, or one that they may be."""
    return balances.currencies_of(access.current_creator().ledger_owner) or [CURRENCY]
