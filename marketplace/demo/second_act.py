"""The story's second act: a creator works and sells for the campaign, over HTTP like the first.

They join the program by their numbers, apply, hand in, and sell by their promo code. The flat fee
and the commission end in the same statement, and each is walked to its cause.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import requests

from marketplace import clock
from marketplace.demo.browser import TIMEOUT_S, Browser, Unexpected, wait_for
from marketplace.storefronts import sandbox_shop

if TYPE_CHECKING:
    from marketplace.demo.story import Story

_SECRET = "shpss_two_minutes_long"  # of a shop that exists for two minutes
_ORDER = 1042
_ID = r"([0-9a-f-]{36})"


class SecondAct:
    """What follows for the people of a story, in whose campaign there is room."""

    def __init__(self, story: Story, campaign_id: str) -> None:
        self._story = story
        self._campaign_id = campaign_id
        self._address = ""
        self._brand, self._creator, self._operator = story.brand, story.creator, story.operator

    def play(self) -> None:
        """The whole act, in order."""
        self.join_the_program()
        self.agree()
        self.hand_in()
        self.sell()

    def join_the_program(self) -> None:
        """The platform's numbers are imported, the creator applies, an operator approves."""
        self._story.step("Numbers are imported; the creator joins the program")
        self.admit(self._creator, "ines")
        self._story.say("every rule of the program was met, and an operator approved")

    def admit(self, creator: Browser, handle: str) -> None:
        """One creator joins the program by their numbers."""
        self._operator.send(
            "/operator/imports/metrics/new",
            "/operator/imports/metrics",
            files={"file": ("days.csv", _month_of_numbers(handle), "text/csv")},
        )
        born = {"born_on": "1996-05-14", "country": "FR"}
        creator.send("/creator/program", "/creator/program", born)
        page = _link(self._operator, "/operator/applications")
        self._operator.send(page, "/approve")

    def agree(self) -> None:
        """The creator applies to the campaign; the brand accepts."""
        self._story.step("The creator applies to the campaign, the brand accepts")
        words = {"message": "A week of slow mornings, one take each."}
        self._creator.send(f"/creator/campaigns/{self._campaign_id}", "/apply", words)
        applicants = f"/brand/campaigns/{self._campaign_id}/applicants"
        asked = _link(self._brand, applicants, "/brand/applications")
        self._brand.send(asked, "/accept")
        self._story.say("they agreed on 120.00 USD and 15 % of each sale, at the terms of today")

    def hand_in(self) -> None:
        """The creator submits a link; the brand approves, and the flat fee is owed."""
        self._story.step("The creator hands in a link, the brand approves: a flat fee of 120.00")
        link = {"link": "https://www.tiktok.com/@ines/video/7301"}
        self._creator.send(_link(self._creator, "/creator/work"), "/submit", link)
        self._brand.send(_link(self._brand, "/brand/work"), "/approve")
        self._story.ledger()

    def sell(self) -> None:
        """The brand's shop tells of an order with the creator's code, signed as Shopify signs."""
        self._story.step("The brand connects its Shopify shop; an order of 80.00 brings the code")
        new = {"kind": "shopify", "shop_domain": "northwind.example", "currency": "USD"}
        added = self._brand.send("/brand/sales/shops", "/brand/sales/shops", new)
        page = added.url.removeprefix(self._story.instance.url)
        self._brand.send(page, "/secret", {"secret": _SECRET})
        shown = self._brand.get(page).text
        code = _found(r"<code>(INES\w*)</code>", shown, "the promo code")
        pattern = r"<code>(http[^<]+/webhooks/shopify/[^<]+)</code>"
        address = self._address = _found(pattern, shown, "the address")
        body = sandbox_shop.order(
            _ORDER, "Cold-brew kit", "80.00", at=clock.now(), code=code.lower()
        )
        message = sandbox_shop.sign("orders/paid", body, _SECRET)
        forged = sandbox_shop.sign("orders/paid", body, "another secret")
        self._post(address, forged, 401)
        self._post(address, message, 200)
        self._post(address, message, 200)
        wait_for("the sale", lambda: f"#{_ORDER}" in self._creator.get("/creator/sales").text)
        wait_for("the commission", lambda: self._lines().get("Commission"))
        self._story.ledger()

    def give_back(self, paid: str) -> None:
        """The shop tells of a refund: the commission shrinks to its rate of what is left."""
        self._story.step(f"The buyer gets {paid} of the order back: 3.00 of the commission go too")
        body = sandbox_shop.refund(_ORDER, paid, at=clock.now())
        self._post(self._address, sandbox_shop.sign("refunds/create", body, _SECRET), 200)
        left = r"9[.,]00"
        wait_for("the refund", lambda: re.search(left, self._creator.get("/creator/sales").text))
        self._story.ledger()

    def _post(self, address: str, message: sandbox_shop.Message, status: int) -> None:
        reply = requests.post(address, data=message.raw, headers=message.headers, timeout=TIMEOUT_S)
        answer = f"{reply.status_code} {reply.text.strip()}"
        self._story.say(f"the shop posts {message.headers['X-Shopify-Topic']}: {answer}")
        if reply.status_code != status:
            raise Unexpected(f"the shop's message should be answered {status}")

    def walk_to_causes(self) -> None:
        """From the statement's lines to the work and the order behind them."""
        self._story.step("From the statement to the cause of both")
        walked = {
            "Flat fee": (r"\+?108[.,]00", f"/creator/work/{_ID}", r"tiktok\.com/@ines/video/7301"),
            "Commission": (r"\+?12[.,]00", f"/creator/sales/{_ID}", f"#{_ORDER}"),
        }
        lines = self._lines()
        for what, (amount, cause, evidence) in walked.items():
            if what not in lines:
                raise Unexpected(f"the statement has no {what.lower()}")
            page = self._creator.get(f"/creator/transactions/{lines[what]}").text
            _found(amount, page, f"the amount of the {what.lower()}")
            path = re.search(cause, page)
            if path is None:
                raise Unexpected(f"the {what.lower()} does not say what it is for")
            _found(f"({evidence})", self._creator.get(path[0]).text, f"what is behind {path[0]}")
            self._story.say(f"{what}: transaction {lines[what]}")
            self._story.say(f"  is for {path[0]}, where {evidence.replace(chr(92), '')} is seen")

    def _lines(self) -> dict[str, str]:
        """The transaction of each kind of line in the present month's statement."""
        page = self._creator.get("/creator/statement").text
        found = re.findall(rf'href="/creator/transactions/{_ID}">([^<]+)</a>', page)
        return {what: id for id, what in found}


def _month_of_numbers(handle: str) -> bytes:
    """Thirty-five days of a channel that meets every rule."""
    lines = ["handle,platform,channel,day,followers,views,authentic_views,engagements,categories"]
    for ago in range(35, 0, -1):
        day = clock.now().date() - timedelta(days=ago)
        lines.append(f"{handle},tiktok,{handle}.creates,{day},84200,22000,21400,1500,food")
    return "\n".join(lines).encode()


def _link(browser: Browser, page: str, below: str | None = None) -> str:
    """The first link on a page to something below it."""
    path = below or page
    found = re.search(f'href="({path}/[0-9a-f-]{{36}})', browser.get(page).text)
    if found is None:
        raise Unexpected(f"{page} leads to nothing below {path}")
    return found[1]


def _found(pattern: str, text: str, what: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise Unexpected(f"{what} is not there")
    return match[match.lastindex or 0]
