"""Every posting, as debits and credits; and the chart they use."""

from __future__ import annotations

import inspect

import psycopg
import pytest

from marketplace.config import REPOSITORY
from marketplace.ledger import dispute_postings as d
from marketplace.ledger import postings as p
from marketplace.ledger.chart import CHART, AccountKind
from marketplace.ledger.draft import Draft
from tests.ledger.make import NOON, cause, usd

BRAND, CAMPAIGN, CREATOR = "brand:b", "campaign:k", "creator:c"
WHY = cause("deposit")
HEX = WHY.id.hex
FUND = p.POOLS["fund"]


# What is posted, its key, and its lines: + is a debit.
def borne(taken: int, owing: int) -> d.Parts:
    return (p.brand_available(BRAND), usd(taken)), (d.brand_debt(BRAND), usd(owing))


BOOK: list[tuple[Draft, str, str]] = [
    (
        p.deposit_received("stripe", BRAND, usd(100), "ch_1", WHY, NOON),
        "deposit:ch_1",
        "+100 processor_clearing processor:stripe | -100 brand_available brand:b",
    ),
    (
        p.pool_filled("stripe", FUND, usd(100), "ch_1", WHY, NOON),
        "deposit:ch_1",
        "+100 processor_clearing processor:stripe | -100 fund_pool pool:fund",
    ),
    (
        p.processor_fee_charged("stripe", usd(3), "txn_1", WHY, NOON),
        "processor_fee:txn_1",
        "+3 processor_fees processor:stripe | -3 processor_clearing processor:stripe",
    ),
    (
        p.processor_funded("stripe", "paypal", usd(40), WHY, NOON),
        f"processor_funded:{HEX}",
        "+40 processor_clearing processor:paypal | -40 processor_clearing processor:stripe",
    ),
    (
        p.campaign_reserved(BRAND, CAMPAIGN, usd(100), "k1", WHY, NOON),
        "k1",
        "+100 brand_available brand:b | -100 reserved campaign:k",
    ),
    (
        p.campaign_released(BRAND, CAMPAIGN, usd(100), "k2", WHY, NOON),
        "k2",
        "+100 reserved campaign:k | -100 brand_available brand:b",
    ),
    (
        p.refund_reserved(BRAND, usd(100), WHY, NOON),
        f"refund_reserved:{HEX}",
        "+100 brand_available brand:b | -100 refund_reserved brand:b",
    ),
    (
        p.refund_paid("stripe", BRAND, usd(100), WHY, NOON),
        f"refund_paid:{HEX}",
        "+100 refund_reserved brand:b | -100 processor_clearing processor:stripe",
    ),
    (
        p.refund_released(BRAND, usd(100), WHY, NOON),
        f"refund_released:{HEX}",
        "+100 refund_reserved brand:b | -100 brand_available brand:b",
    ),
    (
        p.refund_bounced("stripe", BRAND, usd(100), WHY, NOON),
        f"refund_bounced:{HEX}",
        "+100 processor_clearing processor:stripe | -100 brand_available brand:b",
    ),
    (
        d.dispute_withdrawn("stripe", borne(70, 30), WHY, NOON),
        f"dispute_withdrawn:{HEX}",
        "+70 brand_available brand:b | +30 brand_debt brand:b"
        " | -100 processor_clearing processor:stripe",
    ),
    (
        d.dispute_withdrawn("stripe", borne(0, 30), WHY, NOON),
        f"dispute_withdrawn:{HEX}",
        "+30 brand_debt brand:b | -30 processor_clearing processor:stripe",
    ),
    (
        d.dispute_reinstated("stripe", borne(100, 0), WHY, NOON),
        f"dispute_reinstated:{HEX}",
        "+100 processor_clearing processor:stripe | -100 brand_available brand:b",
    ),
    (
        d.dispute_withdrawn(
            "stripe", ((p.POOLS["fund"], usd(70)), (p.PLATFORM_FEES, usd(30))), WHY, NOON
        ),
        f"dispute_withdrawn:{HEX}",
        "+70 fund_pool pool:fund | +30 platform_fees platform"
        " | -100 processor_clearing processor:stripe",
    ),
    (
        d.processor_fee_returned("stripe", usd(15), "txn_1", WHY, NOON),
        "processor_fee:txn_1",
        "+15 processor_clearing processor:stripe | -15 processor_fees processor:stripe",
    ),
    (
        d.brand_debt_repaid(BRAND, usd(30), WHY, NOON),
        f"brand_debt_repaid:{HEX}",
        "+30 brand_available brand:b | -30 brand_debt brand:b",
    ),
    (
        p.earning_accrued(p.reserved(CAMPAIGN), CREATOR, usd(90), usd(10), WHY, NOON),
        f"earning_accrued:{HEX}",
        "+100 reserved campaign:k | -90 creator_pending creator:c | -10 platform_fees platform",
    ),
    (
        p.earning_accrued(p.POOLS["gift"], CREATOR, usd(90), usd(0), WHY, NOON),
        f"earning_accrued:{HEX}",
        "+90 gift_pool pool:gift | -90 creator_pending creator:c",
    ),
    (
        p.earning_matured(CREATOR, usd(90), WHY, NOON),
        f"earning_matured:{HEX}",
        "+90 creator_pending creator:c | -90 creator_available creator:c",
    ),
    (
        p.earning_contested(p.creator_available(CREATOR), usd(90), WHY, NOON),
        f"earning_contested:{HEX}",
        "+90 creator_available creator:c | -90 creator_contested creator:c",
    ),
    (
        p.earning_released(p.creator_pending(CREATOR), usd(90), WHY, NOON),
        f"earning_released:{HEX}",
        "+90 creator_contested creator:c | -90 creator_pending creator:c",
    ),
    (
        p.earning_clawed_back(
            p.creator_pending(CREATOR), usd(90), usd(0), usd(0), p.reserved(CAMPAIGN), WHY, NOON
        ),
        f"earning_clawed_back:{HEX}",
        "+90 creator_pending creator:c | -90 reserved campaign:k",
    ),
    (
        p.earning_clawed_back(
            p.creator_available(CREATOR),
            usd(60),
            usd(30),
            usd(10),
            p.brand_available(BRAND),
            WHY,
            NOON,
        ),
        f"earning_clawed_back:{HEX}",
        "+60 creator_available creator:c | +30 creator_debt creator:c | +10 platform_fees platform"
        " | -100 brand_available brand:b",
    ),
    (
        p.earning_clawed_back(
            p.creator_available(CREATOR),
            usd(0),
            usd(30),
            usd(0),
            p.brand_available(BRAND),
            WHY,
            NOON,
        ),
        f"earning_clawed_back:{HEX}",
        "+30 creator_debt creator:c | -30 brand_available brand:b",
    ),
    (
        p.payout_reserved(CREATOR, usd(90), usd(0), WHY, NOON),
        f"payout_reserved:{HEX}",
        "+90 creator_available creator:c | -90 payout_reserved creator:c",
    ),
    (
        p.payout_reserved(CREATOR, usd(70), usd(20), WHY, NOON),
        f"payout_reserved:{HEX}",
        "+90 creator_available creator:c | -70 payout_reserved creator:c"
        " | -20 creator_debt creator:c",
    ),
    (
        p.payout_released(CREATOR, usd(70), usd(20), WHY, NOON),
        f"payout_released:{HEX}",
        "+70 payout_reserved creator:c | -90 creator_available creator:c"
        " | +20 creator_debt creator:c",
    ),
    (
        p.payout_paid("stripe", CREATOR, usd(90), WHY, NOON),
        f"payout_paid:{HEX}",
        "+90 payout_reserved creator:c | -90 processor_clearing processor:stripe",
    ),
    (
        p.payout_arrived_late("stripe", CREATOR, usd(60), usd(30), WHY, NOON),
        f"payout_arrived_late:{HEX}",
        "+60 creator_available creator:c | +30 creator_debt creator:c"
        " | -90 processor_clearing processor:stripe",
    ),
    (
        p.rest_paid("bank", CREATOR, usd(90), WHY, NOON),
        f"rest_paid:{HEX}",
        "+90 creator_available creator:c | -90 processor_clearing processor:bank",
    ),
    (
        p.payout_returned("stripe", CREATOR, usd(90), WHY, NOON),
        f"payout_returned:{HEX}",
        "+90 processor_clearing processor:stripe | -90 creator_available creator:c",
    ),
    (
        p.payout_released(CREATOR, usd(90), usd(0), WHY, NOON),
        f"payout_released:{HEX}",
        "+90 payout_reserved creator:c | -90 creator_available creator:c",
    ),
]


