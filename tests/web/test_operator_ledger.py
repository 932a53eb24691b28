"""The books as operators read them: every way from a balance to its cause and back is a link."""

from __future__ import annotations

import re

import pytest

from marketplace.earnings.earning import EarningKind
from marketplace.ledger import balances
from marketplace.money import Money
from marketplace.payouts.payout import Payout
from tests.make import earn, fill_pool, make_brand, make_campaign, make_creator, make_payout
from tests.web.operating import Operating, operating

__all__ = ["operating"]


@pytest.fixture
def payout(operating: Operating) -> Payout:
    return operating.within(lambda: make_payout(make_creator("ines").creator))


def links(page: str, below: str) -> list[str]:
    """The addresses on a page that begin like this."""
    found = re.findall(r'href="(/operator[^"]*)"', page)
    return [link.replace("&amp;", "&") for link in found if link.startswith(below)]


def test_the_trial_balance_sums_to_the_same_on_both_sides(
    operating: Operating, payout: Payout
) -> None:
    page = operating.see("/operator/ledger")
    assert "Balanced" in page
    assert "Not balanced" not in page
    sums = re.findall(r'<td data-label="(?:Debit|Credit)" class="r">(\$[\d.,]+)</td>', page)
    assert len(sums) == 2
    assert sums[0] == sums[1]


@pytest.mark.parametrize("asked", ["ines", "INES", "@ines", "Person", "hex", "uuid", "owner"])
def test_an_account_is_found_by_whatever_names_its_owner(
    operating: Operating, payout: Payout, asked: str
) -> None:
    id = payout.creator_id
    words = {"hex": id.hex, "uuid": str(id), "owner": payout.creator_owner}.get(asked, asked)
    page = operating.see(f"/operator/ledger/accounts?owner={words}&kind=creator_available")
    assert "(@ines)" in page
    assert len(links(page, "/operator/ledger/account?")) == 1


def test_accounts_are_found_by_kind_and_currency(operating: Operating, payout: Payout) -> None:
    operating.within(lambda: make_campaign(make_brand("100 % Coffee"), status="open"))
    assert "Slow mornings" in operating.see("/operator/ledger/accounts?owner=slow m")
    page = operating.see("/operator/ledger/accounts?kind=reserved&currency=usd")
    assert "Slow mornings" in page
    assert "ines" not in page
    assert "100 % Coffee" in operating.see("/operator/ledger/accounts?owner=100 %25")
    for nobody in ("_", "%25%25", "\\", "kind=nonsense", "&kind=nonsense", "&currency=zz"):
        assert "No such account" in operating.see(f"/operator/ledger/accounts?owner={nobody}")


def test_one_walks_from_a_balance_to_its_cause_and_back(
    operating: Operating, payout: Payout
) -> None:
    owner = payout.creator_owner
    account = f"/operator/ledger/account?owner={owner}&kind=creator_available&currency=USD"
    page = operating.see(account)
    assert f"/operator/payouts/{payout.id}" in page
    seen = [operating.see(link) for link in links(page, "/operator/ledger/transactions/")]
    assert len(seen) == 2, "matured and set aside"
    for transaction in seen:
        assert account in links(transaction, "/operator/ledger/account?")
    (earning,) = set(links(page, "/operator/payouts/earnings/"))
    thing = operating.see(earning)
    assert "Earning accrued" in thing
    assert "Earning matured" in thing
    assert set(links(thing, "/operator/ledger/transactions/")) & set(
        links(page, "/operator/ledger/transactions/")
    )


def test_a_long_account_is_read_page_by_page_with_its_running_balance(
    operating: Operating,
) -> None:
    def fill() -> str:
        creator = make_creator("ines").creator
        for _ in range(55):
            earn(creator, "1.00 USD")
        return creator.ledger_owner

    path = f"owner={operating.within(fill)}&kind=creator_pending&currency=USD"
    first = operating.see(f"/operator/ledger/account?{path}")
    (older,) = [link for link in links(first, "/operator/ledger/account?") if "before=" in link]
    second = operating.see(older)
    assert "$55.00" in first
    transactions = [*links(first, "/operator/ledger/tr"), *links(second, "/operator/ledger/tr")]
    assert len(transactions) == len(set(transactions)) == 55
    assert "Nothing older" in operating.see(f"/operator/ledger/account?{path}&before={'0' * 32}")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "owner=x&kind=creator_available&currency=USD",
        "owner=platform&kind=nonsense&currency=USD",
        "owner=platform&kind=platform_fees&currency=usd",
        "owner=platform&kind=platform_fees&currency=" + "U" * 4000,
    ],
)
def test_an_account_that_is_not_there_is_not_found(operating: Operating, query: str) -> None:
    assert operating.client.get(f"/operator/ledger/account?{query}").status_code == 404


def test_every_move_is_listed_with_who_made_it(operating: Operating, payout: Payout) -> None:
    operating.within(lambda: fill_pool(EarningKind.FUND, Money(100, "USD")))
    everything = operating.see("/operator/ledger/changes")
    assert "Deposit" in everything
    assert "System" in everything
    of_time = operating.see("/operator/ledger/changes?actor=system")
    assert "Moves of System alone" in of_time
    assert operating.person.name not in of_time.partition("<table")[2]
    only = operating.see("/operator/ledger/changes?thing=payout")
    assert f"/operator/payouts/{payout.id}" in only
    assert "/operator/ledger/things/deposit/" not in only
    for before in ("0", "9" * 18):
        assert operating.client.get(f"/operator/ledger/changes?before={before}").status_code == 200
    for before in ("9" * 30, "-1", "x", "9" * 5_000):
        assert operating.client.get(f"/operator/ledger/changes?before={before}").status_code == 400


def test_what_does_not_exist_is_not_found(operating: Operating, payout: Payout) -> None:
    nobody = "0" * 8 + "-0000-7000-8000-" + "0" * 12
    for path in ("transactions", "things/payout", "things/nonsense", "things/earning"):
        assert operating.client.get(f"/operator/ledger/{path}/{nobody}").status_code == 404


def test_nobody_else_is_shown_the_books(operating: Operating, payout: Payout) -> None:
    assert operating.within(lambda: balances.balances_of(payout.creator_owner))
    visitor = operating.app.test_client()
    assert visitor.get("/operator/ledger").status_code == 302
