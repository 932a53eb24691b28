"""The same key twice: what Stripe documents, held against the sandbox."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import stripe

from tests.sandbox.scenes import RECIPIENT, Scenes
from tests.sandbox.server import SandboxServer

HOUR_S = 3600
DAY_S = 24 * HOUR_S


@pytest.fixture
def order(scenes: Scenes) -> dict[str, Any]:
    """A transfer that would succeed."""
    scenes.paid()
    return {"amount": 1_000, "currency": "usd", "destination": scenes.account()}


def send(client: stripe.StripeClient, order: Any, key: str = "trf:1") -> stripe.Transfer:
    return client.v1.transfers.create(order, {"idempotency_key": key})


def headers(thing: Any) -> Any:
    return thing.last_response.headers


def moved(sandbox: SandboxServer) -> int:
    return len(sandbox.books()["transfers"])


def test_the_same_key_gets_the_same_answer_and_moves_money_once(
    sandbox: SandboxServer, client: stripe.StripeClient, order: dict[str, Any]
) -> None:
    first, second = send(client, order), send(client, order)

    assert first.id == second.id
    assert "Idempotent-Replayed" not in headers(first)
    assert headers(second)["Idempotent-Replayed"] == "true"
    assert headers(first)["Request-Id"] != headers(second)["Request-Id"]
    assert headers(first)["Stripe-Version"] == "2026-10-28.endive"
    assert moved(sandbox) == 1


def test_the_same_key_with_other_content_is_refused(
    sandbox: SandboxServer, client: stripe.StripeClient, order: dict[str, Any]
) -> None:
    send(client, order)

    with pytest.raises(stripe.IdempotencyError) as refused:
        send(client, order | {"amount": 1_001})
    with pytest.raises(stripe.IdempotencyError):
        client.v1.refunds.create({"payment_intent": "pi_1"}, {"idempotency_key": "trf:1"})

    assert refused.value.http_status == 400
    assert moved(sandbox) == 1


def test_a_key_is_forgotten_after_24_hours(
    sandbox: SandboxServer, client: stripe.StripeClient, order: dict[str, Any]
) -> None:
    first = send(client, order)
    sandbox.set_offset(DAY_S - 60)
    assert send(client, order).id == first.id

    sandbox.set_offset(DAY_S + 60)

    assert send(client, order).id != first.id
    assert moved(sandbox) == 2


def test_a_refusal_from_execution_is_kept(
    scenes: Scenes, client: stripe.StripeClient, order: dict[str, Any]
) -> None:
    too_much = order | {"amount": 20_000}
    with pytest.raises(stripe.InvalidRequestError):
        send(client, too_much)
    scenes.paid(50_000)  # now there is enough

    with pytest.raises(stripe.InvalidRequestError) as again:
        send(client, too_much)

    assert again.value.code == "balance_insufficient"
    assert again.value.headers is not None
    assert again.value.headers["Idempotent-Replayed"] == "true"
    assert send(client, too_much, "trf:2").amount == 20_000


def test_bad_parameters_and_a_wrong_api_key_are_not_kept(
    sandbox: SandboxServer, client: stripe.StripeClient, order: dict[str, Any]
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        send(client, order | {"reference": "x"})
    sandbox.violations.clear()  # the oracle refuses it too
    stranger = stripe.StripeClient("sk_test_wrong", base_addresses={"api": sandbox.url})
    with pytest.raises(stripe.AuthenticationError):
        send(stranger, order)

    assert "Idempotent-Replayed" not in headers(send(client, order))


def test_a_key_at_work_is_refused_with_409(
    sandbox: SandboxServer, client: stripe.StripeClient, order: dict[str, Any]
) -> None:
    sandbox.fault("transfers.create", "slow", hold_s=1.5)
    first = threading.Thread(target=send, args=(client, order))
    first.start()
    while not sandbox.faults()["fired"]:
        time.sleep(0.02)

    with pytest.raises(stripe.APIError) as refused:
        send(client, order)
    first.join()

    assert refused.value.http_status == 409
    assert refused.value.error is not None
    assert refused.value.error.code == "idempotency_key_in_use"
    assert headers(send(client, order))["Idempotent-Replayed"] == "true"
    assert moved(sandbox) == 1


def test_many_at_once_under_one_key_move_money_once(
    sandbox: SandboxServer, order: dict[str, Any]
) -> None:
    barrier = threading.Barrier(8)
    made: list[str] = []

    def go() -> None:
        client = sandbox.client(retries=5)
        barrier.wait()
        made.append(send(client, order).id)

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 8
    assert len(set(made)) == 1
    assert moved(sandbox) == 1


def test_v2_keeps_success_for_30_days_and_does_failed_work_again(
    sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    params: Any = RECIPIENT

    def create() -> str:
        options: Any = {"idempotency_key": "acct:1"}
        return client.v2.core.accounts.create(params, options).id

    sandbox.fault("accounts.create", "e500_stored")
    with pytest.raises(stripe.APIError):
        create()
    first = create()
    sandbox.set_offset(29 * DAY_S)
    assert create() == first
    sandbox.set_offset(31 * DAY_S)
    assert create() != first
    params = RECIPIENT | {"contact_email": "other@example.org"}
    with pytest.raises(stripe.IdempotencyError):
        create()


def test_v2_work_that_was_done_behind_a_500_is_not_done_twice(
    sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    params: Any = RECIPIENT
    options: Any = {"idempotency_key": "acct:1"}
    sandbox.fault("accounts.create", "e500_after_success")
    with pytest.raises(stripe.APIError):
        client.v2.core.accounts.create(params, options)

    account = client.v2.core.accounts.create(params, options)

    assert [each["id"] for each in sandbox.books()["accounts"]] == [account.id]
