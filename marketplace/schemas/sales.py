"""What brands send about their shops."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from flask_babel import gettext
from marshmallow import ValidationError

from marketplace.schemas import Sent
from marketplace.schemas.fields import Amount, Choice, Email, FormKey, Text
from marketplace.storefronts.storefront import SOFTWARE

# In which a shop may keep its prices.
CURRENCIES = (
    *("AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HUF", "INR", "JPY", "KRW"),
    *("MXN", "NOK", "NZD", "PLN", "SEK", "SGD", "USD"),
)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


class ShopDomain(Text):
    """A shop's own domain; of a whole web address the domain is taken."""

    def read(self, text: str, data: Mapping[str, Any]) -> str:
        try:
            domain = urlsplit(text if "//" in text else f"//{text}").hostname or ""
        except ValueError:
            domain = ""
        if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
            raise ValidationError(gettext("A domain such as your-shop.myshopify.com."))
        return domain


class NewStorefront(Sent):
    """A shop that a brand adds."""

    form_key = FormKey()
    kind = Choice(tuple(SOFTWARE))
    shop_domain = ShopDomain()
    currency = Choice(CURRENCIES)


class Secret(Sent):
    """The secret with which a shop signs, as the shop shows it."""

    secret = Text(length_min=8, length_max=200)


class SandboxOrder(Sent):
    """What a buyer orders in a shop that the sandbox plays."""

    form_key = FormKey()
    shop = Text(length_max=36)
    code = Text(length_max=40, required=False)
    link = Text(length_max=500, required=False)
    amount = Amount()
    email = Email()

    def __init__(self, currency: str) -> None:
        super().__init__()
        cast(Amount, self.fields["amount"]).currency = currency


class SandboxRefund(Sent):
    """How much of such an order is given back."""

    form_key = FormKey()
    amount = Amount()

    def __init__(self, currency: str) -> None:
        super().__init__()
        cast(Amount, self.fields["amount"]).currency = currency
