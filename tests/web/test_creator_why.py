"""The gate's reasons in words: each detail has its own, in every language."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale

from marketplace.money import Money
from marketplace.payouts.gate import Facts, decide
from marketplace.web.creator_why import Step, steps

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
ENOUGH = Facts(
    available=Money(10_000, "EUR"),
    pending=(),
    in_payout=Money(0, "EUR"),
    threshold=Money(10_000, "EUR"),
    debt=Money(0, "EUR"),
    destination_status="active",
    processor="stripe",
    most=Money(10_000, "EUR"),
)


def step(app: Flask, language: str = "en", **changes: Any) -> Step:
    """The one reason why this does not leave, as its creator reads it."""
    with app.test_request_context(), force_locale(language):
        (found,) = steps(decide(replace(ENOUGH, **changes)))
        return found


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_word_with_which_a_rail_refuses_a_balance_has_a_text_of_its_own(
    app: Flask, language: str
) -> None:
    words = ("off", "country", "currency", "amount")
    texts = [step(app, language, rail_refusal=word).text for word in words]
    assert len(set(texts)) == len(words)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "It has no way to pay EUR."), ("fr", "Il n’a aucun moyen de verser des EUR.")],
)
def test_a_currency_in_which_stripe_has_no_amounts_is_named(
    app: Flask, language: str, said: str
) -> None:
    assert said in step(app, language, rail_refusal="amount").text


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Waits for you: the money lies"), ("fr", "En attente de votre part")],
)
def test_an_unclaimed_payout_asks_its_creator_to_fetch_it(
    app: Flask, language: str, said: str
) -> None:
    under_way = {"in_payout": Money(15_000, "EUR"), "processor": "paypal"}
    found = step(app, language, **under_way, payout_claim_by=AT)
    assert found.state == "bad", "the creator must act"
    assert said in found.text
    assert "PayPal" in found.text
    assert "2026" in found.text


@pytest.mark.parametrize(("language", "said"), [("en", "Waits for our bank"), ("fr", "banque")])
def test_a_payout_in_a_bank_file_says_when_the_bank_executes_it(
    app: Flask, language: str, said: str
) -> None:
    found = step(app, language, in_payout=Money(15_000, "EUR"), payout_executed_at=AT)
    assert found.state == "now"
    assert said in found.text
    assert "2026" in found.text
