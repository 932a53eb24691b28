"""The story's third act: what goes wrong on the way, and all five kinds of income in one payout.

The first payout comes back, so that nothing more leaves until its creator confirms. Meanwhile gifts
and the prize of a tie join the rest, and a part of the sale is given back. Then all of it leaves at
once, while the processor does not answer.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from marketplace import clock
from marketplace.demo.browser import Browser, Unexpected, wait_for
from marketplace.demo.second_act import SecondAct
from marketplace.extensions import db
from marketplace.payouts.payout import Payout, PayoutStatus

if TYPE_CHECKING:
    from marketplace.demo.story import Story

KINDS = ("Creator fund", "Live gifts", "Flat fee", "Commission", "Prize")
# Neither a transfer nor a look-up of what became of it gets an answer, until this is taken back.
_SILENCE = [{"on": "transfers.*", "fault": "reset_before", "times": None}]


class ThirdAct:
    """What follows for the people of a story, after their sale."""

    def __init__(self, story: Story, second: SecondAct) -> None:
        self._story, self._second = story, second
        self._brand, self._creator, self._operator = story.brand, story.creator, story.operator
        self._rival = Browser(story.instance.url)

    def play(self) -> None:
        """The whole act, in order."""
        self.come_back()
        self.receive_gifts()
        self.win_a_tie()
        self._second.give_back("20.00")
        self.leave_without_an_answer()

    def come_back(self) -> None:
        """The processor reverses the transfer: the money is available again, and waits."""
        self._story.step(
            "The payout of 105.50 comes back; nothing more leaves until it is confirmed"
        )
        (transfer,) = self._story.instance.sandbox("GET", "books")["transfers"]
        self._story.instance.sandbox("POST", f"transfers/{transfer['id']}/reverse")
        wait_for("the returned payout", self._confirmation)
        self._story.ledger()

    def _confirmation(self) -> str | None:
        """Where the creator confirms that their account is in order."""
        page = self._creator.get("/creator/payouts").text
        found = re.search(r'action="(/creator/payouts/[0-9a-f-]{36}/confirm)"', page)
        return found[1] if found else None

    def receive_gifts(self) -> None:
        """The gift pool is filled, and live gifts are imported."""
        self._story.step("The operator fills the gift pool and imports live gifts")
        self._story.fill("gift_pool", "100.00")
        self._story.bring("gifts.csv", ["G-1,ines,24.00,USD"], kind="gift")
        self._story.ledger()

    def win_a_tie(self) -> None:
        """Two creators enter a contest and get the same points: they share both prizes."""
        self._story.step("A contest for 60.00 and 30.00: two entries tie, and each gets 45.00")
        self._story.join(self._rival, "creator", "tom@creator.example", handle="tom", country="FR")
        self._second.admit(self._rival, "tom")
        page = self._open_a_contest()
        for browser, handle in ((self._creator, "ines"), (self._rival, "tom")):
            link = {"link": f"https://www.tiktok.com/@{handle}.creates/video/7401{len(handle)}"}
            browser.send(page.replace("/brand/", "/creator/"), "/enter", link)
        self._story.advance(3)
        entries = wait_for("the judging", lambda: self._entries(page))
        for entry in entries:
            self._brand.send(page, f"{entry}/score", {"score": "80"})
        self._brand.send(page, "/publish")
        self._story.say(f"{len(entries)} entries, 80 points each; three days to object")
        self._story.advance(4)
        wait_for("the prizes", lambda: "Prize" in statement_of(self._creator) or None)
        self._story.ledger()

    def _open_a_contest(self) -> str:
        """The page of a contest that is paid in."""
        today = clock.now().date()
        terms = {
            "title": "My city before eight",
            "brief": "Half a minute of your city before it wakes up.",
            "kind": "contest",
            "ranked_by": "scores",
            "currency": "USD",
            "prizes": "60.00\n30.00",
            "opens_on": today.isoformat(),
            "closes_on": (today + timedelta(days=1)).isoformat(),
            "action": "fund",
        }
        new = "/brand/challenges/new"
        saved = self._brand.send(new, new, terms)
        page = saved.url.removeprefix(self._story.instance.url).partition("?")[0]
        self._story.pay(self._brand, self._brand.send(page, "/top-up").url)
        id = page.rpartition("/")[2]
        listed = "/creator/challenges"
        wait_for("the open contest", lambda: id in self._creator.get(listed).text or None)
        return page

    def _entries(self, page: str) -> list[str]:
        return re.findall(
            r'action="(/brand/entries/[0-9a-f-]{36})/score"', self._brand.get(page).text
        )

    def leave_without_an_answer(self) -> None:
        """All five kinds leave in one payout. The processor is silent: unknown, then paid once."""
        self._story.step("Thirty days pass, the creator confirms; the processor falls silent")
        self._story.advance(30)
        self._creator.send("/creator/payouts", "/confirm")
        self._story.ledger()
        self._story.instance.sandbox("PUT", "faults", _SILENCE)
        self._story.advance(8)
        wait_for("the unknown payout", lambda: _unknown_payouts() or None)
        self._story.say(
            "a transfer was sent and not answered: the payout is unknown, nothing moves"
        )
        self._story.ledger()
        self._story.step("The processor answers again: one payout of five kinds of income")
        self._story.instance.sandbox("PUT", "faults", [])
        self._story.advance(1)
        wait_for("the paid payout", self._story.is_paid)
        self._story.ledger()
        books = self._story.instance.sandbox("GET", "books")
        self._story.say(
            f"transfers: {[it['amount'] for it in books['transfers']]}, the first reversed"
        )
        if len(books["transfers"]) != 2:
            raise Unexpected("there should be two transfers")
        missing = [kind for kind in KINDS if kind not in statement_of(self._creator)]
        if missing:
            raise Unexpected(f"the statement lacks {missing}")


def statement_of(creator: Browser) -> str:
    """A creator's statement as a spreadsheet reads it, month by month."""
    page = creator.get("/creator/statement").text
    months = sorted(set(re.findall(r'option value="(\d{4}-\d{2})"', page)))
    path = "/creator/statement.csv?currency=USD&month="
    return "\n".join(creator.get(path + month).text.strip() for month in months)


def _unknown_payouts() -> int:
    found = db.session.query(Payout).filter_by(status=PayoutStatus.UNKNOWN).count()
    db.session.remove()
    return found
