"""PayPal's webhooks over HTTP: who is believed, how far, and what follows for a payout."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from flask import Flask

from marketplace import clock
from marketplace.errors import ProcessorUnavailable
from marketplace.extensions import db
from marketplace.processors.base import BadSignature
from marketplace.processors.paypal import FAILURE_KEPT, FAILURES_MAX
from marketplace.processors.paypal_events import CERTIFICATE, certificate_url
from marketplace.processors.stripe import Stripe
from marketplace.webhooks import inbox
from marketplace.worker import polling
from tests.conftest import Web
from tests.sandbox.server import PAYPAL_WEBHOOK_ID, SandboxServer
from tests.webhooks import paypal_world as world
from tests.webhooks.paypal_world import event, headers, usd, with_the_crc_of

FOLDER = Path(os.environ.get("MARKETPLACE_FIXTURES", "")) / "dj-paypal"
PAYLOADS = sorted(FOLDER.glob("*.json")) if "MARKETPLACE_FIXTURES" in os.environ else []

Post = Callable[[bytes, dict[str, str]], int]
Owner = psycopg.Connection[Any]


@pytest.fixture
def post(web: Web, joined: Stripe) -> Post:
    """Posts bytes under headers and returns the status."""

    def send(raw: bytes, sent: dict[str, str]) -> int:
        connection = http.client.HTTPConnection(urlsplit(web.url).netloc, timeout=20)
        try:
            connection.request("POST", "/webhooks/paypal", raw, sent)
            return connection.getresponse().status
        finally:
            connection.close()

    return send


def stored(owner: Owner) -> list[tuple[Any, ...]]:
    return owner.execute(
        "SELECT processor, event_id, object_kind, object_id, state FROM webhook_event ORDER BY id"
    ).fetchall()


# ---- who is believed


def test_what_paypal_signed_is_stored_once_under_its_transmission(
    post: Post, sandbox: SandboxServer, owner: Owner
) -> None:
    raw = event("B1")
    for _ in range(2):
        assert post(raw, headers(sandbox, raw)) == 200
    assert stored(owner) == [("paypal", "t-1", "transfer", "B1", "new")]


def test_other_bytes_do_not_fit_the_signature(
    post: Post, sandbox: SandboxServer, owner: Owner
) -> None:
    raw = event("B1")
    signed = headers(sandbox, raw)
    assert post(raw.replace(b"B1", b"B2"), signed) == 401
    assert post(json.dumps(json.loads(raw), indent=1).encode(), signed) == 401
    assert stored(owner) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAYPAL-TRANSMISSION-SIG", "bm90aGluZw=="),
        ("PAYPAL-TRANSMISSION-SIG", "not base64"),
        ("PAYPAL-TRANSMISSION-SIG", ""),
        ("PAYPAL-TRANSMISSION-ID", "t-2"),
        ("PAYPAL-TRANSMISSION-TIME", "yesterday"),
        ("PAYPAL-TRANSMISSION-TIME", "2026-01-01T00:00:00"),
        ("PAYPAL-AUTH-ALGO", "SHA1withRSA"),
        ("PAYPAL-AUTH-ALGO", "none"),
        ("PAYPAL-CERT-URL", ""),
        ("PAYPAL-CERT-URL", "http://evil.example/v1/notifications/certs/CERT-1"),
    ],
)
def test_every_header_must_be_right(
    post: Post, sandbox: SandboxServer, owner: Owner, name: str, value: str
) -> None:
    raw = event("B1")
    assert post(raw, headers(sandbox, raw) | {name: value}) == 401
    assert stored(owner) == []


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(days=2, hours=23), 200),  # PayPal tries for three days
        (timedelta(days=3, minutes=1), 401),
        (timedelta(minutes=-4), 200),
        (timedelta(minutes=-6), 401),
    ],
)
def test_what_is_too_old_or_from_the_future_is_refused(
    post: Post, sandbox: SandboxServer, age: timedelta, status: int
) -> None:
    raw = event("B1")
    assert post(raw, headers(sandbox, raw, age=age)) == status


def test_another_webhook_of_paypals_is_not_ours(
    app: Flask, post: Post, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = event("B1")
    signed = headers(sandbox, raw)
    other = replace(app.extensions["settings"], paypal_webhook_id="WH-OTHER")
    monkeypatch.setitem(app.extensions, "settings", other)
    assert post(raw, signed) == 401


def test_another_root_vouches_for_nobody(
    app: Flask, post: Post, sandbox: SandboxServer, tmp_path: Path
) -> None:
    """A certificate in PayPal's name, served where PayPal's is, from a root that nobody trusts."""
    raw = event("B1")
    with SandboxServer(tmp_path / "other") as other:
        stranger = app.extensions["processors"]["paypal"]
        stranger._roots = stranger._certificates(f"{other.url}/_sandbox/paypal/root.pem")
        assert post(raw, headers(sandbox, raw)) == 401
        stranger._roots = []
        assert post(raw, headers(sandbox, raw)) == 200


def test_a_certificate_that_cannot_be_had_now_is_asked_for_again(
    post: Post, sandbox: SandboxServer
) -> None:
    raw = event("B1")
    signed = headers(sandbox, raw)
    nowhere = signed["PAYPAL-CERT-URL"].replace("CERT-", "NONE-")
    assert post(raw, signed | {"PAYPAL-CERT-URL": nowhere}) == 503


def test_a_forger_cannot_make_us_fetch_again_and_again(
    joined: Stripe, app: Flask, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one address that fails, nor a new one each time; what is known needs no fetching."""
    raw, adapter = event("B1"), app.extensions["processors"]["paypal"]
    signed = headers(sandbox, raw)

    def verify(name: str) -> bool:
        url = signed["PAYPAL-CERT-URL"].replace("CERT-", name)
        named = {**signed, "PAYPAL-CERT-URL": url}
        sent = {"-".join(it.capitalize() for it in key.split("-")): named[key] for key in named}
        try:
            adapter.verify("paypal", raw, sent, [PAYPAL_WEBHOOK_ID])
        except ProcessorUnavailable:
            return False
        return True

    assert verify("CERT-")
    fetched: list[str] = []
    fetch = adapter._certificates

    def counted(url: str) -> object:
        fetched.append(url)
        return fetch(url)

    monkeypatch.setattr(adapter, "_certificates", counted)
    for name in ("NONE-", "NONE-", *(f"N{n}-" for n in range(20))):
        assert not verify(name)
    assert len(fetched) == FAILURES_MAX == len(set(fetched))
    assert verify("CERT-")
    later = clock.wall_now() + FAILURE_KEPT
    monkeypatch.setattr(clock, "wall_now", lambda: later)
    assert not verify("NONE-")
    assert len(fetched) == FAILURES_MAX + 1


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"event_type": 1}', b"not json"])
def test_what_is_signed_but_no_event_is_refused(
    post: Post, sandbox: SandboxServer, raw: bytes
) -> None:
    assert post(raw, headers(sandbox, raw)) == 400


