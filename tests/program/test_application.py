"""Applying to the program: judged at once, decided by an operator, with what was known kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask

from marketplace import business_days, clock, statuses
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.metrics.facts import facts_of
from marketplace.parties.creator import Creator
from marketplace.program import application as applications
from marketplace.program import eligible, membership
from marketplace.program.application import ProgramApplication
from marketplace.program.membership import ProgramMembership
from marketplace.program.rules import Criteria
from tests.make import (
    ADULT,
    import_days,
    make_application,
    make_creator,
    make_member,
    measure,
)
from tests.within import at_once, locked, refusals, within

__all__ = ["within"]


def apply(
    creator: Creator, born_on: date = ADULT, at: datetime | None = None
) -> ProgramApplication:
    made = applications.apply(
        locked(Creator, creator.id),
        born_on,
        "FR",
        form_key=new_id(),
        actor="user:1",
        at=at or clock.now(),
    )
    db.session.commit()
    return made


def test_an_application_keeps_what_was_known_what_the_rules_said_and_their_version() -> None:
    creator = make_creator().creator
    application = make_application(creator, followers=12_000)
    assert application.facts_then.followers == 12_000
    assert application.verdict_then.eligible
    assert application.rules_version == 1
    assert application.due_at > application.created_at
    measure(creator, followers=99_000)
    assert application.facts_then.followers == 12_000, "a snapshot does not move"


def test_who_misses_a_rule_is_refused_at_once_and_nothing_is_kept() -> None:
    creator = make_creator().creator
    measure(creator, followers=9_999)
    with pytest.raises(BadInput, match="still missing"):
        apply(creator)
    db.session.rollback()
    assert applications.latest(creator.id) is None
    assert facts_of(creator.id, clock.now()).age_years is None


def test_who_is_under_age_is_told_so_beside_the_date_of_birth_and_it_is_not_kept() -> None:
    creator = make_creator().creator
    measure(creator)
    today = clock.now().date()
    with pytest.raises(BadInput) as refusal:
        apply(creator, today - timedelta(days=17 * 365))
    db.session.rollback()
    assert "18 or older" in refusal.value.fields["born_on"]
    assert facts_of(creator.id, clock.now()).age_years is None
    for nonsense in (today + timedelta(days=1), date(1801, 1, 1)):
        with pytest.raises(BadInput, match="born_on"):
            apply(creator, nonsense)
        db.session.rollback()


def test_an_approved_creator_is_a_member_and_counts_as_one() -> None:
    creator = make_creator().creator
    assert not membership.is_member(creator.id)
    make_member(creator)
    assert membership.is_member(creator.id)
    assert eligible.count(Criteria(min_followers=10_000)) == 1
    assert eligible.count(Criteria(min_followers=1_000_000)) == 0
    with pytest.raises(WrongState):
        apply(creator)


def test_somebody_who_is_no_member_counts_for_no_criteria() -> None:
    measure(make_creator().creator)
    assert eligible.count(Criteria()) == 0


def test_nobody_is_taken_in_whose_facts_do_not_meet_the_rules_any_more() -> None:
    creator = make_creator("ines").creator
    application = make_application(creator)
    yesterday = clock.now().date() - timedelta(days=1)
    import_days([f"ines,tiktok,ines,{yesterday},25000,90000,90000,5"])
    with pytest.raises(BadInput, match="not met any more"):
        applications.approve(locked(ProgramApplication, application.id), "user:1", clock.now())
    db.session.rollback()
    assert not membership.is_member(creator.id)
    assert locked(ProgramApplication, application.id).status == "submitted"


REAPPLY = {"in_30_days": timedelta(days=30), "at_once": timedelta(0), "never": None}


@pytest.mark.parametrize("choice", REAPPLY)
def test_a_rejection_has_a_reason_and_says_from_when_on_to_apply_again(choice: str) -> None:
    creator = make_creator().creator
    application = locked(ProgramApplication, make_application(creator).id)
    at = clock.now()
    applications.reject(application, "content", "Only reposts.", choice, "user:1", at)
    db.session.commit()
    waits = REAPPLY[choice]
    assert application.reapply_at == (None if waits is None else at + waits)
    assert application.facts_decided == application.facts_then
    if waits:
        with pytest.raises(WrongState):
            apply(creator, at=at + waits - timedelta(seconds=1))
        db.session.rollback()
    if waits is None:
        with pytest.raises(WrongState):
            apply(creator, at=at + timedelta(days=400))
        return
    again = apply(creator, at=at + waits)
    assert again.status == "submitted"
    assert again.id != application.id


def test_a_reason_that_is_not_on_the_list_is_refused() -> None:
    application = make_application(make_creator().creator)
    for reason, choice in (("because", "never"), ("content", "someday")):
        with pytest.raises(BadInput):
            applications.reject(
                locked(ProgramApplication, application.id), reason, "", choice, "u", clock.now()
            )
        db.session.rollback()


def test_who_waits_for_an_answer_does_not_apply_twice_not_even_at_one_moment(app: Flask) -> None:
    creator = make_creator().creator
    measure(creator)
    id = creator.id
    results = at_once(app, *[lambda: apply(locked(Creator, id))] * 4)
    assert len(refusals(results)) == 3
    assert db.session.query(ProgramApplication).count() == 1


def test_one_application_is_decided_once(app: Flask) -> None:
    id = make_application(make_creator().creator).id

    def approve() -> None:
        applications.approve(locked(ProgramApplication, id), "user:1", clock.now())

    def reject() -> None:
        application = locked(ProgramApplication, id)
        applications.reject(application, "other", "", "never", "user:2", clock.now())

    results = at_once(app, approve, reject, approve, reject)
    assert len(refusals(results)) == 3
    assert len(statuses.history(db.session.get_one(ProgramApplication, id))) == 2


def test_a_suspended_member_is_none_until_it_is_lifted_and_never_applies_anew() -> None:
    creator = make_creator().creator
    member = locked(ProgramMembership, make_member(creator).id)
    membership.suspend(member, "policy", "Undisclosed ads.", "user:1", clock.now())
    db.session.commit()
    assert not membership.is_member(creator.id)
    assert facts_of(creator.id, clock.now()).standing == "suspended"
    assert eligible.count(Criteria()) == 0
    with pytest.raises(WrongState):
        apply(creator)
    db.session.rollback()
    membership.lift(locked(ProgramMembership, member.id), "user:1", "Fixed.", clock.now())
    db.session.commit()
    assert membership.is_member(creator.id)
    assert [move.event for move in statuses.history(member)] == ["create", "suspend", "lift"]


def test_a_suspension_needs_a_reason_of_the_list() -> None:
    member = make_member(make_creator().creator)
    with pytest.raises(BadInput):
        membership.suspend(locked(ProgramMembership, member.id), "", "", "u", clock.now())
    db.session.rollback()


FRIDAY = datetime(2026, 11, 20, 15, tzinfo=UTC)
BUSINESS_DAYS = {
    "from Monday": (FRIDAY - timedelta(days=4), FRIDAY - timedelta(days=1)),
    "over a weekend": (FRIDAY, FRIDAY + timedelta(days=5)),
    "from a Sunday": (FRIDAY + timedelta(days=2), FRIDAY + timedelta(days=5)),
}


@pytest.mark.parametrize("case", BUSINESS_DAYS)
def test_three_business_days_leave_out_the_weekend(case: str) -> None:
    at, due = BUSINESS_DAYS[case]
    assert business_days.after(at, 3, "UTC") == due


def test_business_days_are_those_of_a_place_over_its_change_of_hour() -> None:
    # In Paris the clocks go back on Sunday, 25 October: noon stays noon there.
    friday_noon = datetime(2026, 10, 23, 10, tzinfo=UTC)
    assert business_days.after(friday_noon, 1, "Europe/Paris") == datetime(
        2026, 10, 26, 11, tzinfo=UTC
    )
    # Late on Friday in UTC it is Saturday in Auckland.
    late = datetime(2026, 11, 20, 23, tzinfo=UTC)
    assert business_days.after(late, 1, "Pacific/Auckland") == late + timedelta(days=2)
