"""Armed faults: what the caller sees, what was really done, what the same key gets afterwards."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
import urllib3

from tests.sandbox.scenes import Scenes
from tests.sandbox.server import SandboxServer

LOST = stripe.APIConnectionError
BROKEN = stripe.APIError


@pytest.fixture
def order(scenes: Scenes) -> dict[str, Any]:
    scenes.paid()
    return {"amount": 1_000, "currency": "usd", "destination": scenes.account()}


def send(client: stripe.StripeClient, order: Any) -> stripe.Transfer:
    return client.v1.transfers.create(order, {"idempotency_key": "trf:1"})


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        ("timeout_before", LOST, 0),
        ("reset_before", LOST, 0),
        ("e409", BROKEN, 0),
        ("e429", stripe.RateLimitError, 0),
        ("e503", BROKEN, 0),
        ("timeout_after_success", LOST, 1),
        ("reset_after", LOST, 1),
    ],
)
def test_after_a_fault_the_same_key_brings_exactly_one_transfer(
    sandbox: SandboxServer,
    client: stripe.StripeClient,
    order: dict[str, Any],
    fault: str,
    error: type[stripe.StripeError],
    done: int,
) -> None:
    sandbox.fault("transfers.create", fault, hold_s=0.2)
    with pytest.raises(error):
        send(client, order)
    assert len(sandbox.books()["transfers"]) == done

    transfer = send(client, order)

    assert [each["id"] for each in sandbox.books()["transfers"]] == [transfer.id]
    (fired,) = sandbox.faults()["fired"]
    assert (fired["name"], fired["fault"]) == ("transfers.create", fault)


@pytest.mark.parametrize(("fault", "done"), [("e500_stored", 0), ("e500_after_success", 1)])
def test_a_stored_500_is_replayed_whatever_was_done(
    sandbox: SandboxServer,
    client: stripe.StripeClient,
    order: dict[str, Any],
    fault: str,
    done: int,
) -> None:
    sandbox.fault("transfers.create", fault)
    with pytest.raises(BROKEN) as first:
        send(client, order)

    with pytest.raises(BROKEN) as second:
        send(client, order)

    assert first.value.headers is not None
    assert "Idempotent-Replayed" not in first.value.headers
    assert second.value.headers is not None
    assert second.value.headers["Idempotent-Replayed"] == "true"
    assert (second.value.http_status, len(sandbox.books()["transfers"])) == (500, done)


def test_a_client_times_out_while_the_transfer_is_made(
    sandbox: SandboxServer, order: dict[str, Any]
) -> None:
    sandbox.fault("transfers.create", "timeout_after_success", hold_s=25)

    with pytest.raises(LOST):
        send(sandbox.client(timeout_s=0.5), order)

    (made,) = sandbox.books()["transfers"]
    assert send(sandbox.client(), order).id == made["id"]


def test_the_librarys_own_retry_survives_a_reset(
    sandbox: SandboxServer, order: dict[str, Any]
) -> None:
    sandbox.fault("transfers.create", "reset_after", times=2)

    transfer = send(sandbox.client(retries=2), order)

    assert [each["id"] for each in sandbox.books()["transfers"]] == [transfer.id]


@pytest.mark.parametrize(
    ("fault", "amount", "currency", "livemode"),
    [
        ("wrong_amount", 100_000, "usd", False),
        ("wrong_currency", 10_000, "eur", False),
        ("wrong_livemode", 10_000, "usd", True),
    ],
)
def test_an_authentic_answer_can_be_wrong(
    scenes: Scenes,
    sandbox: SandboxServer,
    client: stripe.StripeClient,
    fault: str,
    amount: int,
    currency: str,
    livemode: bool,
) -> None:
    paid = scenes.paid()
    sandbox.fault("payment_intents.retrieve", fault)

    wrong = client.v1.payment_intents.retrieve(paid.id)
    right = client.v1.payment_intents.retrieve(paid.id)

    assert (wrong.amount, wrong.currency, wrong.livemode) == (amount, currency, livemode)
    assert (right.amount, right.currency, right.livemode) == (10_000, "usd", False)


def test_faults_fire_in_order_on_the_calls_they_name_and_run_out(
    sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    sandbox.call(
        "PUT",
        "faults",
        [
            {"on": "balance.*", "fault": "e503"},
            {"on": "*", "fault": "e429", "times": 2},
        ],
    )

    with pytest.raises(stripe.RateLimitError):
        client.v1.transfers.list()
    with pytest.raises(stripe.APIError):
        client.v1.balance.retrieve()
    with pytest.raises(stripe.RateLimitError):
        client.v1.balance.retrieve()
    client.v1.balance.retrieve()

    assert [each["fault"] for each in sandbox.faults()["fired"]] == ["e429", "e503", "e429"]


def test_a_fault_about_one_account_or_group_leaves_the_others_alone(
    sandbox: SandboxServer, client: stripe.StripeClient, scenes: Scenes, order: dict[str, Any]
) -> None:
    down = {"fault": "reset_before", "times": None}
    create = {"on": "transfers.create", "about": order["destination"]} | down
    look_up = {"on": "transfers.list", "about": "group-1"} | down
    sandbox.call("PUT", "faults", [create, look_up])
    for _ in range(3):
        with pytest.raises(LOST):
            send(client, order)
        with pytest.raises(LOST):
            client.v1.transfers.list({"transfer_group": "group-1"})
    other: Any = order | {"destination": scenes.account()}
    client.v1.transfers.create(other, scenes.key())
    assert len(client.v1.transfers.list({"transfer_group": "group-2"}).data) == 0
    assert len(client.v1.transfers.list().data) == 1


@pytest.mark.parametrize(
    "spec",
    [
        [{"on": "webhook.transfer.created", "fault": "lost", "about": "acct_1"}],
        [{"on": "transfers.create", "fault": "lost"}],
        [{"on": "webhook.*", "fault": "e503"}],
        [{"on": "transfers.create", "fault": "e503", "often": 3}],
        [{"fault": "e503"}],
        "e503",
    ],
)
def test_a_fault_that_could_never_fire_is_refused(sandbox: SandboxServer, spec: Any) -> None:
    with urllib3.PoolManager() as pool:
        answer = pool.request("PUT", f"{sandbox.url}/_sandbox/faults", json=spec)

    assert answer.status == 400
    assert sandbox.faults()["armed"] == []
