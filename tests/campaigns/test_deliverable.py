"""Work: submitted by link, revised twice at most, approved by the brand or by its silence; paid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from marketplace import clock, statuses
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns import ending
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.campaign import Campaign
from marketplace.campaigns.commitments import committed
from marketplace.campaigns.deliverable import Deliverable
from marketplace.earnings.earning import Earning
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from tests.agreeing import LINK, actor_of, hand_in, make_agreement, work_of
from tests.make import BrandTeam, make_brand, make_campaign
from tests.within import locked, refused, within

__all__ = ["within"]

DAY = timedelta(days=1)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def team() -> BrandTeam:
    return make_brand(time_zone="America/New_York")


@pytest.fixture
def campaign_id(team: BrandTeam) -> UUID:
    """An open campaign: three places at 100.00 USD."""
    return make_campaign(team, status="open").id


def held(campaign_id: UUID) -> Money:
    campaign = db.session.get_one(Campaign, campaign_id)
    return reservation.reserved(campaign.ledger_owner, "USD")


def free(team: BrandTeam) -> Money:
    return reservation.available(team.brand.ledger_owner, "USD")


def earnings() -> list[Earning]:
    return list(db.session.query(Earning))


# ---- review


def test_submitted_work_waits_for_the_brand_for_three_business_days(
    campaign_id: UUID, team: BrandTeam
) -> None:
    made = make_agreement(campaign_id)
    friday = datetime(2030, 3, 1, 20, tzinfo=UTC)  # 15:00 in New York
    work = hand_in(made.id, friday)
    assert work.status == "submitted"
    assert work.review_by == datetime(2030, 3, 6, 20, tzinfo=UTC)  # Wednesday, 15:00 there
    assert deliverables.next_silence() == work.review_by
    (row,) = deliverables.submissions(work.id)
    assert (row.number, row.link, row.note) == (1, LINK, "Here it is.")
    last = db.session.query(Mail).order_by(Mail.id.desc()).limit(1).one()
    assert last.to == team.user.email
    assert "submitted work for Slow mornings" in last.subject


def test_approval_pays_the_flat_fee_less_the_platform_fee_from_reserved_money(
    campaign_id: UUID,
) -> None:
    made = make_agreement(campaign_id, work="submitted")
    work = work_of(made.id)
    earning = deliverables.approve(work.id, "user:1", clock.now())
    db.session.commit()
    assert earning is not None
    assert (earning.kind, earning.source_ref) == ("flat_fee", f"deliverable:{work.id.hex}")
    assert (earning.gross_minor, earning.platform_fee_minor, earning.net_minor) == (
        *(10_000, 1_000),
        9_000,
    )
    assert earning.matures_at == earning.accrued_at
    assert held(campaign_id) == usd(20_000)
    assert (work.status, made.status) == ("approved", "fulfilled")
    assert committed(db.session.get_one(Campaign, campaign_id)) == usd(0)


def test_work_is_approved_once(campaign_id: UUID) -> None:
    made = make_agreement(campaign_id, work="approved")
    with refused(WrongState, match="approved"):
        deliverables.approve(work_of(made.id).id, "user:1", clock.now())
    assert len(earnings()) == 1


def test_silence_for_three_business_days_approves(campaign_id: UUID) -> None:
    made = make_agreement(campaign_id, work="submitted")
    work = work_of(made.id)
    due = work.review_by
    assert due is not None
    assert not deliverables.approve_due(due - timedelta(microseconds=1))
    assert deliverables.approve_due(due)
    db.session.commit()
    assert not deliverables.approve_due(due)
    last = statuses.history(work)[-1]
    assert (last.event, last.actor) == ("approve", "system")
    assert last.reason == "the brand was silent for three business days"
    assert [it.net_minor for it in earnings()] == [9_000]


def test_two_revisions_are_included_and_a_third_is_refused(campaign_id: UUID) -> None:
    made = make_agreement(campaign_id, work="submitted")
    work_id = work_of(made.id).id
    for round_ in (1, 2):
        deliverables.request_revision(work_id, f"Closer, please: {round_}", "user:1", clock.now())
        db.session.commit()
        assert work_of(made.id).status == "revision_due"
        assert hand_in(made.id, link=f"{LINK}?v={round_}").revisions == round_
    with refused(BadInput, match="The 2 revisions that are included are used up"):
        deliverables.request_revision(work_id, "Once more", "user:1", clock.now())
    assert [it.number for it in deliverables.submissions(work_id)] == [1, 2, 3]
    deliverables.approve(work_id, "user:1", clock.now())
    db.session.commit()
    assert len(earnings()) == 1


def test_a_revision_is_due_in_three_days_at_the_earliest_with_the_work(campaign_id: UUID) -> None:
    made = make_agreement(campaign_id, work="submitted")
    work = work_of(made.id)
    first = work.due_at
    deliverables.request_revision(work.id, "Closer.", "user:1", clock.now())
    db.session.commit()
    assert work.due_at == first
    assert work.review_by is None
    hand_in(made.id)
    late = first + DAY
    deliverables.request_revision(work.id, "Closer still.", "user:1", late)
    db.session.commit()
    assert work.due_at == late + 3 * DAY


@pytest.mark.parametrize("stand", ["due", "revision_due", "approved"])
def test_only_submitted_work_can_be_answered(campaign_id: UUID, stand: str) -> None:
    made = make_agreement(campaign_id, work=stand)
    work = work_of(made.id)
    with refused(WrongState):
        deliverables.request_revision(work.id, "Closer.", "user:1", clock.now())
    if stand != "approved":
        with refused(WrongState):
            deliverables.approve(work.id, "user:1", clock.now())


def test_work_that_lies_with_the_brand_cannot_be_submitted_again(campaign_id: UUID) -> None:
    made = make_agreement(campaign_id, work="submitted")
    with refused(WrongState):
        hand_in(made.id)


def test_late_work_is_taken_as_long_as_nobody_gave_it_up(campaign_id: UUID) -> None:
    made = make_agreement(campaign_id)
    work = work_of(made.id)
    late = work.due_at + 10 * DAY
    assert work.is_overdue(late)
    assert hand_in(made.id, late).status == "submitted"
    assert not work.is_overdue(late)


# ---- giving up


def test_a_brand_may_give_up_work_that_is_three_days_late(
    campaign_id: UUID, team: BrandTeam
) -> None:
    made = make_agreement(campaign_id)
    work = work_of(made.id)
    with refused(BadInput, match="three days late"):
        ending.give_up(work.id, "user:1", work.ends_at - timedelta(seconds=1))
    assert ending.give_up(work.id, "user:1", work.ends_at) == usd(0)
    db.session.commit()
    assert (work.status, made.status) == ("canceled", "canceled")
    campaign = db.session.get_one(Campaign, campaign_id)
    assert (held(campaign_id), committed(campaign)) == (usd(30_000), usd(0))
    assert free(team) == usd(0)


def test_submitted_work_cannot_be_given_up(campaign_id: UUID) -> None:
    made = make_agreement(campaign_id, work="submitted")
    with refused(WrongState):
        ending.give_up(work_of(made.id).id, "user:1", clock.now() + 90 * DAY)


def test_a_place_that_was_given_up_can_be_taken_by_somebody_else(team: BrandTeam) -> None:
    campaign = make_campaign(team, status="open", places=1)
    work = work_of(make_agreement(campaign.id).id)
    ending.give_up(work.id, "user:1", work.ends_at)
    db.session.commit()
    assert make_agreement(campaign.id).status == "active"


# ---- the end of a campaign


def test_canceling_a_campaign_never_takes_the_money_of_submitted_work(
    campaign_id: UUID, team: BrandTeam
) -> None:
    made = {
        work: make_agreement(campaign_id, work=work) for work in ("approved", "submitted", "due")
    }
    back = ending.cancel(locked(Campaign, campaign_id), "user:1", "a change of plans", clock.now())
    db.session.commit()
    assert back == usd(10_000)
    assert (held(campaign_id), free(team)) == (usd(10_000), usd(10_000))
    stands = {work: db.session.get_one(Agreement, it.id).status for work, it in made.items()}
    assert stands == {"approved": "fulfilled", "submitted": "active", "due": "canceled"}

    deliverables.approve(work_of(made["submitted"].id).id, "user:1", clock.now())
    db.session.commit()
    assert (held(campaign_id), free(team)) == (usd(0), usd(10_000))
    assert [it.net_minor for it in earnings()] == [9_000, 9_000]


def test_work_in_revision_keeps_its_money_when_the_campaign_is_canceled(
    campaign_id: UUID, team: BrandTeam
) -> None:
    made = make_agreement(campaign_id, work="revision_due")
    ending.cancel(locked(Campaign, campaign_id), "user:1", "a change of plans", clock.now())
    db.session.commit()
    assert (held(campaign_id), free(team)) == (usd(10_000), usd(20_000))
    assert hand_in(made.id).status == "submitted"


def test_when_the_window_ends_work_may_come_until_its_own_day(team: BrandTeam) -> None:
    campaign = make_campaign(team, status="open", days=30)
    made = make_agreement(campaign.id, at=clock.now())
    assert campaign.closes_at
    ending.close(locked(Campaign, campaign.id), campaign.closes_at)
    db.session.commit()
    assert (held(campaign.id), free(team)) == (usd(10_000), usd(20_000))

    work = hand_in(made.id, campaign.closes_at + DAY)
    assert work.review_by is not None
    assert deliverables.approve_due(work.review_by)
    db.session.commit()
    assert (held(campaign.id), free(team)) == (usd(0), usd(20_000))
    assert len(earnings()) == 1


def test_what_never_comes_to_a_closed_campaign_goes_back_to_the_brand(team: BrandTeam) -> None:
    campaign = make_campaign(team, status="open", days=30)
    made = [make_agreement(campaign.id) for _ in range(2)]
    ending.close(locked(Campaign, campaign.id), clock.now())
    db.session.commit()
    ends_at = work_of(made[0].id).ends_at
    assert ending.next_give_up() == ends_at
    assert not ending.give_up_due(ends_at - timedelta(seconds=1))
    for left in (10_000, 0):
        assert ending.give_up_due(ends_at)
        db.session.commit()
        assert (held(campaign.id), free(team)) == (usd(left), usd(30_000 - left))
    assert not ending.give_up_due(ends_at)
    assert ending.next_give_up() is None
    assert {it.status for it in db.session.query(Deliverable)} == {"canceled"}


def test_time_does_not_give_up_work_of_an_open_campaign(campaign_id: UUID) -> None:
    make_agreement(campaign_id)
    assert not ending.give_up_due(clock.now() + 90 * DAY)
    assert ending.next_give_up() is None


def test_who_lost_an_agreement_is_told_why(campaign_id: UUID) -> None:
    made = make_agreement(campaign_id)
    ending.cancel(locked(Campaign, campaign_id), "user:1", "a change of plans", clock.now())
    db.session.commit()
    last = db.session.query(Mail).order_by(Mail.id.desc()).limit(1).one()
    assert last.subject == "Your agreement on Slow mornings is over"
    assert "the campaign was called off" in last.body
    assert statuses.history(made)[-1].reason == "the campaign was called off"
    assert actor_of(made.creator).startswith("user:")
