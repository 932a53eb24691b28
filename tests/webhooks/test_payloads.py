"""Whatever processors and shops are known to send: shuffled, twice, half of it about what is ours.

Everything is stored once, breaks nothing, and posts nothing that was posted before.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.funding import refund as refunds
from marketplace.processors.outbox import ProcessorRequest
from marketplace.processors.stripe import Stripe
from marketplace.storefronts.signature import signature as shop_signature
from marketplace.webhooks import inbox
from marketplace.webhooks.event import WebhookEvent
from tests.commissions.making import SECRET, Shop, make_campaign_shop
from tests.harness import record_proof
from tests.make import make_operator
from tests.processors.make import usd
from tests.reconciliation import scenes
from tests.sandbox.server import SandboxServer
from tests.webhooks import paypal_world
from tests.webhooks.sender import PATHS, Sender, event

SEED = 11
FOLDER = Path(os.environ.get("MARKETPLACE_FIXTURES", ""))
GIVEN = "MARKETPLACE_FIXTURES" in os.environ
# The files of the folder that are no message: descriptions of PayPal's interface, and a table of
# Stripe's objects, which come one by one beside it.
NO_MESSAGE = {
    *("checkout_orders_v2.json", "customer_disputes_v1.json", "notifications_webhooks_v1.json"),
    *("payments_payouts_batch_v1.json", "fixtures3.json"),
}
# What is read of the folder, so that nothing falls out of it unseen.
READ = 176
Known = dict[str, str]


class Letter(NamedTuple):
    """One message: who sends it, its name, and what it says."""

    sender: str  # 'platform', 'connect', 'paypal' or the topic of a shop
    name: str
    body: dict[str, Any]


def letters() -> Iterator[Letter]:
    """Every event of a processor, every object of Stripe's as an event, every message of a shop."""
    for path in sorted(FOLDER.glob("*/*.json")):
        body, folder = json.loads(path.read_text()), path.parent.name
        if path.name in NO_MESSAGE:
            continue
        if folder == "dj-paypal":
            yield Letter("paypal", path.name, body)
        elif folder.startswith("shopify"):
            yield from _of_shop(path, body)
        elif body["object"] == "event":
            connected = path.stem.endswith("--connect") or "account" in body
            yield Letter("connect" if connected else "platform", path.name, body)
        else:
            told = json.loads(event(f"{body['object']}.updated", "none"))
            told["data"]["object"] = body
            yield Letter("platform", path.name, told)


def _of_shop(path: Path, body: Any) -> Iterator[Letter]:
    """A shop's message; a list of things is one message for each."""
    topic = "/".join(path.stem.partition("--")[0].split("-"))
    if path.parent.name == "shopify_python_api":
        topic = {"order": "orders/paid", "refund": "refunds/create"}.get(path.stem, path.stem)
        body = body.get(path.stem, body) if isinstance(body, dict) else body
    for number, each in enumerate(body if isinstance(body, list) else [body]):
        yield Letter(topic, f"{path.name}#{number}" if number else path.name, each)


def identity(letter: Letter) -> str:
    """By what a message is known: Stripe's event by its id, any other by its delivery."""
    return str(letter.body["id"]) if letter.sender in ("platform", "connect") else letter.name


@pytest.fixture
def known(sandbox: SandboxServer, joined: Stripe) -> Known:
    """The names of a payment, its checkout, a refund, a transfer and a batch that are all ours."""
    scenes.follow(scenes.paid(sandbox, make_operator().id, 100_000))
    deposit = scenes.refundable(sandbox)
    refunds.request(deposit, usd(100), actor="user:1", form_key=new_id(), at=clock.now())
    db.session.commit()
    scenes.reserved_for([scenes.receiver(sandbox)])
    paypal_world.fund(sandbox)
    payout = paypal_world.reserved()
    scenes.send()
    paypal_world.listen(sandbox)
    made = dict(
        db.session.query(ProcessorRequest.op, ProcessorRequest.remote_id)
        .filter_by(processor="stripe", state="done")
        .order_by(ProcessorRequest.created_at)
        .all()
    )
    db.session.rollback()
    charge = sandbox.books()["charges"][-1]
    return {
        "payment_intent.": charge["payment_intent"],
        "charge.": charge["payment_intent"],
        "checkout.session.": charge["session"],
        "refund.": made["rf"],
        "transfer.": made["trf"],
        "paypal": paypal_world.batch_of(payout),
    }


