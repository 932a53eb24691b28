"""The review of a campaign: who decides what, by when, and what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketplace import clock, statuses
from marketplace.campaigns import campaign as campaigns
from marketplace.campaigns import review
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from tests.make import BrandTeam, make_brand, make_campaign
from tests.within import locked, refused, within

__all__ = ["within"]

FRIDAY = datetime(2026, 3, 6, 15, tzinfo=UTC)


@pytest.fixture
def team() -> BrandTeam:
    return make_brand(time_zone="America/New_York")


@pytest.fixture
def campaign(team: BrandTeam) -> Campaign:
    return make_campaign(team, status="in_review")


def test_an_approved_campaign_awaits_funds(campaign: Campaign) -> None:
    review.approve(locked(Campaign, campaign.id), "user:2", clock.now())
    db.session.commit()
    assert campaign.status == CampaignStatus.AWAITING_FUNDS
    assert campaign.closes_at is not None


def test_changes_that_are_asked_for_make_it_a_draft_again(campaign: Campaign) -> None:
    review.request_changes(locked(Campaign, campaign.id), "user:2", "name the kit", clock.now())
    db.session.commit()
    assert campaign.status == CampaignStatus.DRAFT
    assert statuses.history(campaign)[-1].reason == "name the kit"
    campaigns.edit(campaign, brief="Show the Northwind kit.")
    campaigns.submit(campaign, "user:1", clock.now())
    db.session.commit()
    assert campaign.status == CampaignStatus.IN_REVIEW


def test_a_rejected_campaign_is_over(campaign: Campaign) -> None:
    review.reject(locked(Campaign, campaign.id), "user:2", "a lottery", clock.now())
    db.session.commit()
    assert campaign.status == CampaignStatus.REJECTED
    assert not [event for status, event in Campaign.MOVES if status == "rejected"]
    assert not campaigns.end_due(clock.now() + timedelta(days=90))


@pytest.mark.parametrize("decide", [review.request_changes, review.reject])
def test_who_refuses_says_why(campaign: Campaign, decide: object) -> None:
    assert callable(decide)
    with refused(BadInput) as refusal:
        decide(campaign, "user:2", "  ", clock.now())
    assert "reason" in refusal.value.fields


@pytest.mark.parametrize("status", sorted(set(CampaignStatus) - {CampaignStatus.IN_REVIEW}))
def test_only_what_is_in_review_is_decided(team: BrandTeam, status: str) -> None:
    campaign = make_campaign(team, status=status)
    for decide in (review.request_changes, review.reject):
        with refused(WrongState):
            decide(campaign, "user:2", "no", clock.now())
    with refused(WrongState):
        review.approve(campaign, "user:2", clock.now())


def test_an_answer_is_due_in_three_business_days_where_the_brand_is(campaign: Campaign) -> None:
    campaign.status_at = FRIDAY
    waiting = Campaign.WAITS["in_review"]
    assert (waiting.on, waiting.then) == ("operator", "approve")
    assert waiting.due(campaign) == datetime(2026, 3, 11, 14, tzinfo=UTC)
    db.session.rollback()


def test_silence_approves_nothing(campaign: Campaign) -> None:
    assert not campaigns.end_due(clock.now() + timedelta(days=20))
    assert campaign.status == CampaignStatus.IN_REVIEW
