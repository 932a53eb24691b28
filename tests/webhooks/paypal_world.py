"""A creator who is paid by PayPal, our money there, and whoever else signs as PayPal would."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from marketplace import clock
from marketplace.extensions import db
from marketplace.funding import moving
from marketplace.ledger import balances, postings
from marketplace.money import Money
from marketplace.payouts.payout import Payout
from marketplace.processors.outbox import ProcessorRequest
from marketplace.sandbox import paypal_telling
from marketplace.webhooks import inbox
from tests.make import make_creator, make_payout, make_paypal_destination
from tests.sandbox.server import PAYPAL_WEBHOOK_ID, SandboxServer
from tests.worker import ways

TIME_OF_DAY = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Mine:
    """A payout, as plain values that outlive a session."""

    id: UUID
    amount: Money
    creator_owner: str


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def fund(sandbox: SandboxServer, reference: str = "first") -> None:
    """1,000.00 USD of ours arrive at PayPal, there and in our books."""
    sandbox.fund_paypal("1000.00")
    moving.move("stripe", "paypal", usd(100_000), reference, "user:1", clock.now())
    db.session.commit()


def at_paypal() -> Money:
    """What our books say lies at PayPal."""
    found = balances.balance(postings.processor_clearing("paypal"), "USD")
    db.session.rollback()
    return found


def owed(payout: Mine) -> Money:
    """What its creator has available."""
    found = balances.balance(postings.creator_available(payout.creator_owner), "USD")
    db.session.rollback()
    return found


def reserved(address: str = "ada@example.com") -> Mine:
    """150.00 USD that a run set aside for somebody with this address."""
    creator = make_creator().creator
    make_paypal_destination(creator, address)
    payout = make_payout(creator)
    mine = Mine(payout.id, payout.amount, payout.creator_owner)
    db.session.rollback()
    return mine


def fresh(id: UUID) -> Payout:
    return db.session.get_one(Payout, id, populate_existing=True)


def status(payout: Mine) -> str:
    found: str = fresh(payout.id).status
    db.session.rollback()
    return found


def batch_of(payout: Mine) -> str:
    """What PayPal calls it."""
    row = db.session.query(ProcessorRequest).filter_by(subject_id=payout.id, state="done").one()
    assert row.remote_id is not None
    name = row.remote_id
    db.session.rollback()
    return name


def send() -> None:
    """Send what is due, as the worker does."""
    while ways.send():
        pass


def made_without_an_answer(sandbox: SandboxServer) -> Mine:
    """A payout that PayPal makes while our call gets no answer."""
    fund(sandbox)
    payout = reserved()
    sandbox.fault("paypal.payouts.create", "timeout_after_success", hold_s=1.3)
    send()
    return payout


def let_days_pass(sandbox: SandboxServer, days: int) -> None:
    """So many days later whatever is due is sent, or asked about."""
    ways.domain_time_passes(sandbox, timedelta(days=days))
    ways.waits_are_over()
    send()


def listen(sandbox: SandboxServer) -> None:
    """Let everything that is due happen at PayPal, be told, and be handled."""
    sandbox.books()
    sandbox.wait_delivered()
    while inbox.handle_next(clock.now()):
        db.session.remove()


def headers(
    sandbox: SandboxServer, raw: bytes, *, transmission: str = "t-1", age: timedelta = timedelta(0)
) -> dict[str, str]:
    """What PayPal would sign these bytes with: the key is the sandbox's own."""
    world = sandbox.world
    made = paypal_telling.signed(world, transmission, raw)
    at = (datetime.now(UTC) - age).strftime(TIME_OF_DAY)
    made |= {"PAYPAL-TRANSMISSION-ID": transmission, "PAYPAL-TRANSMISSION-TIME": at}
    key = load_pem_private_key(paypal_telling._identity(world)["key"].encode(), None)
    assert isinstance(key, RSAPrivateKey)
    message = f"{transmission}|{at}|{PAYPAL_WEBHOOK_ID}|{zlib.crc32(raw)}"
    signature = key.sign(message.encode(), PKCS1v15(), SHA256())
    return made | {"PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode()}


def event(batch_id: str, status: str = "SUCCESS", event_type: str = "SUCCEEDED") -> bytes:
    """An event about an item, as PayPal writes one."""
    item = {
        "payout_item_id": "I1",
        "payout_batch_id": batch_id,
        "transaction_status": status,
        "payout_item": {
            "amount": {"currency": "USD", "value": "150.00"},
            "receiver": "ada@example.com",
        },
    }
    return json.dumps(
        {
            "id": "WH-1",
            "event_type": f"PAYMENT.PAYOUTS-ITEM.{event_type}",
            "resource_type": "payouts_item",
            "resource": item,
        }
    ).encode()


FILLER = 48


def with_the_crc_of(raw: bytes, wanted: dict[str, Any]) -> bytes:
    """`wanted` as JSON that has the CRC32 of `raw`: what a signature over a CRC32 is worth.

    CRC32 is linear over GF(2). A filler of letters gets some of them flipped by one bit each, so
    that the flips' effects on the checksum add up to the difference that is needed.
    """
    body = bytearray(json.dumps({**wanted, "filler": "a" * FILLER}).encode())
    start = body.rindex(b"a" * FILLER)
    plain = zlib.crc32(body)
    basis: dict[int, tuple[int, int]] = {}  # by highest bit: an effect, and the flips that cause it
    for n in range(FILLER):
        flipped = bytearray(body)
        flipped[start + n] ^= 2  # 'a' becomes 'c'
        effect, flips = zlib.crc32(flipped) ^ plain, 1 << n
        while effect and effect.bit_length() in basis:
            other, more = basis[effect.bit_length()]
            effect, flips = effect ^ other, flips ^ more
        if effect:
            basis[effect.bit_length()] = effect, flips
    left, flips = zlib.crc32(raw) ^ plain, 0
    while left:
        effect, more = basis[left.bit_length()]
        left, flips = left ^ effect, flips ^ more
    for n in range(FILLER):
        if flips >> n & 1:
            body[start + n] ^= 2
    assert zlib.crc32(body) == zlib.crc32(raw)
    return bytes(body)
