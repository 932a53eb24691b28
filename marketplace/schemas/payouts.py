"""What creators send about being paid."""

from __future__ import annotations

from marshmallow import validate

from marketplace.parties.creator import RHYTHMS
from marketplace.schemas import Sent
from marketplace.schemas.fields import Choice, Email, Holder, Iban, TimeZone


class PayoutSchedule(Sent):
    """How often a creator wants to be paid, and in which time zone it is 09:00 then."""

    payout_rhythm = Choice(RHYTHMS)
    time_zone = TimeZone()


class CloseMyAccount(Sent):
    """That a creator means it."""

    confirm = Choice(("yes",))


class PayPalAddress(Sent):
    """Where a creator wants to be paid by PayPal, which takes at most 127 characters."""

    paypal_address = Email(validate=validate.Length(max=127))


class BankDetails(Sent):
    """To which bank account a creator wants to be paid, as a bank takes it."""

    holder = Holder()
    iban = Iban()
