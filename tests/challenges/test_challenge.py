"""A challenge or contest: complete once funded, its rules frozen, its money back in time."""

from __future__ import annotations

import json
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from marketplace import clock
from marketplace.challenges import challenge as challenges
from marketplace.challenges import judging, pool
from marketplace.challenges.challenge import Challenge, ChallengeStatus, Kind, RankedBy
from marketplace.errors import BadInput, InsufficientFunds, WrongState
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.money import Money
from tests.challenges.make import act, closing, fund, make_challenge, make_entry
from tests.make import BrandTeam, make_brand, make_campaign
from tests.within import locked, refused, within

__all__ = ["within"]

Owner = psycopg.Connection[Any]


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def team() -> BrandTeam:
    return make_brand(time_zone="America/New_York")


def held(made: Challenge) -> Money:
    return reservation.reserved(made.ledger_owner, "USD")


def free(team: BrandTeam) -> Money:
    return reservation.available(team.brand.ledger_owner, "USD")


# ---- filling it in


@pytest.mark.parametrize(
    ("values", "field", "why"),
    [
        ({"brief": " "}, "brief", "should make"),
        ({"prizes_minor": []}, "prizes", "each rank"),
        ({"prizes_minor": [5_000, 6_000]}, "prizes", "larger than the one above"),
        ({"prizes_minor": [5_000, 0]}, "prizes", "above zero"),
        ({"prizes_minor": [5_000] * 101}, "prizes", "1 to 100"),
        ({"kind": Kind.CHALLENGE, "pool_minor": None}, "pool", "how much"),
        ({"opens_on": None}, "opens_on", "first day"),
        ({"closes_on": None}, "closes_on", "last day"),
        ({"closes_on": date(2020, 1, 1)}, "closes_on", "not before"),
        ({"opens_on": date(2020, 1, 1), "closes_on": date(2020, 1, 2)}, "closes_on", "is over"),
        ({"closes_on": date.max}, "closes_on", "ten years"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_named(
    team: BrandTeam, values: dict[str, Any], field: str, why: str
) -> None:
    made = make_challenge(team, status="draft")
    challenges.edit(made, **values)
    db.session.commit()
    with refused(BadInput) as refusal:
        challenges.submit(made, "user:1", clock.now())
    assert why in refusal.value.fields[field]


def test_a_contest_costs_the_sum_of_its_prizes(team: BrandTeam) -> None:
    made = make_challenge(team, status="draft", pool_minor=5)
    assert made.pool == usd(175_000)


def test_a_challenge_goes_by_views_and_has_no_table(team: BrandTeam) -> None:
    made = make_challenge(team, status="draft", kind=Kind.CHALLENGE, ranked_by=RankedBy.SCORES)
    assert (made.ranked_by, made.prizes, made.pool) == ("views", [], usd(175_000))


@pytest.mark.parametrize("status", ["awaiting_funds", "open"])
def test_once_submitted_nothing_can_be_changed(team: BrandTeam, status: str) -> None:
    made = make_challenge(team, status=status)
    with refused(WrongState, match="edit"):
        challenges.edit(made, prizes_minor=[1])


# ---- the rules


def test_the_rules_are_frozen_and_hashed_when_it_opens(team: BrandTeam) -> None:
    made = make_challenge(team, status="awaiting_funds", criteria={"min_followers": 20_000})
    assert made.rules is None
    fund(team, made)
    db.session.refresh(made)
    assert made.rules is not None
    assert made.rules_sha256 == sha256(made.rules.encode()).hexdigest()
    said = json.loads(made.rules)
    assert said["prizes"] == ["1000.00 USD", "500.00 USD", "250.00 USD"]
    assert said["pool_minor"] == 175_000
    assert said["entrants"] == {"program_members_only": True, "min_followers": 20_000}
    assert (said["platform_fee_bps"], said["maturity_days"]) == (0, 7)
    assert said["first_day"] == str(made.opens_on)
    assert "30 days" in said["no_winner_named"]


def test_the_rules_of_a_shared_pool_say_nothing_of_ranks_or_winners(team: BrandTeam) -> None:
    made = make_challenge(team, kind=Kind.CHALLENGE, ranked_by=RankedBy.VIEWS)
    assert made.rules is not None
    assert not {"ties", "no_winner_named"} & json.loads(made.rules).keys()


@pytest.mark.parametrize("status", ["draft", "open"])
def test_only_one_that_awaits_funds_is_funded_from_the_balance(
    team: BrandTeam, status: str
) -> None:
    made = make_challenge(team, status=status)
    with refused(WrongState, match="fund"):
        pool.fund_from_balance(made, "user:1", clock.now())


@pytest.mark.usefixtures("broken_on_purpose")
def test_the_database_refuses_an_open_one_without_rules_or_prizes(
    team: BrandTeam, owner: Owner
) -> None:
    made = make_challenge(team)
    nulls = [
        *("rules", "rules_sha256", "platform_fee_bps", "maturity_days", "due_at"),
        *("pool_minor", "opens_on", "closes_on", "closes_at"),
    ]
    changes = ["prizes_minor = '{}'", "pool_minor = 0", *(f"{it} = NULL" for it in nulls)]
    for change in changes:
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE challenge SET {change} WHERE id = %s", [made.id])
        owner.rollback()


# ---- money


def test_it_opens_once_the_whole_pool_is_paid_in(team: BrandTeam) -> None:
    made = make_challenge(team, status="awaiting_funds")
    assert pool.missing(made) == usd(175_000)
    fund(team, made)
    db.session.refresh(made)
    assert (made.status, held(made), free(team)) == (ChallengeStatus.OPEN, usd(175_000), usd(0))


def test_it_is_funded_from_the_balance_if_that_covers_it(team: BrandTeam) -> None:
    make_campaign(team, status="closed", flat_fee_minor=60_000)  # 1,800.00 came back
    made = make_challenge(team, status="awaiting_funds")
    pool.fund_from_balance(made, "user:1", clock.now())
    db.session.commit()
    assert (made.status, held(made), free(team)) == ("open", usd(175_000), usd(5_000))


def test_a_balance_that_does_not_cover_it_opens_nothing(team: BrandTeam) -> None:
    made = make_challenge(team, status="awaiting_funds")
    with refused(InsufficientFunds):
        pool.fund_from_balance(made, "user:1", clock.now())


def test_one_checkout_at_a_time(team: BrandTeam) -> None:
    made = make_challenge(team, status="awaiting_funds")
    payer: dict[str, Any] = {"payer_id": team.user.id, "payer_email": "a@b.example"}
    payer |= {"site_url": "http://a.example", "at": clock.now()}
    pool.top_up(made, form_key=made.id, **payer)
    db.session.commit()
    with refused(BadInput, match="open already"):
        pool.top_up(made, form_key=team.brand.id, **payer)


# ---- calling it off


@pytest.mark.parametrize("status", ["draft", "awaiting_funds", "open"])
def test_while_nobody_has_entered_it_can_be_called_off_and_the_money_is_back(
    team: BrandTeam, status: str
) -> None:
    made = make_challenge(team, status=status)
    before = held(made)
    assert judging.cancel(made, "user:1", "a change of plans", clock.now()) == before
    db.session.commit()
    assert (made.status, held(made), free(team)) == ("canceled", usd(0), before)


def test_once_somebody_has_entered_it_cannot_be_called_off(team: BrandTeam) -> None:
    made = make_challenge(team)
    entry = make_entry(made)
    with refused(WrongState, match="cancel"):
        judging.cancel(locked(Challenge, made.id), "user:1", "too dear", clock.now())
    # Nor by ruling the entry out first.
    judging.disqualify(locked(Challenge, made.id), entry, "off topic", "user:1", clock.now())
    db.session.commit()
    with refused(WrongState, match="cancel"):
        judging.cancel(locked(Challenge, made.id), "user:1", "too dear", clock.now())


def test_one_that_is_not_funded_in_time_is_canceled(team: BrandTeam) -> None:
    made = make_challenge(team, status="awaiting_funds")
    act(closing(made) - timedelta(seconds=1))
    assert made.status == "awaiting_funds"
    act(closing(made))
    db.session.refresh(made)
    assert made.status == ChallengeStatus.CANCELED


def test_if_nobody_entered_the_money_is_back_at_the_close(team: BrandTeam) -> None:
    made = make_challenge(team)
    act(closing(made))
    db.session.refresh(made)
    assert (made.status, held(made), free(team)) == ("canceled", usd(0), usd(175_000))
