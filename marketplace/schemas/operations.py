"""What operators send."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from marshmallow import ValidationError, validates_schema

from marketplace.demo_clock import DAYS_MAX
from marketplace.earnings import hold
from marketplace.earnings.earning import EarningKind
from marketplace.funding.deposit import Purpose
from marketplace.payouts.bank_answer import CODES
from marketplace.schemas import Sent
from marketplace.schemas.fields import Amount, Choice, Day, FormKey, Text, WholeNumber

REASON_LENGTH_MAX = 500
REFERENCE_LENGTH_MAX = 100
REMOTE_ID_LENGTH_MAX = 64


class FillPool(Sent):
    """Which pool gets how much; paid at the processor's hosted checkout."""

    form_key = FormKey()
    pool = Choice((Purpose.FUND_POOL, Purpose.GIFT_POOL))
    currency = Text(length_max=3)
    amount = Amount()


class BringIncome(Sent):
    """The kind of income that a file lists. The file itself comes beside the form's fields."""

    form_key = FormKey()
    kind = Choice((EarningKind.FUND, EarningKind.GIFT))


class Decide(Sent):
    """What an operator decides about a payout, and why."""

    decision = Choice(("release", "cancel", "look_up"))
    reason = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)
    remote_id = Text(length_max=REMOTE_ID_LENGTH_MAX, required=False)

    @validates_schema(skip_on_field_errors=False)
    def names_what_was_found(self, data: dict[str, Any], **_: object) -> None:
        """A number of the processor's is in a path when we ask: letters and digits."""
        found = data.get("remote_id") or ""
        if data.get("decision") == "look_up" and not (found.isascii() and found.isalnum()):
            raise ValidationError(gettext("its number there: letters and digits"), "remote_id")


class Contest(Sent):
    """Why an earning is held, and how long a decision may take."""

    reason = Choice(hold.REASONS)
    evidence = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)
    days = WholeNumber(1, hold.DECIDE_DAYS_MAX)


class DecideContest(Sent):
    """How a contest of an earning ends, and why."""

    decision = Choice(("release", "uphold"))
    reason = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)


class TakeBack(Sent):
    """How much of an earning is taken back, typed twice, and why."""

    form_key = FormKey()
    currency = Text(length_max=3)  # the earning's
    amount = Amount()
    again = Amount()
    reason = Choice(hold.REASONS)
    evidence = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)


class DecideRun(Sent):
    """What an operator decides about a locked payout run, and why."""

    decision = Choice(("approve", "reject"))
    reason = Text(length_max=REASON_LENGTH_MAX, lines=True, required=False)


class PlaceHold(Sent):
    """Why a creator's payouts are held, which they read, and when that is looked at again."""

    reason = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)
    review_on = Day()


class LiftHold(Sent):
    """Why a hold ends."""

    reason = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)


class CloseAccount(Sent):
    """Why a creator's account closes; they read it."""

    reason = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)


class PayRest(Sent):
    """How the rest of an account that closes was paid, from where, and what proves it."""

    currency = Text(length_max=3)
    processor = Choice(("stripe", "paypal", "bank"))
    reference = Text(length_max=REFERENCE_LENGTH_MAX)
    reason = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)


class ExplainDifference(Sent):
    """Why books and processor differ, as the next operator reads it."""

    note = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)


class ReviewCampaign(Sent):
    """What an operator decides about a campaign as they saw it, and why."""

    decision = Choice(("approve", "request_changes", "reject"))
    seen = Text(length_max=40)  # since when it was in review
    reason = Text(length_max=REASON_LENGTH_MAX, lines=True, required=False)


class MoveClock(Sent):
    """How far the demo clock is to move."""

    days = WholeNumber(1, DAYS_MAX)


class DecideAccount(Sent):
    """What an operator decides about a creator's bank account, and why."""

    decision = Choice(("accept", "refuse"))
    reason = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)


class BankExecuted(Sent):
    """When our bank executed a file, and where its statement says so."""

    answered_on = Day()
    reference = Text(length_max=REFERENCE_LENGTH_MAX)


class BankNotPaid(BankExecuted):
    """Why a payment was rejected, or came back."""

    code = Choice(CODES)
