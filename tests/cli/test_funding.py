"""Our own money, moved from one processor to the other: written down once, as it was moved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from marketplace.extensions import db
from marketplace.funding.moving import ProcessorFunding
from marketplace.ledger import balances, postings
from marketplace.money import Money
from tests.make import make_operator
from tests.processors.make import funded
from tests.sandbox.server import SandboxServer
from tests.within import within
from tests.worker.joining import join

__all__ = ["within"]


@pytest.fixture
def sandbox(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    """A sandbox with 6,000.00 USD at Stripe, less its fee, and an operator here."""
    with SandboxServer(tmp_path) as server:
        funded(server, join(app, server, monkeypatch), Money(600_000, "USD"))
        make_operator()
        yield server
        assert server.violations == []


def fund(app: Flask, *arguments: str) -> Result:
    db.session.remove()
    return app.test_cli_runner().invoke(args=["processors", "fund", *arguments])


def at(processor: str) -> Money:
    found = balances.balance(postings.processor_clearing(processor), "USD")
    db.session.rollback()
    return found


def test_money_is_moved_and_moved_once(app: Flask, sandbox: SandboxServer) -> None:
    for _ in range(2):
        done = fund(app, "paypal", "5000", "usd", "--reference", "8TJ")
        assert done.exit_code == 0, done.output
        assert "moved from stripe to paypal (8TJ)" in done.output
    assert (at("paypal"), at("stripe")) == (Money(500_000, "USD"), Money(-500_000, "USD"))
    books = sandbox.books()
    assert books["paypal"]["balances"] == {"USD": "5000.00"}
    assert books["currencies"]["usd"]["payouts"] == "5000.00"
    assert db.session.query(ProcessorFunding).count() == 1


def test_money_is_moved_to_our_bank_account(app: Flask, sandbox: SandboxServer) -> None:
    for _ in range(2):
        done = fund(app, "bank", "300", "USD", "--reference", "FT-1")
        assert done.exit_code == 0, done.output
    assert (at("bank"), at("stripe")) == (Money(30_000, "USD"), Money(-30_000, "USD"))
    assert sandbox.books()["currencies"]["usd"]["payouts"] == "300.00"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("paypal", "5001", "USD", "--reference", "8TJ"), "8TJ is known"),
        (("paypal", "9000", "USD", "--reference", "9"), "balance at Stripe is too low"),
        (("paypal", "x", "USD", "--reference", "9"), "is no amount"),
        (("paypal", "0", "USD", "--reference", "9"), "above zero"),
        (("bank", "9000", "USD", "--reference", "9"), "balance at Stripe is too low"),
        (
            ("paypal", "1", "USD", "--from", "bank", "--reference", "9"),
            "only moves money from",
        ),
        (("paypal", "1", "XXX", "--reference", "9"), "a currency that PayPal pays out"),
        (("stripe", "1", "USD", "--reference", "9"), "another processor"),
        (("elsewhere", "1", "USD", "--reference", "9"), "there is no processor"),
        (("paypal", "1", "USD"), "--reference"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    app: Flask, sandbox: SandboxServer, arguments: tuple[str, ...], said: str
) -> None:
    fund(app, "paypal", "5000", "USD", "--reference", "8TJ")
    refused = fund(app, *arguments)
    assert refused.exit_code != 0
    assert said in refused.output
    assert at("paypal") == Money(500_000, "USD")
