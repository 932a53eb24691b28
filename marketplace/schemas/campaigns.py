"""What brands send: the terms of a campaign, a reason, an amount to give back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, cast

from flask_babel import gettext
from marshmallow import ValidationError

from marketplace.campaigns.campaign import COMMISSION_BPS_MAX, COMMISSION_BPS_MIN
from marketplace.funding.deposit import AMOUNT_MINOR_MAX, AMOUNT_MINOR_MIN
from marketplace.money import Money
from marketplace.schemas import Sent
from marketplace.schemas.criteria import CriteriaFields, Percent
from marketplace.schemas.fields import Amount, Choice, Day, FormKey, Text, WholeNumber

TITLE_LENGTH_MAX = 120
BRIEF_LENGTH_MAX = 5_000
PLACES_MAX = 1_000
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)


class Budget(Amount):
    """An amount that one payment by card can bring."""

    def read(self, text: str, data: Mapping[str, Any]) -> Money:
        amount = super().read(text, data)
        least = Money(AMOUNT_MINOR_MIN, amount.currency)
        most = Money(AMOUNT_MINOR_MAX, amount.currency)
        if not least <= amount <= most:
            raise ValidationError(
                gettext(
                    "From %(least)s to %(most)s: what one payment by card can bring.",
                    least=least,
                    most=most,
                )
            )
        return amount


class WindowDay(Day):
    """A day on which a campaign may begin or end."""

    def read(self, text: str, data: Mapping[str, Any]) -> date:
        day = super().read(text, data)
        if not FIRST_DAY <= day <= LAST_DAY:
            raise ValidationError(
                gettext("A day from %(first)s to %(last)s.", first=FIRST_DAY, last=LAST_DAY)
            )
        return day


class CampaignTerms(CriteriaFields):
    """A campaign as its brand fills it in. A draft may leave out all but the title."""

    form_key = FormKey()
    title = Text(length_max=TITLE_LENGTH_MAX)
    brief = Text(length_max=BRIEF_LENGTH_MAX, lines=True, required=False)
    currency = Choice((), required=False)
    flat_fee = Amount(required=False)
    commission = Percent(COMMISSION_BPS_MIN, COMMISSION_BPS_MAX, required=False)
    places = WholeNumber(1, PLACES_MAX, required=False)
    budget = Budget(required=False)
    opens_on = WindowDay(required=False)
    closes_on = WindowDay(required=False)

    def __init__(self, currencies: Collection[str]) -> None:
        super().__init__()
        cast(Choice, self.fields["currency"]).values = currencies


class Cancelation(Sent):
    """Why a campaign is called off."""

    reason = Text(length_max=500)


class Once(Sent):
    """A button that makes a row."""

    form_key = FormKey()


class MoreMoney(Sent):
    """How much is added to an open campaign, and from where."""

    form_key = FormKey()
    amount = Amount()
    by = Choice(("balance", "card"))

    def __init__(self, currency: str) -> None:
        super().__init__()
        cast(Amount, self.fields["amount"]).currency = currency


class RefundWish(Sent):
    """How much of a deposit should go back to its card."""

    form_key = FormKey()
    currency = Text(length_max=3)
    amount = Amount()
