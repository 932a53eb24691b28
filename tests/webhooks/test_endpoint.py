"""The webhook endpoints: what is signed is stored once, whatever is not is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import stripe
from flask import Flask

from marketplace.webhooks import inbox
from tests.sandbox.server import CONNECT_SECRET, WEBHOOK_SECRET
from tests.webhooks.sender import (
    PATHS,
    Sender,
    event,
    signature,
    thin_event,
)

MEBIBYTE = 1024 * 1024


@pytest.fixture
def stored(owner: psycopg.Connection[Any]) -> Callable[[], int]:
    """How many events are stored now."""
    owner.autocommit = True

    def count() -> int:
        found = owner.execute("SELECT count(*) FROM webhook_event").fetchone()
        assert found is not None
        return int(found[0])

    return count


def two_signatures(raw: bytes) -> str:
    """While a secret is rolled Stripe signs with both; the right one comes second."""
    time, right = signature(raw).split(",")
    return f"{time},v1={'0' * 64},{right}"


SIGNATURES: dict[str, tuple[Callable[[bytes], str | None], int]] = {
    "ours": (signature, 200),
    "the library's own": (
        lambda raw: stripe.WebhookSignature.generate_signature_header(raw.decode(), WEBHOOK_SECRET),
        200,
    ),
    "two of which the second is ours": (two_signatures, 200),
    "299 seconds old": (lambda raw: signature(raw, age_s=299), 200),
    "299 seconds in the future": (lambda raw: signature(raw, age_s=-299), 200),
    "301 seconds old": (lambda raw: signature(raw, age_s=302), 401),
    "301 seconds in the future": (lambda raw: signature(raw, age_s=-302), 401),
    "a year old": (lambda raw: signature(raw, age_s=31_536_000), 401),
    "a day in the future": (lambda raw: signature(raw, age_s=-86_400), 401),
    "of tampered bytes": (lambda raw: signature(raw.replace(b"tr_1", b"tr_2")), 401),
    "of the same JSON, written otherwise": (
        lambda raw: signature(json.dumps(json.loads(raw), indent=1).encode()),
        401,
    ),
    "of a stranger": (lambda raw: signature(raw, "whsec_other"), 401),
    "of another endpoint": (lambda raw: signature(raw, CONNECT_SECRET), 401),
    "of the secret with a line end": (lambda raw: signature(raw, WEBHOOK_SECRET + "\n"), 401),
    "of an empty secret": (lambda raw: signature(raw, ""), 401),
    "missing": (lambda raw: None, 401),
    "empty": (lambda raw: "", 401),
    "garbage": (lambda raw: "garbage", 401),
    "of the old scheme only": (lambda raw: signature(raw).replace("v1=", "v0="), 401),
    "without a time": (lambda raw: signature(raw).split(",")[1], 401),
    "with a time that is no number": (lambda raw: signature(raw).replace("t=", "t=x"), 401),
    "with an endless time": (lambda raw: f"t={'9' * 4000},v1={'0' * 64}", 401),
    "not in ASCII": (lambda raw: signature(raw).replace("v1=", "v1=\xe9"), 401),
    "with its time changed": (
        lambda raw: signature(raw, age_s=400).replace("t=", "t=1"),
        401,
    ),
}


@pytest.mark.parametrize("case", SIGNATURES)
def test_a_signature_is_proven_over_the_raw_bytes(
    deliver: Sender, stored: Callable[[], int], case: str
) -> None:
    make, status = SIGNATURES[case]
    raw = event(metadata={"\u00e9": "\u00fc"})

    assert deliver(raw, make(raw)) == status
    assert stored() == (1 if status == 200 else 0)


BODIES: dict[str, tuple[bytes, int]] = {
    "no JSON": (b"xx", 400),
    "nothing": (b"", 400),
    "an array": (b"[]", 400),
    "a text": (b'"evt_1"', 400),
    "null": (b"null", 400),
    "not UTF-8": (b"\xff\xfe", 400),
    "endlessly nested": (b"[" * 100_000, 400),
    "an endless number": (b'{"id": ' + b"1" * 10_000 + b"}", 400),
    "another object": (event(object="charge"), 400),
    "a thin event": (thin_event(), 400),
    "without an id": (event(id=None), 400),
    "with an empty id": (event(id=""), 400),
    "with an id that is no text": (event(id=["evt_1"]), 400),
    "with an id that PostgreSQL cannot hold": (event(id="evt_\x00"), 400),
    "with an id of half a character": (event(id="evt_1").replace(b"evt_1", b"\\ud800"), 400),
    "with a very long id": (event(id="e" * 300), 400),
    "without a type": (event().replace(b'"transfer.created"', b"null"), 400),
    "without a mode": (event(livemode=None), 400),
    "with a mode that is no truth": (event(livemode="false"), 400),
    "live": (event(livemode=True), 400),
    "without an object": (event(data={}), 400),
    "with an object that is none": (event(data={"object": "tr_1"}), 400),
    "of a type that nobody knows": (event("something.new"), 200),
    "with an object without an id": (event(data={"object": {"object": "balance"}}), 200),
    "with fields that nobody knows": (event(surprise=[1, {"a": None}]), 200),
}


@pytest.mark.parametrize("case", BODIES)
def test_what_is_signed_but_no_event_is_refused(
    deliver: Sender, stored: Callable[[], int], case: str
) -> None:
    raw, status = BODIES[case]

    assert deliver(raw) == status
    assert stored() == (1 if status == 200 else 0)


def test_each_endpoint_takes_only_its_own(deliver: Sender, stored: Callable[[], int]) -> None:
    connected = event("payout.paid", "po_1", account="acct_1")
    assert deliver(connected, endpoint="connect") == 200
    assert deliver(thin_event(), endpoint="thin") == 200
    assert deliver(event(), endpoint="connect") == 400  # of which account?
    assert deliver(event(), endpoint="thin") == 400
    assert deliver(thin_event(), endpoint="connect") == 400
    assert stored() == 2


def test_what_is_stored_is_what_came(deliver: Sender, owner: psycopg.Connection[Any]) -> None:
    raw = event("payment_intent.succeeded", "pi_1") + b"\n "
    header = signature(raw)
    deliver(raw, header)
    charge = event("charge.updated", data={"object": {"id": "ch_1", "payment_intent": "pi_2"}})
    deliver(charge)

    rows = owner.execute(
        "SELECT raw, headers, sha256 = encode(sha256(raw), 'hex'), object_kind, object_id, state"
        " FROM webhook_event ORDER BY received_at"
    ).fetchall()
    assert rows[0] == (raw, {"Stripe-Signature": header}, True, "payment", "pi_1", "new")
    assert rows[1][3:] == ("payment", "pi_2", "new")  # of a charge, its payment


def test_an_event_is_stored_once_however_often_it_comes(
    deliver: Sender, stored: Callable[[], int]
) -> None:
    raw = event()
    assert [deliver(raw) for _ in range(3)] == [200, 200, 200]
    assert stored() == 1


@pytest.mark.parametrize("deliveries", [8])
def test_an_event_that_comes_eight_times_at_once_is_stored_once(
    deliver: Sender, stored: Callable[[], int], deliveries: int
) -> None:
    for number in range(1, 6):
        raw = event()
        barrier = threading.Barrier(deliveries)
        statuses: list[int] = []

        def post(raw: bytes, barrier: threading.Barrier, statuses: list[int]) -> None:
            barrier.wait()
            statuses.append(deliver(raw))

        told = (raw, barrier, statuses)
        threads = [threading.Thread(target=post, args=told) for _ in range(deliveries)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert statuses == [200] * deliveries
        assert stored() == number


def test_test_and_live_events_of_one_id_are_two(owner: psycopg.Connection[Any]) -> None:
    constraint = owner.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'webhook_event'::regclass AND contype = 'u'"
    ).fetchone()
    assert constraint == ("UNIQUE (processor, livemode, event_id)",)


def padded(length: int) -> bytes:
    raw = event()
    return raw + b" " * (length - len(raw))


def test_a_body_of_more_than_a_mebibyte_is_refused(
    deliver: Sender, stored: Callable[[], int]
) -> None:
    assert deliver(padded(MEBIBYTE)) == 200
    assert deliver(padded(MEBIBYTE + 1)) == 413
    assert stored() == 1


def test_a_body_in_chunks_has_the_same_bound(deliver: Sender, stored: Callable[[], int]) -> None:
    def chunks(raw: bytes) -> Iterator[bytes]:
        for start in range(0, len(raw), 65_536):
            yield raw[start : start + 65_536]

    def post(raw: bytes) -> int:
        return deliver.post(PATHS["platform"], chunks(raw), {"Stripe-Signature": signature(raw)})

    assert post(event()) == 200
    assert post(padded(MEBIBYTE + 1)) == 413
    assert stored() == 1


@pytest.mark.parametrize("endpoint", PATHS)
def test_an_endpoint_without_a_secret_does_not_exist(
    app: Flask, deliver: Sender, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    off: dict[str, Any] = {
        "stripe_webhook_secrets": (),
        "stripe_connect_webhook_secrets": (),
        "stripe_thin_webhook_secrets": (),
        "paypal_webhook_id": "",
    }
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], **off))
    raw = event()
    assert deliver(raw, signature(raw, ""), endpoint) == 404


def test_while_a_secret_is_rolled_the_old_and_the_new_hold(
    app: Flask, deliver: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = replace(app.extensions["settings"], stripe_webhook_secrets=("whsec_new", "whsec_old"))
    monkeypatch.setitem(app.extensions, "settings", both)
    raw = event()
    assert deliver(raw, signature(raw, "whsec_old")) == 200
    assert deliver(raw, signature(raw, "whsec_new")) == 200
    assert deliver(raw, signature(raw, WEBHOOK_SECRET)) == 401


def test_a_live_application_takes_no_test_events(
    app: Flask, deliver: Sender, stored: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = replace(app.extensions["settings"], sandbox=False, stripe_secret_key="sk_live_of_nobody")
    monkeypatch.setitem(app.extensions, "settings", live)
    assert deliver(event(livemode=False)) == 400
    assert deliver(event(livemode=True)) == 200
    assert stored() == 1


def test_what_cannot_be_stored_is_not_acknowledged_and_the_next_one_is_stored(
    deliver: Sender, stored: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(inbox, "_STORE", "INSERT INTO nowhere VALUES (%(id)s)")
        assert deliver(event()) == 500
    assert deliver(event()) == 200
    assert stored() == 1


def test_an_event_is_stored_after_the_server_closed_our_connections(
    deliver: Sender, owner: psycopg.Connection[Any], stored: Callable[[], int]
) -> None:
    deliver(event())
    closed = owner.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE query LIKE '%INTO webhook_event%' AND pid <> pg_backend_pid()"
    ).fetchall()
    assert (True,) in closed

    assert deliver(event()) == 200
    assert stored() == 2


def test_a_browser_finds_nothing_here(deliver: Sender, client: Any) -> None:
    for path in PATHS.values():
        assert client.get(path).status_code in (404, 405)
        assert "Set-Cookie" not in client.post(path, data=b"x").headers
