"""Acceptance: terms frozen as they are, places and money as hard limits, silence as an answer."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from marketplace import clock, statuses
from marketplace.campaigns import acceptance, ending
from marketplace.campaigns import application as applications
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import Application
from marketplace.campaigns.campaign import Campaign
from marketplace.campaigns.commitments import committed, free, require_free
from marketplace.database.identifier import new_id
from marketplace.earnings.terms import IncomeTerms, Terms
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.notifications.mail import Mail
from marketplace.program import membership
from marketplace.program.membership import ProgramMembership
from tests.agreeing import (
    actor_of,
    ask_for_place,
    hand_in,
    make_agreement,
    new_member,
    work_of,
)
from tests.make import BrandTeam, make_brand, make_campaign
from tests.within import locked, refused, within

__all__ = ["within"]

DAY = timedelta(days=1)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def team() -> BrandTeam:
    return make_brand()


@pytest.fixture
def campaign_id(team: BrandTeam) -> UUID:
    """An open campaign: three places at 100.00 USD."""
    return make_campaign(team, status="open").id


def subjects() -> list[str]:
    return [it.subject for it in db.session.query(Mail).order_by(Mail.id)]


# ---- asking


def test_a_creator_applies_and_the_brand_has_seven_days(campaign_id: UUID, team: BrandTeam) -> None:
    creator = new_member()
    asked = ask_for_place(campaign_id, creator)
    assert asked.status == "submitted"
    assert asked.answer_by == asked.asked_at + 7 * DAY
    assert applications.next_expiry() == asked.answer_by
    (mail,) = db.session.query(Mail)
    assert (mail.to, mail.subject) == (team.user.email, f"{creator.name} applies to Slow mornings")


def test_there_is_one_open_application_or_invitation_per_creator_and_campaign(
    campaign_id: UUID,
) -> None:
    creator = new_member()
    ask_for_place(campaign_id, creator)
    for invited in (False, True):
        with refused(BadInput, match="open application or invitation already"):
            ask_for_place(campaign_id, creator, invited=invited)


def test_the_database_too_keeps_one_open_application_per_creator_and_campaign(
    campaign_id: UUID, owner: psycopg.Connection[Any]
) -> None:
    asked = ask_for_place(campaign_id)
    again = (
        "INSERT INTO application SELECT gen_random_uuid(), campaign_id, creator_id,"
        " gen_random_uuid(), is_invitation, message, verdict, reason, asked_at, answer_by,"
        " status, status_at FROM application WHERE id = %s"
    )
    with pytest.raises(psycopg.errors.UniqueViolation, match="uq_application_open"):
        owner.execute(again, [asked.id])


def test_after_a_decline_a_creator_may_apply_again(campaign_id: UUID) -> None:
    creator = new_member()
    asked = ask_for_place(campaign_id, creator)
    applications.decline(locked(Application, asked.id), "Not this time.", "user:1", clock.now())
    db.session.commit()
    assert asked.reason == "Not this time."
    assert subjects()[-1] == "No place for you in Slow mornings"
    assert ask_for_place(campaign_id, creator).status == "submitted"


def test_who_asked_may_take_it_back_and_then_nobody_can_accept(campaign_id: UUID) -> None:
    asked = ask_for_place(campaign_id)
    applications.withdraw(locked(Application, asked.id), "user:2", clock.now())
    db.session.commit()
    with refused(WrongState, match="withdrawn"):
        acceptance.accept(asked.id, "user:1", clock.now())


@pytest.mark.parametrize("status", ["draft", "awaiting_funds", "closed", "canceled"])
def test_only_an_open_campaign_can_be_applied_to(team: BrandTeam, status: str) -> None:
    campaign = make_campaign(team, status=status)
    creator = new_member()
    with refused(BadInput, match="not open"):
        ask_for_place(campaign.id, creator)


def test_who_has_an_agreement_cannot_apply_again(campaign_id: UUID) -> None:
    creator = new_member()
    make_agreement(campaign_id, creator)
    with refused(BadInput, match="agreement already"):
        ask_for_place(campaign_id, creator)


@pytest.mark.parametrize("invited", [False, True])
def test_seven_days_of_silence_expire_it_and_who_asked_is_told(
    campaign_id: UUID, team: BrandTeam, invited: bool
) -> None:
    creator = new_member()
    asked = ask_for_place(campaign_id, creator, invited=invited)
    assert not applications.expire_due(asked.answer_by - timedelta(seconds=1))
    assert applications.expire_due(asked.answer_by)
    db.session.commit()
    assert (asked.status, asked.reason) == ("expired", "nobody answered within 7 days")
    assert statuses.history(asked)[-1].actor == "system"
    last = db.session.query(Mail).order_by(Mail.id.desc()).limit(1).one()
    what = "invitation" if invited else "application"
    assert last.subject == f"Your {what} to Slow mornings expired"
    assert not applications.expire_due(asked.answer_by)


def test_mail_is_in_the_language_of_whom_it_is_for(campaign_id: UUID, team: BrandTeam) -> None:
    team.user.locale = "fr"
    db.session.commit()
    ask_for_place(campaign_id)
    (mail,) = db.session.query(Mail)
    assert mail.body.startswith("Bonjour ")


# ---- accepting


def test_acceptance_freezes_the_terms_of_that_day(campaign_id: UUID) -> None:
    made = make_agreement(campaign_id)
    assert made.flat_fee == usd(10_000)
    assert made.net == usd(9_000)
    assert made.gross == usd(10_000)
    assert made.terms_of_flat_fee == Terms(1000, 0, fee_on_top=False)
    assert made.brief == "Show the kit in use."
    assert (made.revisions_included, made.review_days) == (2, 3)
    assert work_of(made.id).status == "due"


def test_terms_that_change_later_leave_an_agreement_as_it_is(
    campaign_id: UUID, owner: psycopg.Connection[Any]
) -> None:
    made = make_agreement(campaign_id)
    owner.execute(
        "INSERT INTO income_terms (kind, effective_on, platform_fee_bps, maturity_days)"
        " VALUES ('flat_fee', %s, 2000, 5)",
        [clock.now().date()],
    )
    owner.commit()
    try:
        later = make_agreement(campaign_id)
        assert (made.net, later.net) == (usd(9_000), usd(8_000))
        assert db.session.query(IncomeTerms).filter_by(kind="flat_fee").count() == 2
    finally:
        db.session.rollback()
        owner.execute("DELETE FROM income_terms WHERE platform_fee_bps = 2000")
        owner.commit()


@pytest.mark.parametrize(("days", "within_days"), [(30, 14), (5, 5)])
def test_work_is_due_in_fourteen_days_or_with_the_campaigns_last_day(
    team: BrandTeam, days: int, within_days: int
) -> None:
    campaign = make_campaign(team, status="open", days=days)
    made = make_agreement(campaign.id)
    today = clock.now().date()
    assert made.due_on <= today + timedelta(days=within_days + 1)  # the brand's day may be ahead
    assert made.due_on >= today + timedelta(days=within_days)
    assert isinstance(made.due_on, date)
    due_at = work_of(made.id).due_at
    assert timedelta(0) < due_at - datetime.combine(made.due_on, datetime.min.time(), due_at.tzinfo)


def test_the_creator_accepts_an_invitation(campaign_id: UUID) -> None:
    creator = new_member()
    asked = ask_for_place(campaign_id, creator, invited=True)
    made = acceptance.accept(asked.id, actor_of(creator), clock.now())
    db.session.commit()
    assert (made.creator_id, asked.status) == (creator.id, "accepted")
    assert subjects()[-1] == f"{creator.name} accepted your invitation to Slow mornings"


def test_an_application_is_accepted_once(campaign_id: UUID) -> None:
    made = make_agreement(campaign_id)
    with refused(WrongState, match="accepted"):
        acceptance.accept(made.application_id, "user:1", clock.now())


def test_no_more_agreements_than_places(campaign_id: UUID) -> None:
    for _ in range(3):
        make_agreement(campaign_id)
    fourth = ask_for_place(campaign_id)
    with refused(BadInput, match="Every place of this campaign is taken"):
        acceptance.accept(fourth.id, "user:1", clock.now())


def test_an_agreement_commits_money_and_what_is_free_shrinks(campaign_id: UUID) -> None:
    campaign = db.session.get_one(Campaign, campaign_id)
    assert free(campaign) == usd(30_000)
    made = make_agreement(campaign_id)
    assert (committed(campaign), free(campaign)) == (usd(10_000), usd(20_000))
    hand_in(made.id)
    assert committed(campaign) == usd(10_000)


def test_a_commitment_beyond_the_reserved_money_is_refused_with_what_is_missing(
    campaign_id: UUID,
) -> None:
    make_agreement(campaign_id)
    campaign = db.session.get_one(Campaign, campaign_id)
    require_free(campaign, usd(20_000))
    with refused(BadInput, match=r"add 120\.00 USD"):
        require_free(campaign, usd(32_000))


@pytest.mark.usefixtures("broken_on_purpose")
def test_acceptance_itself_is_refused_with_the_amount_missing(
    campaign_id: UUID, owner: psycopg.Connection[Any]
) -> None:
    asked = ask_for_place(campaign_id)
    owner.execute("UPDATE campaign SET flat_fee_minor = 42000, budget_minor = 126000")
    owner.commit()
    db.session.expire_all()
    with refused(BadInput, match=r"add 120\.00 USD"):
        acceptance.accept(asked.id, "user:1", clock.now())
    assert db.session.query(Agreement).count() == 0


def test_applications_expire_with_their_campaign(campaign_id: UUID) -> None:
    asked = ask_for_place(campaign_id)
    ending.cancel(locked(Campaign, campaign_id), "user:1", "a change of plans", clock.now())
    db.session.commit()
    assert (asked.status, asked.reason) == ("expired", "the campaign is over")


def test_the_database_keeps_one_living_agreement_per_creator_and_campaign(
    campaign_id: UUID,
) -> None:
    made = make_agreement(campaign_id)
    twin = Application(
        id=new_id(),
        campaign_id=campaign_id,
        creator_id=made.creator_id,
        form_key=new_id(),
        is_invitation=False,
        verdict={},
        status="submitted",
        asked_at=clock.now(),
        answer_by=clock.now() + DAY,
    )
    statuses.born(twin, clock.now(), "user:1")
    db.session.flush()
    with pytest.raises(IntegrityError, match="uq_agreement_living"):
        acceptance.accept(twin.id, "user:1", clock.now())
    db.session.rollback()


def test_who_was_suspended_after_applying_gets_no_agreement(campaign_id: UUID) -> None:
    creator = new_member()
    asked = ask_for_place(campaign_id, creator)
    member = membership.of_creator(creator.id)
    assert member is not None
    membership.suspend(locked(ProgramMembership, member.id), "policy", "x", "user:1", clock.now())
    db.session.commit()
    with refused(BadInput, match="Only members"):
        acceptance.accept(asked.id, "user:1", clock.now())


def test_nothing_is_accepted_once_the_time_to_answer_is_over(campaign_id: UUID) -> None:
    asked = ask_for_place(campaign_id)
    with refused(WrongState, match="accept"):
        acceptance.accept(asked.id, "user:1", asked.answer_by)


def test_nothing_is_accepted_once_the_window_is_over(campaign_id: UUID) -> None:
    closes_at = db.session.get_one(Campaign, campaign_id).closes_at
    assert closes_at
    asked = ask_for_place(campaign_id, at=closes_at - timedelta(hours=1))
    with refused(BadInput, match="not open"):
        acceptance.accept(asked.id, "user:1", closes_at)