@pytest.mark.parametrize(("draft", "key", "lines"), BOOK, ids=[draft.kind for draft, _, _ in BOOK])
def test_a_posting_moves_money_as_documented(draft: Draft, key: str, lines: str) -> None:
    written = " | ".join(
        f"{line.amount.minor:+} {line.account.kind} {line.account.owner}" for line in draft.lines
    )
    assert (draft.key, written) == (key, lines)
    assert (draft.cause, draft.effective_at) == (WHY, NOON)


def test_every_posting_is_in_this_book() -> None:
    makers = {
        name
        for module in (p, d)
        for name, it in inspect.getmembers(module, inspect.isfunction)
        if it.__module__ == module.__name__
        and it.__annotations__["return"] == "Draft"
        and name[0] != "_"
    }
    assert makers == {draft.kind for draft, _, _ in BOOK}


def test_docs_money_names_every_posting_and_every_kind_of_account() -> None:
    docs = (REPOSITORY / "docs" / "money.md").read_text()
    assert [draft.kind for draft, _, _ in BOOK if f"| `{draft.kind}` |" not in docs] == []
    assert [kind for kind in CHART if f"| `{kind}` |" not in docs] == []


def test_the_database_holds_the_same_chart(owner: psycopg.Connection[tuple[object, ...]]) -> None:
    rows = owner.execute("SELECT kind, side, stores_balance, floor_minor FROM ledger.account_kind")
    assert {kind: rule for kind, *rule in rows} == {
        kind: [rule.side, rule.stores_balance, rule.floor_minor] for kind, rule in CHART.items()
    }
    assert set(CHART) == set(AccountKind)


def test_what_belongs_to_others_has_a_floor_and_only_ours_is_summed() -> None:
    summed = {kind for kind, rule in CHART.items() if not rule.stores_balance}
    assert summed == {"processor_clearing", "processor_fees", "platform_fees"}
    assert {rule.floor_minor for kind, rule in CHART.items() if kind not in summed} == {0}
