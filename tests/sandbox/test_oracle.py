"""The oracle has teeth: each kind of mistake is refused, and what is right passes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.oracle import Oracle

KEY = {"Idempotency-Key": "k"}


def refusals(
    judge: Oracle, path: str, fields: dict[str, Any], headers: dict[str, str] = KEY
) -> list[str]:
    return judge.request("POST", path, "", headers, urlencode(fields).encode())


def test_a_right_transfer_passes(judge: Oracle) -> None:
    fields = {"amount": 4000, "currency": "usd", "destination": "acct_1", "metadata[a]": "1"}

    assert refusals(judge, "/v1/transfers", fields) == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/transfers", {"amount": "40.5", "currency": "usd", "destination": "acct_1"}),
        ("/v1/transfers", {"amount": 4000, "currency": "usd"}),
        ("/v1/transfers", {"amount": 1, "currency": "usd", "destination": "a", "reference": "x"}),
        ("/v1/transfers", {"currency": "usd", "destination": "a", "source_type": "paypal"}),
        ("/v1/checkout/sessions", {"mode": "payment", "ui_mode": "hosted"}),
        ("/v1/checkout/sessions", {"line_items[0][price_data][unit_amout]": 1}),
        ("/v1/refunds", {"payment_intent": "pi_1", "reason": "because"}),
        ("/v1/transferz", {}),
    ],
)
def test_a_wrong_request_is_refused(judge: Oracle, path: str, fields: dict[str, Any]) -> None:
    assert refusals(judge, path, fields) != []


def test_a_post_without_a_key_and_an_unknown_query_are_refused(judge: Oracle) -> None:
    fields = {"currency": "usd", "destination": "acct_1"}

    assert refusals(judge, "/v1/transfers", fields, {}) != []
    assert judge.request("GET", "/v1/transfers", "transfer_group=g&limit=3", {}, b"") == []
    assert judge.request("GET", "/v1/transfers", "transfergroup=g", {}, b"") != []


@pytest.mark.parametrize(
    "body",
    [
        b'{"dashboard": "Express"}',
        b'{"configuration": {"recipient": {"capabilities": {"transfers": {"requested": true}}}}}',
        b'{"type": "express"}',
    ],
)
def test_a_wrong_v2_request_is_refused(judge: Oracle, body: bytes) -> None:
    assert judge.request("POST", "/v2/core/accounts", "", KEY, body) != []


def test_an_object_is_judged_by_every_field(judge: Oracle) -> None:
    link = {
        "object": "account_link",
        "created": 1,
        "expires_at": 2,
        "url": "https://connect.example.org",
    }

    assert judge.thing("account_link", link) == []
    assert judge.thing("account_link", link | {"created": "1"}) != []
    assert judge.thing("account_link", link | {"invented": 1}) != []
    assert judge.thing("account_link", {"object": "account_link"}) != []


def test_an_event_must_be_of_a_kind_that_exists(judge: Oracle) -> None:
    event = {
        "id": "evt_1",
        "object": "event",
        "api_version": None,
        "created": 1,
        "data": {
            "object": {"object": "account_link", "created": 1, "expires_at": 2, "url": "https://x"}
        },
        "livemode": False,
        "pending_webhooks": 0,
        "request": None,
        "type": "transfer.paid",
    }

    assert judge.event(event) == ["no such event type: transfer.paid"]
    assert judge.event(event | {"type": "transfer.created"}) == []
