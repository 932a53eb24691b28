"""Whatever a row can keep has a word on operators' pages: a new status must not break them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from marketplace.earnings.earning import EarningKind
from marketplace.extensions import Base
from marketplace.ledger import dispute_postings, postings
from marketplace.ledger.chart import AccountKind
from marketplace.parties.creator import RHYTHMS
from marketplace.payouts.gate import Lift, Reason
from marketplace.payouts.payout import HoldReason
from marketplace.payouts.sweep import SWEEP
from marketplace.processors.base import Op, Verdict
from marketplace.web import (
    creator_words,
    operator_imports,
    operator_requests,
    operator_runs,
    operator_webhooks,
)
from marketplace.web import operator_words as words


def stateful() -> list[type[Base]]:
    return [mapper.class_ for mapper in Base.registry.mappers if hasattr(mapper.class_, "MOVES")]


def test_every_status_of_every_thing_has_a_label(app: Flask) -> None:
    # These have no lifecycle; they are causes of postings.
    without = {
        *("brand_repayment", "clawback", "earning_hold", "processor_funding"),
        "rest_payment",
    }
    assert {model.__tablename__ for model in stateful()} | without == set(words.THINGS)
    for model in stateful():
        moves = model.MOVES  # type: ignore[attr-defined]
        assert {status for status, _ in moves} | set(moves.values()) <= set(words.STATUSES)


def test_every_state_of_a_row_that_waits_has_a_label() -> None:
    states = {*operator_webhooks.STATES, *operator_requests.STATES, *operator_runs.STATES}
    assert states | set(operator_imports.OUTCOMES) <= set(words.STATUSES)


def test_every_kind_of_account_posting_request_and_income_has_a_label() -> None:
    assert set(words.ACCOUNT_KINDS) == set(AccountKind)
    assert set(words.VERDICTS) == set(Verdict)
    assert set(words.OPS) == set(Op)
    assert set(words.INCOME_KINDS) == set(EarningKind)
    assert set(words.RHYTHMS) == {*RHYTHMS, SWEEP}
    assert set(words.LIFTS) == set(creator_words.LIFTS) == set(Lift)
    assert set(words.HOLD_REASONS) == set(HoldReason)
    kinds: set[tuple[str, str]] = set()
    for module in (postings, dispute_postings):
        source = Path(str(module.__file__)).read_text()
        kinds |= set(re.findall(r'_move\("(\w+)"|kind = "(\w+)"', source))
    assert {moved or drafted for moved, drafted in kinds} == set(words.POSTINGS)


@pytest.mark.parametrize("reason", Reason)
def test_every_blocker_is_a_sentence_with_and_without_its_values(
    app: Flask, reason: Reason
) -> None:
    bare: dict[str, Any] = {
        "reason": reason.value,
        "on": "time",
        "missing": None,
        "until": None,
        "details": [],
    }
    missing = {"minor": 1, "currency": "USD"}
    until = "2026-11-30T09:00:00+00:00"
    full = {**bare, "missing": missing, "amount": missing, "until": until, "details": ["a", "b"]}
    with app.test_request_context():
        for kept in (bare, full, {**bare, "details": ["a"]}, {**full, "details": []}):
            said = words.blocker(kept)
            assert said.endswith("."), said
            assert "%(" not in said
        assert words.blocker({**bare, "reason": "one of tomorrow"}) == "one of tomorrow"