def about_ours(letter: Letter, known: Known, shop: Shop) -> Letter:
    """The same message about a thing of ours, where there is one of that kind."""
    body = json.loads(json.dumps(letter.body))
    if letter.sender == "paypal":
        body["resource"]["payout_batch_id"] = known["paypal"]
    elif letter.sender not in PATHS:
        body["discount_codes"] = [{"code": shop.code.code}]
    elif name := next((it for it in known if body["type"].startswith(it)), None):
        of_charge = name == "charge." and "dispute" not in body["type"]
        body["data"]["object"]["payment_intent" if of_charge else "id"] = known[name]
    return letter._replace(body=body)


@pytest.fixture
def post(deliver: Sender, sandbox: SandboxServer, shop: Shop) -> Callable[[Letter], int]:
    """Sends a letter as whoever it is from would."""
    storefront_id, software = shop.storefront.id, shop.storefront.software

    def send(letter: Letter) -> int:
        raw = json.dumps(letter.body).encode()
        if letter.sender == "paypal":
            headers = paypal_world.headers(sandbox, raw, transmission=letter.name)
            return deliver.post(PATHS["paypal"], raw, headers)
        if letter.sender in PATHS:
            return deliver(raw, endpoint=letter.sender)
        headers = {
            software.signature_header: shop_signature(raw, SECRET),
            software.id_header: letter.name,
            software.topic_header: letter.sender,
        }
        return deliver.post(f"/webhooks/shopify/{storefront_id}", raw, headers)

    return send


@pytest.fixture
def shop(joined: Stripe) -> Shop:
    shop = make_campaign_shop()
    db.session.refresh(shop.storefront)
    db.session.refresh(shop.code)
    db.session.expunge(shop.storefront)
    db.session.expunge(shop.code)
    return shop


def handle_everything() -> None:
    while inbox.handle_orders(clock.now()) or inbox.handle_next(clock.now()):
        db.session.remove()


def posted(owner: psycopg.Connection[Any]) -> tuple[int, int]:
    """How many postings there are, and how many of money at a processor."""
    row = owner.execute(
        "SELECT count(DISTINCT t.id), count(*) FILTER (WHERE a.kind = 'processor_clearing')"
        " FROM ledger.transaction t JOIN ledger.entry e ON e.transaction_id = t.id"
        " JOIN ledger.account a ON a.id = e.account_id"
    ).fetchone()
    owner.rollback()
    assert row
    return row[0], row[1]


@pytest.mark.proof
@pytest.mark.skipif(not GIVEN, reason="MARKETPLACE_FIXTURES names no folder with payloads")
def test_every_known_payload_shuffled_and_twice_is_stored_once_and_harms_nothing(
    known: Known,
    shop: Shop,
    post: Callable[[Letter], int],
    owner: psycopg.Connection[Any],
    sandbox: SandboxServer,
) -> None:
    sandbox.fault(
        "webhook.*", "lost", times=None
    )  # what it has to tell by itself comes not between
    before, stored_before = posted(owner), stored()
    sent = [
        about_ours(letter, known, shop) if number % 2 else letter
        for number, letter in enumerate(letters())
    ]
    assert len(sent) == READ
    twice = [*sent, *sent]
    random.Random(SEED).shuffle(twice)

    for letter in twice:
        assert post(letter) == 200, letter.name
    handle_everything()

    different = len({identity(letter) for letter in sent})
    doubled = abs(stored() - stored_before - different)
    rows = db.session.query(WebhookEvent.state, WebhookEvent.last_error).all()
    db.session.rollback()
    assert {state for state, _ in rows} == {"done", "ignored", "retry", "quarantined"}
    unknown = ("No such", "names nothing of ours", "no deposit", "keeps no")
    for state, error in rows:
        assert state != "retry" or any(it in str(error) for it in unknown), error
        assert state != "quarantined" or "JPY" in str(error), error  # a shop that sells in dollars
    # Every fact about a thing of ours was posted before; only the shop's orders are news.
    after = posted(owner)
    assert after[0] > before[0]

    for again in db.session.query(WebhookEvent):
        inbox.replay(again)
    db.session.commit()
    handle_everything()
    moved_twice = after[1] - before[1] + sum(posted(owner)) - sum(after)

    stored_once = stored()
    named_anew = [it._replace(name=f"again {it.name}") for it in sent if it.sender not in PATHS]
    assert {post(letter) for letter in named_anew} == {200}
    record_proof(
        "payloads.shuffled",
        trials=len(twice),
        violations=doubled + moved_twice,
        control_violations=stored() - stored_once,  # the name by which it is known is another
        seed=SEED,
    )
    assert (doubled, moved_twice) == (0, 0)
    assert stored() > stored_once


def stored() -> int:
    count = db.session.query(WebhookEvent).count()
    db.session.rollback()
    return count
