"""A brand pays on the hosted page, as the stripe library sees it."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
import stripe

from tests.sandbox.listener import Listener
from tests.sandbox.scenes import CANCEL, Scenes, session_params
from tests.sandbox.server import SandboxServer

DAY_S = 24 * 3600


def expanded(intent: stripe.PaymentIntent) -> tuple[stripe.Charge, stripe.BalanceTransaction]:
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    entry = charge.balance_transaction
    assert isinstance(entry, stripe.BalanceTransaction)
    return charge, entry


def test_a_session_is_open_unpaid_and_has_no_payment_yet(scenes: Scenes) -> None:
    session = scenes.session()

    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert session.payment_intent is None
    assert session.amount_total == 10_000
    assert session.client_reference_id == "deposit-1"
    assert session.url == f"{scenes.sandbox.url}/checkout/{session.id}"


def test_paying_completes_the_session_and_leads_to_the_success_url(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    session = scenes.session()

    assert sandbox.pay(session.id) == f"http://127.0.0.1:8000/done?session={session.id}"

    session = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (session.status, session.payment_status) == ("complete", "paid")
    assert isinstance(session.payment_intent, stripe.PaymentIntent)
    assert session.payment_intent.status == "succeeded"
    assert session.payment_intent.amount_received == 10_000
    assert session.payment_intent.metadata["deposit"] == "1"
    assert session.payment_intent.transfer_group == "deposit-1"


@pytest.mark.parametrize(
    ("minor", "currency", "fee"),
    [
        (10_000, "usd", 320),
        (500, "usd", 44),  # 0.145 + 0.30 = 0.445: half goes to the even cent
        (1_500, "usd", 74),  # 0.435 + 0.30 = 0.735 again to the even cent
        (10_000, "jpy", 290),  # whole yen: 290.30
        (10_000, "kwd", 590),  # three decimals, steps of ten: 0.29 + 0.30
        (10_000, "isk", 300),  # two decimals on the wire, whole kronur: 3.20
    ],
)
def test_the_processor_fee_is_rounded_half_even_in_steps_of_the_currency(
    scenes: Scenes, minor: int, currency: str, fee: int
) -> None:
    charge, entry = expanded(scenes.paid(minor, currency))

    assert (entry.amount, entry.fee, entry.net) == (minor, fee, minor - fee)
    assert entry.fee_details[0].amount == fee
    assert (charge.amount, charge.paid, entry.source) == (minor, True, charge.id)


def test_a_double_click_pays_once(scenes: Scenes, sandbox: SandboxServer) -> None:
    session = scenes.session()
    barrier = threading.Barrier(8)

    def click() -> None:
        barrier.wait()
        sandbox.pay(session.id)

    clicks = [threading.Thread(target=click) for _ in range(8)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()

    assert [charge["amount"] for charge in sandbox.books()["charges"]] == ["100.00"]


def test_a_declined_card_leaves_the_session_open_for_another_try(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient, listener: Listener
) -> None:
    session = scenes.session()

    assert sandbox.decline(session.id) == f"/checkout/{session.id}"
    assert "Your card was declined" in sandbox.get(f"/checkout/{session.id}").data.decode()
    intent_id = client.v1.checkout.sessions.retrieve(session.id).payment_intent
    assert isinstance(intent_id, str)
    intent = client.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]})
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.code == "card_declined"
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.paid is False
    sandbox.wait_delivered()
    assert listener.types() == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
    ]

    sandbox.pay(session.id)

    again = client.v1.payment_intents.retrieve(intent_id)
    assert (again.status, again.last_payment_error) == ("succeeded", None)
    assert len(sandbox.books()["charges"]) == 1


def test_leaving_goes_back_and_charges_nothing(scenes: Scenes, sandbox: SandboxServer) -> None:
    session = scenes.session()

    assert sandbox.leave(session.id) == CANCEL
    assert sandbox.books()["currencies"] == {}


def test_a_session_expires_after_24_hours_of_sandbox_time(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient, listener: Listener
) -> None:
    session = scenes.session()
    sandbox.decline(session.id)
    sandbox.set_offset(DAY_S - 60)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"

    sandbox.set_offset(DAY_S + 60)

    session = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (session.status, session.url) == ("expired", None)
    assert isinstance(session.payment_intent, stripe.PaymentIntent)
    assert session.payment_intent.status == "canceled"
    assert "has expired" in sandbox.get(f"/checkout/{session.id}").data.decode()
    sandbox.pay(session.id)
    assert sandbox.books()["charges"] == []
    sandbox.wait_delivered()
    assert listener.types()[-2:] == ["payment_intent.canceled", "checkout.session.expired"]


def test_a_session_can_be_expired_on_request_but_not_once_paid(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    open_session, paid_session = scenes.session(), scenes.session()
    sandbox.pay(paid_session.id)

    expired = client.v1.checkout.sessions.expire(open_session.id, {}, scenes.key())
    with pytest.raises(stripe.InvalidRequestError, match="only an open one"):
        client.v1.checkout.sessions.expire(paid_session.id, {}, scenes.key())

    assert expired.status == "expired"


def test_paying_tells_everything_that_happened(
    scenes: Scenes, sandbox: SandboxServer, listener: Listener
) -> None:
    scenes.paid()
    sandbox.wait_delivered()

    assert listener.types() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
        "checkout.session.completed",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "subscription"}, "mode"),
        ({"ui_mode": "hosted"}, "ui_mode"),
        ({"success_url": "done"}, "valid URL"),
        ({"success_url": None}, "success_url"),
        ({"line_items": []}, "line_items"),
        ({"payment_method_types": ["card"]}, "unknown parameter: payment_method_types"),
        ({"metadata": {"x": "y" * 501}}, "metadata"),
        ({"expires_at": 1}, "expires_at"),
    ],
)
def test_a_session_that_makes_no_sense_is_refused(
    scenes: Scenes, sandbox: SandboxServer, change: dict[str, Any], message: str
) -> None:
    params: Any = session_params() | change
    params = {name: value for name, value in params.items() if value is not None}

    with pytest.raises(stripe.InvalidRequestError, match=message):
        scenes.client.v1.checkout.sessions.create(params, scenes.key())
    sandbox.violations.clear()  # the oracle refuses most of these too, as it should


def test_a_total_of_more_than_eight_digits_is_refused(scenes: Scenes) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        scenes.session(100_000_000)

    assert refused.value.code == "amount_too_large"


def test_the_page_shows_amount_and_purpose_and_allows_only_its_own_ways_out(
    scenes: Scenes, sandbox: SandboxServer
) -> None:
    session = scenes.session(123_456_00)

    page = sandbox.get(f"/checkout/{session.id}")

    text = page.data.decode()
    assert "USD 123,456.00" in text
    assert "Deposit" in text
    assert "<script" not in text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:8000" in policy
    assert sandbox.get("/checkout/cs_test_nothing").status == 404


def test_pending_funds_are_not_available_until_their_day(
    scenes: Scenes, sandbox: SandboxServer, client: stripe.StripeClient
) -> None:
    sandbox.settings(funds_delay_s=2 * DAY_S)
    _, entry = expanded(scenes.paid())
    assert entry.status == "pending"
    balance = client.v1.balance.retrieve()
    assert (balance.available[0].amount, balance.pending[0].amount) == (0, 9_680)

    sandbox.set_offset(2 * DAY_S + 1)

    balance = client.v1.balance.retrieve()
    assert (balance.available[0].amount, balance.pending[0].amount) == (9_680, 0)


def test_the_books_are_decimals_and_say_what_the_wire_says(
    scenes: Scenes, sandbox: SandboxServer
) -> None:
    intent = scenes.paid()

    books = sandbox.books()

    assert books["currencies"]["usd"]["charges"] == "100.00"
    assert books["currencies"]["usd"]["fees"] == "3.20"
    charge = books["charges"][0]
    assert Decimal(charge["amount"]) - Decimal(charge["fee"]) == Decimal("96.80")
    assert charge["payment_intent"] == intent.id
    assert charge["client_reference_id"] == "deposit-1"
    assert charge["metadata"] == {"deposit": "1"}