def test_more_than_a_mebibyte_is_not_read(post: Post, sandbox: SandboxServer) -> None:
    raw = b" " * (1024 * 1024 + 1)
    assert post(raw, headers(sandbox, raw)) == 413


def test_without_a_webhook_id_the_endpoint_is_off(
    app: Flask, post: Post, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = event("B1")
    off = replace(app.extensions["settings"], paypal_webhook_id="")
    monkeypatch.setitem(app.extensions, "settings", off)
    assert post(raw, headers(sandbox, raw)) == 404


CERTS = "/v1/notifications/certs/CERT-360caa42-fca2a594"


HOSTS = {
    True: ("api.paypal.com", "api-m.paypal.com"),
    False: ("api.sandbox.paypal.com", "api-m.sandbox.paypal.com"),
}


@pytest.mark.parametrize("livemode", [True, False])
def test_a_certificate_lies_at_the_api_of_our_mode_and_at_no_other_host_of_paypals(
    livemode: bool,
) -> None:
    for host in HOSTS[livemode]:
        url = f"https://{host}{CERTS}"
        assert certificate_url({CERTIFICATE: url}, None, livemode) == url
    for host in (*HOSTS[not livemode], "x.paypal.com", "paypal.com", "x.api.paypal.com"):
        with pytest.raises(BadSignature):
            certificate_url({CERTIFICATE: f"https://{host}{CERTS}"}, None, livemode)


@pytest.mark.parametrize(
    "url",
    [
        f"http://api.paypal.com{CERTS}",
        f"https://api.paypal.com.evil.example{CERTS}",
        f"https://evilpaypal.com{CERTS}",
        f"https://paypal.com@evil.example{CERTS}",
        f"https://evil.example/api.paypal.com{CERTS}",
        f"https://api.paypal.com:8443{CERTS}",
        f"https://api.paypal.com:port{CERTS}",
        f"https://api.paypal.com{CERTS}?next=//evil.example",
        "https://api.paypal.com/v1/notifications/certs/../../evil",
        "https://api.paypal.com/somewhere/else",
        f"https://127.0.0.1{CERTS}",
        "https://[::1",
        "",
    ],
)
def test_nowhere_else_is_a_certificate_fetched_from(url: str) -> None:
    with pytest.raises(BadSignature):
        certificate_url({CERTIFICATE: url}, None, True)


# ---- how far


def test_a_genuine_signature_over_a_forged_body_posts_nothing(
    post: Post, sandbox: SandboxServer, owner: Owner
) -> None:
    """The signature covers a CRC32 alone, and the forged body has the same one."""
    world.fund(sandbox)
    payout = world.reserved("unclaimed@example.com")
    world.send()
    batch = world.batch_of(payout)
    world.listen(sandbox)
    assert world.status(payout) == "unclaimed"
    before = world.at_paypal()

    genuine = event(batch, "UNCLAIMED", "UNCLAIMED")
    lie = json.loads(event(batch, "SUCCESS", "SUCCEEDED"))
    lie["resource"]["payout_item"]["amount"]["value"] = "999999.00"
    forged = with_the_crc_of(genuine, lie)
    signed = headers(sandbox, genuine, transmission="t-observed")
    assert b"SUCCESS" in forged
    assert b"999999.00" in forged

    assert post(forged, signed) == 200  # nothing in it shows that it is forged
    world.listen(sandbox)
    assert world.status(payout) == "unclaimed"  # what PayPal says when asked
    assert world.at_paypal() == before
    assert post(genuine, signed) == 200  # one transmission, stored once
    assert [row[1] for row in stored(owner)].count("t-observed") == 1


def test_a_forged_body_that_names_another_batch_brings_that_one_to_the_truth(
    post: Post, sandbox: SandboxServer
) -> None:
    world.fund(sandbox)
    payout, other = world.reserved("unclaimed@example.com"), world.reserved("failed@example.com")
    world.send()
    genuine = event(world.batch_of(payout), "UNCLAIMED", "UNCLAIMED")
    lie = json.loads(event(world.batch_of(other)))
    assert post(with_the_crc_of(genuine, lie), headers(sandbox, genuine)) == 200
    world.listen(sandbox)
    assert (world.status(payout), world.status(other)) == ("unclaimed", "failed")


@pytest.mark.skipif(not PAYLOADS, reason="MARKETPLACE_FIXTURES names no folder with payloads")
def test_every_known_payload_is_stored_once_and_handled_without_harm(
    post: Post, sandbox: SandboxServer, owner: Owner
) -> None:
    for path in PAYLOADS:
        raw = path.read_bytes()
        for _ in range(2):
            signed = headers(sandbox, raw, transmission=path.stem)
            assert post(raw, signed) == 200, path.name

    while inbox.handle_next(clock.now()):
        db.session.remove()

    rows = owner.execute("SELECT event_type, state, last_error FROM webhook_event").fetchall()
    assert len(rows) == len(PAYLOADS)
    about_payouts = {kind for kind, state, _ in rows if state == "retry"}
    assert all(kind.startswith("PAYMENT.PAYOUTS") for kind in about_payouts)
    assert len(about_payouts) == 12
    assert {state for _, state, _ in rows} == {"ignored", "retry"}
    assert all("No such batch" in error for _, state, error in rows if state == "retry")


# ---- what follows for a payout


def test_a_payout_is_paid_when_its_item_arrived(
    app: Flask, joined: Stripe, sandbox: SandboxServer
) -> None:
    world.fund(sandbox)
    payout = world.reserved()
    world.send()
    assert world.status(payout) == "sending"  # PayPal has it, nobody else
    world.listen(sandbox)
    assert world.status(payout) == "paid"
    assert world.fresh(payout.id).transfer_ref == world.batch_of(payout)
    at_paypal = app.extensions["processors"]["paypal"].cash()["USD"].total
    assert world.at_paypal() == at_paypal < usd(100_000) - payout.amount  # its fee is gone too


@pytest.mark.parametrize("fault", ["lost", "duplicate", "forged_signature", "altered_body"])
def test_whatever_happens_to_the_webhook_it_is_paid_once(
    joined: Stripe, sandbox: SandboxServer, fault: str
) -> None:
    world.fund(sandbox)
    payout = world.reserved()
    sandbox.fault("webhook.PAYMENT.*", fault, times=None if fault == "lost" else 1)
    world.send()
    world.listen(sandbox)
    if fault == "lost":
        assert world.status(payout) == "sending"
        assert polling.payouts(clock.now() + timedelta(minutes=1))
        assert not polling.payouts(clock.now() + timedelta(days=1))
    assert world.status(payout) == "paid"
    assert len(sandbox.books()["paypal"]["items"]) == 1


@pytest.mark.parametrize("word", ["failed", "denied", "blocked"])
def test_what_did_not_arrive_is_available_again(
    joined: Stripe, sandbox: SandboxServer, word: str
) -> None:
    world.fund(sandbox)
    payout = world.reserved(f"{word}@example.com")
    world.send()
    world.listen(sandbox)
    ended = world.fresh(payout.id)
    assert ended.status == "failed"
    assert "cannot take this payment" in (ended.failure or "")
    db.session.rollback()
    assert world.owed(payout) == payout.amount
    assert world.at_paypal() == usd(100_000)


def test_what_paypal_holds_waits_and_can_still_arrive(
    joined: Stripe, sandbox: SandboxServer
) -> None:
    world.fund(sandbox)
    payout = world.reserved("held@example.com")
    world.send()
    world.listen(sandbox)
    assert world.status(payout) == "sending"
    sandbox.move_paypal(world.batch_of(payout), "SUCCESS")
    world.listen(sandbox)
    assert world.status(payout) == "paid"


def test_what_nobody_claims_comes_back_after_30_days(
    joined: Stripe, sandbox: SandboxServer
) -> None:
    world.fund(sandbox)
    payout = world.reserved("unclaimed@example.com")
    world.send()
    world.listen(sandbox)
    assert world.status(payout) == "unclaimed"
    assert world.owed(payout) == usd(0)

    _pass(sandbox, timedelta(days=29))
    world.listen(sandbox)
    assert world.status(payout) == "unclaimed"
    _pass(sandbox, timedelta(days=1, minutes=1))
    world.listen(sandbox)
    back = world.fresh(payout.id)
    assert (back.status, back.transfer_ref) == ("returned", None)
    assert world.owed(payout) == payout.amount
    assert world.at_paypal() == usd(100_000)


def test_what_is_claimed_late_is_paid(joined: Stripe, sandbox: SandboxServer) -> None:
    world.fund(sandbox)
    payout = world.reserved("unclaimed@example.com")
    world.send()
    world.listen(sandbox)
    sandbox.move_paypal(world.batch_of(payout), "SUCCESS")
    world.listen(sandbox)
    assert world.status(payout) == "paid"
    _pass(sandbox, timedelta(days=31))
    world.listen(sandbox)
    assert world.status(payout) == "paid"


def test_what_arrives_after_it_had_failed_is_taken_back_out(
    joined: Stripe, sandbox: SandboxServer
) -> None:
    world.fund(sandbox)
    payout = world.reserved("failed@example.com")
    world.send()
    world.listen(sandbox)
    assert (world.status(payout), world.owed(payout)) == ("failed", payout.amount)
    assert world.at_paypal() == usd(100_000)
    sandbox.move_paypal(world.batch_of(payout), "SUCCESS")
    world.listen(sandbox)
    assert (world.status(payout), world.owed(payout)) == ("paid", usd(0))
    at_theirs = sandbox.books()["paypal"]["balances"]["USD"]
    assert f"{world.at_paypal().decimal}" == at_theirs


@pytest.mark.parametrize("status", ["REFUNDED", "REVERSED", "FAILED", "RETURNED"])
def test_what_came_back_after_it_was_paid_is_returned(
    joined: Stripe, sandbox: SandboxServer, status: str
) -> None:
    world.fund(sandbox)
    payout = world.reserved()
    world.send()
    world.listen(sandbox)
    assert world.status(payout) == "paid"
    sandbox.move_paypal(world.batch_of(payout), status)
    world.listen(sandbox)
    back = world.fresh(payout.id)
    assert back.status == "returned"
    assert back.transfer_ref is not None
    assert world.owed(payout) == payout.amount


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_currency"])
def test_what_does_not_fit_our_row_is_quarantined(
    joined: Stripe, sandbox: SandboxServer, owner: Owner, fault: str
) -> None:
    world.fund(sandbox)
    payout = world.reserved()
    world.send()
    sandbox.fault("paypal.payouts.retrieve", fault, times=None)
    world.listen(sandbox)
    assert world.status(payout) == "sending"
    assert {row[4] for row in stored(owner)} == {"quarantined"}


def _pass(sandbox: SandboxServer, delay: timedelta) -> None:
    clock.set_offset(clock.offset() + delay)
    sandbox.set_offset(round(clock.offset().total_seconds()))
