"""`make demo`: the whole path over HTTP, told step by step, on parts of its own.

Each step prints what it did and the ledger lines it caused; two more acts have their own files. The
end is the creator's statement, the cause of its lines, and the verdict of `ledger verify`.
Exit 0 only if everything held.
"""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta
from itertools import count
from urllib.parse import urljoin

from marketplace import clock, create_app, demo_clock
from marketplace.demo import hosted
from marketplace.demo.browser import Browser, Unexpected, wait_for
from marketplace.demo.instance import Instance, InstanceFailed
from marketplace.demo.second_act import SecondAct
from marketplace.demo.third_act import ThirdAct, statement_of
from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.ledger.draft import AccountRef

PASSWORD = "slow mornings, good light"  # of people who exist for two minutes
OPERATOR = "olu@operator.example"


class Story:
    """Three people at one marketplace."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.brand = Browser(instance.url)
        self.creator = Browser(instance.url)
        self.operator = Browser(instance.url)
        self._campaign_id = ""
        self._steps = count(1)
        self._printed_until: datetime = clock.wall_now()

    def tell(self) -> None:
        """The whole path, in order."""
        self.sign_up()
        self.fund_a_campaign()
        self.fill_the_pool_and_import()
        self.onboard()
        self.below_the_threshold()
        self.over_the_threshold()
        self.be_paid()
        second = SecondAct(self, self._campaign_id)
        second.play()
        second.walk_to_causes()
        ThirdAct(self, second).play()
        self.show_the_statement()

    def step(self, title: str) -> None:
        """Begin a step."""
        print(f"\n{next(self._steps)}. {title}", flush=True)

    def say(self, text: str) -> None:
        """Say something about this step."""
        print(f"   {text}", flush=True)

    def ledger(self) -> None:
        """Print what was posted since the last time."""
        for transaction in balances.recorded_after(self._printed_until):
            self._printed_until = transaction.recorded_at
            self.say(f"  ledger: {transaction.kind}")
            for line in transaction.lines:
                side = "Dr" if line.amount.minor > 0 else "   Cr"
                amount = line.amount if line.amount.minor > 0 else -line.amount
                owner = re.sub(r"([0-9a-f]{8})[0-9a-f]{24}", r"\1", line.account.owner)
                account = f"{side} {line.account.kind} ({owner})"
                self.say(f"    {account:52}{amount!s:>14}")
        db.session.remove()

    # ---- people

    def sign_up(self) -> None:
        """A brand and a creator join and confirm their address; an operator is made by command."""
        self.step("A brand and a creator sign up; an operator is made by command")
        self.join(self.brand, "brand", "bea@brand.example", brand_name="Northwind Coffee")
        creator = {"handle": "ines", "country": "FR"}
        self.join(self.creator, "creator", "ines@creator.example", **creator)
        made = self.instance.flask(
            *("users", "create-operator", OPERATOR, "--name", "Olu", "--password", PASSWORD)
        )
        if made.returncode != 0:
            raise Unexpected(f"no operator: {made.stderr}")
        self.say(made.stdout.strip())
        self._log_in(self.operator, OPERATOR)

    def join(self, browser: Browser, kind: str, email: str, **more: str) -> None:
        """Sign up, confirm the address from the mail, log in."""
        person = {"name": kind.title(), "email": email, "password": PASSWORD}
        person |= {"time_zone": "Europe/Paris"}
        browser.send(f"/signup/{kind}", f"/signup/{kind}", person | more)
        confirm = wait_for("the mail", lambda: self._confirmation(browser, email))
        browser.send(confirm, confirm)
        self._log_in(browser, email)
        self.say(f"{email} signed up as {kind}, confirmed the address from the mail, is logged in")

    def _confirmation(self, browser: Browser, email: str) -> str | None:
        """The path of the confirmation link in the newest mail to this address."""
        for path in re.findall(r'href="(/dev/mail/[^"]+)"', browser.get("/dev/mail").text):
            mail = browser.get(path).text
            link = re.search(r"(/confirm/[\w.\-]+)", mail)
            if email in mail and link:
                return link[1]
        return None

    def _log_in(self, browser: Browser, email: str) -> None:
        browser.send("/login", "/login", {"email": email, "password": PASSWORD})

    # ---- money in

    def fund_a_campaign(self) -> None:
        """A brand posts a campaign; once it is approved they pay it in at the hosted checkout."""
        self.step("The brand posts a campaign, an operator approves it, the brand pays it in")
        terms = {
            "title": "Slow mornings with the cold-brew kit",
            "brief": "One Reel and two Stories. Show the kit being used, not unboxed.",
            "currency": "USD",
            "flat_fee": "120.00",
            "commission": "15",
            "places": "5",
            "budget": "700.00",
            "opens_on": clock.now().date().isoformat(),
            "closes_on": (clock.now() + timedelta(days=90)).date().isoformat(),
            "action": "submit",
        }
        saved = self.brand.send("/brand/campaigns/new", "/brand/campaigns/new", terms)
        campaign = saved.url.removeprefix(self.instance.url).partition("?")[0]
        self._campaign_id = campaign.rpartition("/")[2]
        self._approve(self._campaign_id)
        waiting = self.brand.send(campaign, "/top-up")
        self.pay(self.brand, waiting.url)
        wait_for(
            "the open campaign",
            lambda: "Slow mornings" in self.creator.get("/creator/campaigns").text,
        )
        self.say("the payment was confirmed, the campaign is open, and creators see it")
        self.ledger()

    def _approve(self, campaign_id: str) -> None:
        """The operator finds the campaign in the queue and approves it."""
        page = f"/operator/campaigns/{campaign_id}"
        if campaign_id not in self.operator.get("/operator/campaigns").text:
            raise Unexpected("the campaign is not in the queue")
        self.operator.send(page, "/decide", {"decision": "approve"})
        self.say("the operator reviewed and approved it")

    def pay(self, browser: Browser, deposit_page: str) -> None:
        """Wait until our page leads to the hosted checkout, and pay there."""
        path = deposit_page.removeprefix(self.instance.url)
        checkout = wait_for("the hosted checkout", lambda: browser.leaving(path))
        back = hosted.pay(checkout)
        browser.get(back)

    def fill_the_pool_and_import(self) -> None:
        """An operator fills the fund's pool and imports income."""
        self.step("The operator fills the fund's pool and imports income from a file")
        self.fill("fund_pool", "500.00")
        self.bring("first.csv", ["F-1,ines,60.00,USD", "F-2,nobody,10.00,USD"])
        self.bring("first.csv", ["F-1,ines,60.00,USD"])
        self.ledger()

    def fill(self, pool: str, amount: str) -> None:
        """Pay so much into an empty pool at the hosted checkout."""
        wish = {"pool": pool, "currency": "USD", "amount": amount}
        waiting = self.operator.send("/operator/pools/fill", "/operator/pools/fill", wish)
        self.pay(self.operator, waiting.url)
        wait_for("the pool", lambda: self._holds(postings.POOLS[pool[:4]], amount))
        self.ledger()

    def _holds(self, account: AccountRef, amount: str) -> bool:
        held = balances.balance(account, "USD")
        db.session.remove()
        return f"{held.decimal}" == amount

    def bring(self, filename: str, rows: list[str], kind: str = "fund") -> None:
        """Import a file of income; say what became of its rows."""
        lines = ["reference,handle,amount,currency,earned_on"]
        lines += [f"{row},{clock.now().date()}" for row in rows]
        report = self.operator.send(
            "/operator/imports/new",
            "/operator/imports",
            {"kind": kind},
            {"file": (filename, "\n".join(lines).encode(), "text/csv")},
        )
        outcomes = re.findall(r'"verdict">.*?>\s*(Accepted|Known|Refused)\s*<', report.text)
        self.say(f"{filename}: {len(rows)} rows: {', '.join(outcomes)}")

    # ---- money out

    def onboard(self) -> None:
        """The creator connects a destination on the hosted page and chooses weekly payouts."""
        self.step("The creator onboards a destination on the hosted page, chooses weekly")
        self.creator.send("/creator/payouts", "/creator/payouts/connect")
        link = wait_for("the onboarding link", self._onboarding_link)
        back = hosted.onboard(link, "Inès Moreau", "4021")
        self.creator.get(urljoin(self.instance.url, back))
        rhythm = {"payout_rhythm": "weekly", "time_zone": "Europe/Paris"}
        self.creator.send("/creator/payouts", "/creator/payouts/rhythm", rhythm)
        wait_for("the active destination", lambda: "no_destination" not in self._blockers())
        wait_for("the active destination", lambda: "destination_not_ready" not in self._blockers())
        self.say("the processor confirmed the destination")

    def _onboarding_link(self) -> str | None:
        return self.creator.leaving("/creator/payouts/onboarding")

    def _why(self) -> dict[str, object]:
        decisions: list[dict[str, object]] = self.creator.get("/creator/why.json").json()
        return decisions[0]

    def _blockers(self) -> list[str]:
        blockers = self._why()["blockers"]
        assert isinstance(blockers, list)
        return [blocker["reason"] for blocker in blockers]

    def below_the_threshold(self) -> None:
        """Eight days later 60.00 have matured, and the page says what is missing."""
        self.step("Eight days pass: 60.00 USD have matured, 40.00 are missing to the threshold")
        self.advance(8)
        why = self._why()
        blockers = why["blockers"]
        assert isinstance(blockers, list)
        missing = next(b["missing"] for b in blockers if b["reason"] == "below_threshold")
        if missing != {"minor": 4000, "currency": "USD"}:
            raise Unexpected(f"missing should be 40.00 USD: {missing}")
        self.say("why am I not paid yet? below_threshold, missing 40.00 USD")
        self.ledger()

    def over_the_threshold(self) -> None:
        """More income arrives."""
        self.step("More income is imported: 45.50 USD")
        self.bring("second.csv", ["F-3,ines,45.50,USD"])
        self.ledger()

    def be_paid(self) -> None:
        """Two weeks later the weekly run has paid everything at once."""
        self.step("Fifteen days pass: it matures, and the weekly run pays 105.50 USD, once")
        self.advance(15)
        wait_for("the paid payout", self.is_paid)
        self.ledger()
        books = self.instance.sandbox("GET", "books")
        transfers = [(it["amount"], it["currency"]) for it in books["transfers"]]
        self.say(f"transfers in the processor's own books: {transfers}")
        if len(transfers) != 1:
            raise Unexpected("there should be one transfer")

    def advance(self, days: int) -> None:
        """Let days pass."""
        self.operator.send("/operator/clock", "/operator/clock", {"days": str(days)})
        wait_for("the demo clock", self._clock_has_arrived)
        demo_clock.load()  # what this process dates is of that day too
        db.session.remove()

    def _clock_has_arrived(self) -> bool:
        return 'http-equiv="refresh"' not in self.operator.get("/operator/clock").text

    def is_paid(self) -> bool:
        """Is nothing of the creator left to pay?"""
        why = self._why()
        return why["available"] == why["in_payout"] == {"minor": 0, "currency": "USD"}

    def show_the_statement(self) -> None:
        """The statement as a spreadsheet reads it, month by month."""
        self.step("The creator's statement: opening, lines, closing")
        for row in statement_of(self.creator).splitlines():
            self.say(row)


def main() -> int:
    """Tell the story; 0 only if everything in it held."""
    print("starting a marketplace of its own, with a throw-away database …", flush=True)
    try:
        with Instance() as instance:
            app = create_app(instance.settings())
            with app.app_context():
                try:
                    Story(instance).tell()
                finally:
                    db.session.remove()
                    db.engine.dispose()
            verdict = instance.flask("ledger", "verify")
            print("\nledger verify:", (verdict.stdout.splitlines() or [verdict.stderr])[-1])
            if verdict.returncode != 0:
                print(verdict.stdout)
                return 1
    except (Unexpected, InstanceFailed, hosted.HostedPageError) as error:
        print(f"\nThe story does not hold: {error}", file=sys.stderr)
        return 1
    print("\nEverything held.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
