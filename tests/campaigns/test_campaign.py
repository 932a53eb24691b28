"""A campaign: complete before it is submitted, its window in the brand's time zone, its end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from marketplace import clock
from marketplace.campaigns import budget, review
from marketplace.campaigns import campaign as campaigns
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.money import Money
from marketplace.program.rules import Criteria
from tests.make import BrandTeam, make_brand, make_campaign, make_deposit, pay
from tests.within import locked, refused, within

__all__ = ["within"]

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
WHOLE: dict[str, Any] = {
    "brief": "Show the kit in use.",
    "flat_fee_minor": 10_000,
    "places": 3,
    "budget_minor": 30_000,
    "opens_on": date(2026, 3, 2),
    "closes_on": date(2026, 3, 31),
}


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def begin(team: BrandTeam, **values: Any) -> Campaign:
    """A draft with everything it needs, but for what `values` says."""
    campaign = campaigns.draft(
        team.brand, " Slow mornings ", "USD", form_key=new_id(), actor="user:1", at=AT
    )
    campaigns.edit(campaign, **(WHOLE | values))
    db.session.commit()
    return campaign


@pytest.fixture
def team() -> BrandTeam:
    return make_brand(time_zone="America/New_York")


def held(campaign: Campaign) -> Money:
    return reservation.reserved(campaign.ledger_owner, "USD")


def free(team: BrandTeam) -> Money:
    return reservation.available(team.brand.ledger_owner, "USD")


# ---- the draft


def test_a_draft_needs_a_title_alone(team: BrandTeam) -> None:
    campaign = campaigns.draft(
        team.brand, " Slow mornings ", "USD", form_key=new_id(), actor="user:1", at=AT
    )
    db.session.commit()
    assert (campaign.title, campaign.status) == ("Slow mornings", CampaignStatus.DRAFT)
    assert campaign.flat_fee is None
    assert campaign.budget is None
    assert budget.missing(campaign) == usd(0)


def test_a_form_that_is_sent_twice_makes_one_draft(team: BrandTeam) -> None:
    key = new_id()
    campaigns.draft(team.brand, "First", "USD", form_key=key, actor="user:1", at=AT)
    db.session.commit()
    with refused(IntegrityError, match="uq_campaign_form_key"):
        campaigns.draft(team.brand, "Second", "USD", form_key=key, actor="user:1", at=AT)


@pytest.mark.parametrize("status", sorted(set(CampaignStatus) - {CampaignStatus.DRAFT}))
def test_once_submitted_the_terms_stand(team: BrandTeam, status: str) -> None:
    campaign = make_campaign(team, status=status)
    with refused(WrongState, match="edit"):
        campaigns.edit(campaign, flat_fee_minor=1)
    with refused(WrongState, match="edit"):
        campaigns.edit(campaign, criteria=Criteria(min_followers=1))


# ---- submitting


@pytest.mark.parametrize(
    ("values", "field", "why"),
    [
        ({"brief": "  "}, "brief", "say what"),
        ({"flat_fee_minor": None}, "flat_fee", "say what you pay"),
        ({"flat_fee_minor": 0}, "flat_fee", "say what you pay"),
        ({"flat_fee_minor": 0, "commission_bps": 1_000}, "flat_fee", "or leave it empty"),
        ({"places": None}, "places", "how many"),
        ({"budget_minor": None}, "budget", "how much"),
        ({"budget_minor": 29_999}, "budget", "at least 300.00 USD: places × flat fee"),
        ({"opens_on": None}, "opens_on", "first day"),
        ({"closes_on": None}, "closes_on", "last day"),
        ({"closes_on": date(2026, 3, 1)}, "closes_on", "not before the first day"),
        ({"opens_on": date(2026, 2, 1), "closes_on": date(2026, 3, 1)}, "closes_on", "is over"),
        ({"closes_on": date.max}, "closes_on", "ten years"),
        ({"opens_on": date.max, "closes_on": date.max}, "closes_on", "ten years"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_named(
    team: BrandTeam, values: dict[str, Any], field: str, why: str
) -> None:
    campaign = begin(team, **values)
    with refused(BadInput) as refusal:
        campaigns.submit(campaign, "user:1", AT)
    assert list(refusal.value.fields) == [field]
    assert why in refusal.value.fields[field]


def test_everything_that_is_missing_is_named_at_once(team: BrandTeam) -> None:
    campaign = begin(team, **dict.fromkeys(WHOLE, None) | {"brief": ""})
    with refused(BadInput) as refusal:
        campaigns.submit(campaign, "user:1", AT)
    assert set(refusal.value.fields) == {"brief", "flat_fee", "places", "budget"} | {
        "opens_on",
        "closes_on",
    }


def test_a_budget_may_be_more_than_the_places_cost(team: BrandTeam) -> None:
    campaign = begin(team, budget_minor=35_000)
    campaigns.submit(campaign, "user:1", AT)
    db.session.commit()
    review.approve(campaign, "user:2", AT)
    db.session.commit()
    assert budget.missing(campaign) == usd(35_000)


@pytest.mark.parametrize("bps", [100, 1_250, 8_000])
def test_a_commission_may_stand_in_for_the_flat_fee(team: BrandTeam, bps: int) -> None:
    campaign = begin(team, flat_fee_minor=None, commission_bps=bps, budget_minor=1)
    campaigns.submit(campaign, "user:1", AT)
    db.session.commit()
    assert campaign.status == CampaignStatus.IN_REVIEW


def test_the_criteria_are_kept_as_they_were_chosen(team: BrandTeam) -> None:
    wanted = Criteria(min_followers=20_000, min_engagement_bps=250, countries=("FR", "BE"))
    campaign = begin(team, criteria=wanted)
    db.session.refresh(campaign)
    assert campaign.criteria == wanted
    plain = begin(team)
    db.session.refresh(plain)
    assert plain.criteria == Criteria()


def test_a_campaign_is_submitted_once(team: BrandTeam) -> None:
    campaign = begin(team)
    campaigns.submit(campaign, "user:1", AT)
    db.session.commit()
    with refused(WrongState):
        campaigns.submit(campaign, "user:1", AT)


def test_the_database_refuses_an_incomplete_campaign_too(
    team: BrandTeam, owner: psycopg.Connection[Any]
) -> None:
    campaign = make_campaign(team, status="awaiting_funds")
    for change in (
        "brief = ''",
        "budget_minor = 1",
        "budget_minor = NULL",
        "closes_at = NULL",
        "places = 0",
        "places = NULL",
        "flat_fee_minor = NULL",
        "flat_fee_minor = 0, commission_bps = 1000",
        "commission_bps = 99",
        "commission_bps = 8001",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE campaign SET {change} WHERE id = %s", [campaign.id])
        owner.rollback()


# ---- the window


@pytest.mark.parametrize(
    ("time_zone", "closes_on", "ends_at"),
    [
        ("UTC", date(2026, 3, 31), datetime(2026, 4, 1, tzinfo=UTC)),
        ("America/New_York", date(2026, 3, 31), datetime(2026, 4, 1, 4, tzinfo=UTC)),
        ("Asia/Kathmandu", date(2026, 3, 31), datetime(2026, 3, 31, 18, 15, tzinfo=UTC)),
        ("Pacific/Kiritimati", date(2026, 3, 31), datetime(2026, 3, 31, 10, tzinfo=UTC)),
        # The days on which the clocks change: 23 and 25 hours long.
        ("Europe/Paris", date(2026, 3, 29), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("Europe/Paris", date(2026, 10, 25), datetime(2026, 10, 25, 23, tzinfo=UTC)),
        # Here midnight itself is skipped: the day after begins at 01:00.
        ("America/Santiago", date(2026, 9, 5), datetime(2026, 9, 6, 4, tzinfo=UTC)),
        ("Europe/Paris", date(2026, 12, 31), datetime(2026, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_window_ends_with_its_last_day_in_the_brands_time_zone(
    time_zone: str, closes_on: date, ends_at: datetime
) -> None:
    campaign = begin(make_brand(time_zone=time_zone), closes_on=closes_on)
    campaigns.submit(campaign, "user:1", AT)
    db.session.commit()
    db.session.refresh(campaign)
    assert campaign.closes_at == ends_at
    assert campaigns.next_end() == ends_at

    assert not campaigns.end_due(ends_at - timedelta(microseconds=1))
    assert campaigns.end_due(ends_at)
    db.session.commit()
    assert campaign.status == CampaignStatus.CANCELED
    assert campaigns.next_end() is None


def test_the_last_day_may_be_today_until_it_is_over(team: BrandTeam) -> None:
    last = datetime(2026, 3, 3, 4, 59, 59, tzinfo=UTC)  # 2 March, 23:59:59 in New York
    campaign = begin(team, closes_on=date(2026, 3, 2))
    with refused(BadInput, match="not complete"):
        campaigns.submit(campaign, "user:1", last + timedelta(seconds=1))
    campaigns.submit(campaign, "user:1", last)
    db.session.commit()
    assert campaign.status == CampaignStatus.IN_REVIEW


def test_an_open_campaign_is_closed_at_its_end_and_gives_back_what_is_left(team: BrandTeam) -> None:
    campaign = make_campaign(team, status="open", days=10)
    assert (held(campaign), free(team)) == (usd(30_000), usd(0))

    assert campaigns.end_due(clock.now() + timedelta(days=12))
    db.session.commit()

    assert campaign.status == CampaignStatus.CLOSED
    assert (held(campaign), free(team)) == (usd(0), usd(30_000))


@pytest.mark.parametrize("status", ["in_review", "awaiting_funds"])
def test_a_campaign_that_was_never_opened_is_canceled_at_its_end(
    team: BrandTeam, status: str
) -> None:
    campaign = make_campaign(team, status=status, days=10)
    assert campaigns.end_due(clock.now() + timedelta(days=12))
    db.session.commit()
    assert campaign.status == CampaignStatus.CANCELED


def test_windows_end_one_by_one_the_earliest_first_and_drafts_never(team: BrandTeam) -> None:
    later, sooner = (make_campaign(team, status="awaiting_funds", days=days) for days in (9, 3))
    draft = make_campaign(team, days=1)
    at = clock.now() + timedelta(days=20)
    assert campaigns.end_due(at)
    db.session.commit()
    assert (sooner.status, later.status) == ("canceled", "awaiting_funds")
    assert campaigns.end_due(at)
    db.session.commit()
    assert not campaigns.end_due(at)
    assert draft.status == CampaignStatus.DRAFT


# ---- calling it off


@pytest.mark.parametrize("status", ["draft", "in_review", "awaiting_funds", "open"])
def test_a_canceled_campaign_gives_its_money_back(team: BrandTeam, status: str) -> None:
    campaign = make_campaign(team, status=status)
    before = held(campaign)
    db.session.rollback()
    back = campaigns.cancel(locked(Campaign, campaign.id), "user:1", "no longer wanted", AT)
    db.session.commit()
    assert (held(campaign), free(team)) == (usd(0), before)
    assert back == before == (usd(30_000) if status == "open" else usd(0))


@pytest.mark.parametrize("status", ["closed", "canceled", "rejected"])
def test_what_is_over_cannot_be_ended_again(team: BrandTeam, status: str) -> None:
    campaign = make_campaign(team, status=status)
    with refused(WrongState):
        campaigns.cancel(campaign, "user:1", "again", AT)
    with refused(WrongState):
        campaigns.close(campaign, AT)


def test_a_part_payment_is_given_back_as_well(team: BrandTeam) -> None:
    campaign = make_campaign(team, status="awaiting_funds")
    pay(make_deposit(team, campaign, usd(12_000)))
    assert held(campaign) == usd(12_000)
    campaigns.cancel(campaign, "user:1", "too dear", clock.now())
    db.session.commit()
    assert (held(campaign), free(team)) == (usd(0), usd(12_000))
