"""Creators are paid: transfers, the balance behind them, the bank payout after them."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.listener import Listener
from tests.sandbox.scenes import Scenes
from tests.sandbox.server import CONNECT_SECRET, SandboxServer


def test_a_transfer_moves_money_and_is_found_by_its_group(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    scenes.paid()
    destination = scenes.account()

    transfer = scenes.transfer(destination, transfer_group="payout-1", metadata={"payout": "1"})
    scenes.transfer(destination, transfer_group="payout-2")

    assert (transfer.amount, transfer.destination) == (4_000, destination)
    found = client.v1.transfers.list({"transfer_group": "payout-1"})
    assert [each.id for each in found.data] == [transfer.id]
    fetched = client.v1.transfers.retrieve(transfer.id).to_dict()
    assert fetched["metadata"] == {"payout": "1"}
    assert client.v1.transfers.list({"transfer_group": "payout-3"}).data == []
    assert len(client.v1.transfers.list({"destination": destination}).data) == 2
    assert sandbox.books()["currencies"]["usd"]["transfers"] == "80.00"


def test_a_transfer_beyond_the_available_balance_is_refused(
    scenes: Scenes, sandbox: SandboxServer
) -> None:
    scenes.paid()  # leaves 96.80
    destination = scenes.account()

    for minor, currency in ((9_681, "usd"), (100, "eur")):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            scenes.transfer(destination, minor, currency)
        assert (refused.value.code, refused.value.http_status) == ("balance_insufficient", 400)

    scenes.transfer(destination, 9_680)
    assert sandbox.books()["currencies"]["usd"]["balance"] == "0.00"


def test_pending_funds_cannot_be_transferred(scenes: Scenes, sandbox: SandboxServer) -> None:
    sandbox.settings(funds_delay_s=3600)
    scenes.paid()

    with pytest.raises(stripe.InvalidRequestError) as refused:
        scenes.transfer(scenes.account())

    assert refused.value.code == "balance_insufficient"


def test_a_destination_must_exist_and_be_able_to_receive(scenes: Scenes) -> None:
    scenes.paid()

    with pytest.raises(stripe.InvalidRequestError) as unknown:
        scenes.transfer("acct_nobody")
    with pytest.raises(stripe.InvalidRequestError) as unable:
        scenes.transfer(scenes.account(can_be_paid=False))

    assert (unknown.value.code, unknown.value.http_status) == ("resource_missing", 400)
    assert unable.value.code == "insufficient_capabilities_for_transfer"


def test_an_account_that_lost_its_capability_cannot_receive(
    scenes: Scenes, sandbox: SandboxServer
) -> None:
    scenes.paid()
    destination = scenes.account()
    scenes.transfer(destination)

    sandbox.fail_onboarding(destination)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        scenes.transfer(destination)
    assert refused.value.code == "insufficient_capabilities_for_transfer"


def test_a_transfer_comes_back_in_parts_and_says_how_much_of_it(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient, listener: Listener
) -> None:
    scenes.paid()  # leaves 96.80
    transfer = scenes.transfer(scenes.account())
    part = client.v1.transfers.reversals.create(transfer.id, {"amount": 1_000}, scenes.key())
    assert (part.amount, part.transfer) == (1_000, transfer.id)
    shown = client.v1.transfers.retrieve(transfer.id)
    assert (shown.amount_reversed, shown.reversed) == (1_000, False)

    rest = client.v1.transfers.reversals.create(transfer.id, {}, scenes.key())
    assert rest.amount == 3_000
    shown = client.v1.transfers.retrieve(transfer.id)
    assert (shown.amount_reversed, shown.reversed) == (4_000, True)
    assert [it.id for it in shown.reversals.data] == [part.id, rest.id]

    sandbox.wait_delivered()
    told = [letter.event["data"]["object"] for letter in listener.of("transfer.reversed")]
    assert [(it["id"], it["amount_reversed"]) for it in told] == [
        (transfer.id, 1_000),
        (transfer.id, 4_000),
    ]
    usd = sandbox.books()["currencies"]["usd"]
    assert (usd["transfers"], usd["balance"]) == ("0.00", "96.80")


def test_no_more_comes_back_than_was_sent(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    scenes.paid()
    transfer = scenes.transfer(scenes.account())
    reversals = client.v1.transfers.reversals
    for amount in (4_001, 0):
        params: Any = {"amount": amount}
        with pytest.raises(stripe.InvalidRequestError):
            reversals.create(transfer.id, params, scenes.key())
    with pytest.raises(stripe.InvalidRequestError):
        reversals.create("tr_nothing", {}, scenes.key())
    key = scenes.key()
    assert reversals.create(transfer.id, {}, key).id == reversals.create(transfer.id, {}, key).id
    with pytest.raises(stripe.InvalidRequestError, match="already fully reversed"):
        reversals.create(transfer.id, {}, scenes.key())
    assert sandbox.books()["currencies"]["usd"]["transfers"] == "0.00"
    sandbox.violations.clear()  # an amount of 0 the oracle may refuse too


def test_whoever_runs_the_sandbox_lets_a_transfer_come_back(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient, listener: Listener
) -> None:
    sandbox.settings(bank_payout_delay_s=600)
    scenes.paid()
    transfer = scenes.transfer(scenes.account())
    sandbox.reverse(transfer.id)
    assert client.v1.transfers.retrieve(transfer.id).reversed
    sandbox.set_offset(601)
    sandbox.wait_delivered()
    assert len(listener.of("transfer.reversed")) == 1
    assert sandbox.books()["payouts"] == [], "what came back does not go on to a bank"


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0},
        {"amount": -5},
        {"amount": "40.5"},
        {"currency": "zzz"},
        {"currency": "isk", "amount": 150},
        {"reference": "x"},
        {"source_transaction": "ch_1"},
    ],
)
def test_a_transfer_that_makes_no_sense_is_refused(
    scenes: Scenes, sandbox: SandboxServer, change: dict[str, Any]
) -> None:
    scenes.paid()
    params: Any = {"amount": 100, "currency": "usd", "destination": scenes.account()} | change

    with pytest.raises(stripe.InvalidRequestError):
        scenes.client.v1.transfers.create(params, scenes.key())

    assert sandbox.books()["transfers"] == []
    sandbox.violations.clear()  # some of these the oracle refuses too


def test_the_bank_payout_follows_and_only_the_connect_endpoint_hears_of_it(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient, listener: Listener
) -> None:
    sandbox.settings(bank_payout_delay_s=600)
    scenes.paid()
    destination = scenes.account()
    scenes.transfer(destination)
    assert sandbox.books()["payouts"] == []

    sandbox.set_offset(601)
    sandbox.wait_delivered()

    (letter,) = listener.of("payout.paid")
    event = stripe.Webhook.construct_event(letter.body, letter.signature, CONNECT_SECRET)
    assert letter.path.endswith("/connect")
    assert (event.account, event.data.object.amount) == (destination, 4_000)
    own = [each.type for each in client.v1.events.list({"limit": 100}).data]
    assert "transfer.created" in own
    assert "payout.paid" not in own


def test_a_bank_payout_can_fail(scenes: Scenes, sandbox: SandboxServer, listener: Listener) -> None:
    sandbox.fault("payouts.create", "payout_fails")
    sandbox.settings(bank_payout_delay_s=0)
    scenes.paid()
    scenes.transfer(scenes.account())
    sandbox.set_offset(1)
    sandbox.wait_delivered()

    (letter,) = listener.of("payout.failed")
    assert letter.event["data"]["object"]["failure_code"] == "account_closed"


def test_all_net_amounts_add_up_to_the_balance(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    destination = scenes.account()
    first, second = scenes.paid(50_000), scenes.paid(12_345)
    scenes.paid(9_999, "eur")
    for minor in (1_000, 2_500, 333):
        scenes.transfer(destination, minor)
    client.v1.refunds.create({"payment_intent": first.id, "amount": 777}, scenes.key())
    sandbox.fault("refunds.create", "refund_fails_after_success", delay_s=0)
    client.v1.refunds.create({"payment_intent": second.id}, scenes.key())
    sandbox.set_offset(10)

    entries = list(client.v1.balance_transactions.list({"limit": 3}).auto_paging_iter())
    balance = client.v1.balance.retrieve()

    assert len(entries) == 9
    for currency in ("usd", "eur"):
        held: list[Any] = [*balance.available, *balance.pending]
        nets = sum(entry.net for entry in entries if entry.currency == currency)
        assert nets == sum(each.amount for each in held if each.currency == currency)
    usd = sandbox.books()["currencies"]["usd"]
    parts = {name: round(float(usd[name]) * 100) for name in usd}
    out = parts["fees"] + parts["refunds"] + parts["transfers"]
    assert parts["charges"] - out == parts["balance"]
    assert usd["refunds"] == "7.77"


def test_lists_page_both_ways_and_filter(scenes: Scenes, client: stripe.StripeClient) -> None:
    scenes.paid(50_000)
    destination = scenes.account()
    made = [scenes.transfer(destination, minor).id for minor in (100, 200, 300, 400, 500)]
    newest_first = made[::-1]

    page = client.v1.transfers.list({"limit": 2})
    older = client.v1.transfers.list({"limit": 2, "starting_after": page.data[-1].id})
    newer = client.v1.transfers.list({"limit": 2, "ending_before": older.data[0].id})

    assert [each.id for each in page.data] == newest_first[:2]
    assert page.has_more is True
    assert [each.id for each in older.data] == newest_first[2:4]
    assert [each.id for each in newer.data] == newest_first[:2]
    charges = client.v1.balance_transactions.list({"type": "charge"}).data
    assert [each.amount for each in charges] == [50_000]
    expanded = client.v1.transfers.list({"limit": 1, "expand": ["data.balance_transaction"]})
    entry = expanded.data[0].balance_transaction
    assert isinstance(entry, stripe.BalanceTransaction)
    assert entry.net == -500
    later: Any = {"created": {"gt": made and page.data[0].created}}
    assert client.v1.transfers.list(later).data == []
