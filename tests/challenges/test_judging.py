"""From the last day to the prizes: measured, ranked, shown, appealed, awarded once to the cent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from marketplace import clock
from marketplace.challenges import entry as entries
from marketplace.challenges import judging, sheet
from marketplace.challenges.challenge import Challenge, ChallengeStatus, Kind, RankedBy
from marketplace.challenges.entry import Entry
from marketplace.challenges.sheet import ResultSheet
from marketplace.earnings.earning import Earning
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.money import Money
from tests.challenges.make import (
    act,
    closing,
    judged,
    link_of,
    make_challenge,
    make_entries,
    make_entry,
    member,
    viewed,
)
from tests.make import BrandTeam, make_brand
from tests.within import locked, refused, within

__all__ = ["within"]

DAY = timedelta(days=1)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def team() -> BrandTeam:
    return make_brand()


def prizes(made: Challenge) -> list[int]:
    """The prizes of the version that stands, the first place first."""
    stands = sheet.latest(made)
    assert stands is not None
    return [row.prize_minor for row in sheet.rows(stands)]


def paid(made: Challenge) -> dict[object, int]:
    """What each creator was accrued for it."""
    found = db.session.query(Earning).filter(Earning.source_ref.contains(made.id.hex))
    return {it.creator_id: it.net_minor for it in found}


def free(team: BrandTeam) -> Money:
    return reservation.available(team.brand.ledger_owner, "USD")


def fresh(made: Challenge) -> Challenge:
    db.session.rollback()
    db.session.refresh(made)
    return made


# ---- by scores


def test_a_tie_on_ranks_2_and_3_is_awarded_375_each(team: BrandTeam) -> None:
    """A6, through the books."""
    made = make_challenge(team)
    first, *tied = make_entries(made, 3)
    at = judged(made, [90, 70, 70])
    assert prizes(made) == [100_000, 37_500, 37_500]
    assert paid(made) == {}, "nothing is owed while creators may appeal"
    act(at + timedelta(days=3) - timedelta(seconds=1))
    assert fresh(made).status == ChallengeStatus.PROVISIONAL
    act(at + timedelta(days=3))
    assert fresh(made).status == ChallengeStatus.AWARDED
    assert paid(made) == {first.creator_id: 100_000} | {it.creator_id: 37_500 for it in tied}
    assert reservation.reserved(made.ledger_owner, "USD") == usd(0)


def test_a_three_way_tie_is_awarded_to_the_cent(team: BrandTeam) -> None:
    """A7, through the books."""
    made = make_challenge(team)
    entered = make_entries(made, 3)
    act(judged(made, [80, 80, 80]) + timedelta(days=3))
    assert [paid(made)[it.creator_id] for it in entered] == [58_334, 58_333, 58_333]
    assert sum(paid(made).values()) == 175_000


def test_a_prize_matures_after_seven_days_without_a_platform_fee(team: BrandTeam) -> None:
    made = make_challenge(team)
    make_entry(made)
    at = judged(made, [80]) + timedelta(days=3)
    act(at)
    (earning,) = db.session.query(Earning).filter_by(kind="prize")
    assert (earning.gross_minor, earning.platform_fee_minor) == (100_000, 0)
    assert earning.matures_at == at + timedelta(days=7)


def test_prizes_of_ranks_that_nobody_took_go_back_to_the_brand(team: BrandTeam) -> None:
    made = make_challenge(team)
    make_entry(made)
    act(judged(made, [10]) + timedelta(days=3))
    assert list(paid(made).values()) == [100_000]
    assert free(team) == usd(75_000)


def test_if_no_winner_is_named_in_30_days_the_pool_is_split_equally(team: BrandTeam) -> None:
    """A9, through the books."""
    made = make_challenge(team)
    make_entries(made, 4)
    act(closing(made))
    assert fresh(made).due_at == closing(made) + timedelta(days=30)
    assert made.judge_by == closing(made) + timedelta(days=14)
    act(closing(made) + timedelta(days=30) - timedelta(seconds=1))
    assert fresh(made).status == ChallengeStatus.JUDGING
    act(closing(made) + timedelta(days=30))
    assert fresh(made).status == ChallengeStatus.PROVISIONAL
    act(closing(made) + timedelta(days=33))
    assert list(paid(made).values()) == [43_750] * 4
    assert fresh(made).status == ChallengeStatus.AWARDED


# ---- by views


def test_a_pool_is_shared_by_the_views_of_the_window(team: BrandTeam) -> None:
    """A11, through the books."""
    made = make_challenge(team, kind=Kind.CHALLENGE, pool_minor=1_000_000)
    creators = [member() for _ in range(3)]
    for minute, creator in enumerate(creators):
        make_entry(made, creator, minutes=minute)
    viewed(list(zip(creators, (700, 200, 101), strict=True)))
    act(closing(made))
    assert fresh(made).status == ChallengeStatus.JUDGING, "views may still come in"
    assert made.due_at == closing(made) + timedelta(days=3)
    act(closing(made) + timedelta(days=3))
    assert prizes(made) == [699_301, 199_800, 100_899]
    act(closing(made) + timedelta(days=6))
    assert [paid(made)[it.id] for it in creators] == [699_301, 199_800, 100_899]


def test_views_outside_the_window_do_not_count(team: BrandTeam) -> None:
    made = make_challenge(team, kind=Kind.CHALLENGE)
    creator, other = member(), member()
    make_entry(made, creator)
    make_entry(made, other, minutes=1)
    viewed([(creator, 40), (other, 60)])
    assert made.opens_on is not None
    made.opens_on += DAY  # today is before it
    judging._measure(made)
    assert [it.score for it in entries.entries(made)] == [0, 0]
    db.session.rollback()


def test_a_contest_by_views_is_ranked_by_them(team: BrandTeam) -> None:
    made = make_challenge(team, ranked_by=RankedBy.VIEWS)
    creators = [member() for _ in range(2)]
    for minute, creator in enumerate(creators):
        make_entry(made, creator, minutes=minute)
    viewed(list(zip(creators, (5, 9), strict=True)))
    act(closing(made))
    act(closing(made) + timedelta(days=3))
    act(closing(made) + timedelta(days=6))
    assert [paid(made)[it.id] for it in creators] == [50_000, 100_000]
    assert free(team) == usd(25_000)


# ---- appeals


def test_without_a_disqualified_winner_the_ranks_are_computed_anew_and_kept(
    team: BrandTeam,
) -> None:
    """A10, through the books."""
    made = make_challenge(team)
    winner, second, third, fourth = make_entries(made, 4)
    at = judged(made, [90, 80, 70, 60])
    assert prizes(made) == [100_000, 50_000, 25_000, 0]
    judging.disqualify(
        locked(Challenge, made.id),
        locked(Entry, winner.id),
        "bought views",
        "user:9",
        at + DAY,
        by_operator=True,
    )
    db.session.commit()
    new, old = sheet.versions(made)
    assert (new.version, new.because, old.version) == (2, "bought views", 1)
    assert [(row.entry_id, row.rank) for row in sheet.rows(new)] == [
        (second.id, 1),
        (third.id, 2),
        (fourth.id, 3),
    ]
    assert [row.prize_minor for row in sheet.rows(old)] == [100_000, 50_000, 25_000, 0]
    assert fresh(made).due_at == at + DAY + timedelta(days=3), "a new version, a new appeal"
    act(at + timedelta(days=3))
    assert paid(made) == {}
    act(at + DAY + timedelta(days=3))
    assert paid(made) == {
        second.creator_id: 100_000,
        third.creator_id: 50_000,
        fourth.creator_id: 25_000,
    }


def test_a_reinstated_entry_without_a_score_needs_one_from_the_operator(team: BrandTeam) -> None:
    made = make_challenge(team)
    out, stays = make_entries(made, 2)
    judging.disqualify(made, out, "off topic", "user:1", clock.now())
    db.session.commit()
    act(closing(made))
    entries.score(locked(Challenge, made.id), locked(Entry, stays.id), 60)
    judging.publish(locked(Challenge, made.id), "user:1", closing(made))
    db.session.commit()
    with refused(BadInput) as refusal:
        judging.reinstate(
            locked(Challenge, made.id), locked(Entry, out.id), "on topic", "user:9", clock.now()
        )
    assert "none yet" in refusal.value.fields["score"]
    judging.reinstate(
        locked(Challenge, made.id), locked(Entry, out.id), "on topic", "user:9", clock.now(), 75
    )
    db.session.commit()
    assert prizes(made) == [100_000, 50_000]


def test_if_the_appeals_leave_no_valid_entry_the_money_goes_back(team: BrandTeam) -> None:
    made = make_challenge(team)
    (only,) = make_entries(made, 1)
    at = judged(made, [50])
    judging.disqualify(
        locked(Challenge, made.id), locked(Entry, only.id), "stolen", "user:9", at, by_operator=True
    )
    db.session.commit()
    act(at + timedelta(days=3))
    assert (fresh(made).status, paid(made)) == (ChallengeStatus.CANCELED, {})
    assert free(team) == usd(175_000)


def _all_ruled_out(team: BrandTeam) -> tuple[Challenge, Entry]:
    """A contest whose brand ruled out the only entry just before the end; the empty sheet shows."""
    made = make_challenge(team)
    (only,) = make_entries(made, 1)
    judging.disqualify(made, only, "not good enough", "user:1", closing(made) - DAY)
    db.session.commit()
    act(closing(made))
    assert fresh(made).status == ChallengeStatus.JUDGING, "the brand does not get the pool back yet"
    act(closing(made) + timedelta(days=30))
    assert (fresh(made).status, prizes(made)) == (ChallengeStatus.PROVISIONAL, [])
    return made, only


def test_who_was_ruled_out_may_appeal_before_the_pool_goes_back(team: BrandTeam) -> None:
    made, only = _all_ruled_out(team)
    row, entry = locked(Challenge, made.id), locked(Entry, only.id)
    at = closing(made) + timedelta(days=31)
    judging.reinstate(row, entry, "it is one", "user:9", at)
    db.session.commit()
    act(at + timedelta(days=3))
    assert paid(made) == {only.creator_id: 175_000}


def test_without_an_appeal_the_pool_goes_back_once_that_is_over(team: BrandTeam) -> None:
    made, _ = _all_ruled_out(team)
    assert free(team) == usd(0)
    act(closing(made) + timedelta(days=33))
    assert (fresh(made).status, free(team)) == (ChallengeStatus.CANCELED, usd(175_000))


def test_views_of_a_post_that_turns_out_to_be_somebody_elses_do_not_count(team: BrandTeam) -> None:
    made = make_challenge(team, kind=Kind.CHALLENGE)
    author, thief = member(), member()
    entries.enter(
        locked(Challenge, made.id), thief, link_of(author), actor="user:1", at=clock.now()
    )
    db.session.commit()
    viewed([(author, 9)])
    act(closing(made))
    act(closing(made) + timedelta(days=3))
    assert [it.score for it in entries.entries(made)] == [0]


def test_a_prize_is_owed_on_the_terms_that_were_frozen_at_the_opening(
    team: BrandTeam, owner: psycopg.Connection[Any]
) -> None:
    made = make_challenge(team)
    make_entry(made)
    at = judged(made, [50]) + timedelta(days=3)
    owner.execute(
        "INSERT INTO income_terms (kind, effective_on, platform_fee_bps, maturity_days)"
        " VALUES ('prize', '2020-01-02', 2000, 5)"
    )
    owner.commit()
    try:
        act(at)
        (earning,) = db.session.query(Earning).filter_by(kind="prize")
        assert (earning.platform_fee_minor, earning.net_minor) == (0, 100_000)
        assert earning.matures_at == at + timedelta(days=7)
    finally:
        owner.execute("DELETE FROM income_terms WHERE effective_on = '2020-01-02'")
        owner.commit()


def test_a_shown_sheet_cannot_be_changed_by_the_application(team: BrandTeam) -> None:
    made = make_challenge(team)
    make_entry(made)
    judged(made, [50])
    for statement in (
        "UPDATE result_row SET prize_minor = 1",
        "DELETE FROM result_row",
        "UPDATE result_sheet SET version = 9",
        "DELETE FROM result_sheet",
    ):
        with pytest.raises(Exception, match="permission denied"):
            db.session.execute(db.text(statement))
        db.session.rollback()
    assert db.session.query(ResultSheet).count() == 1


# ---- the award


def test_it_is_not_awarded_while_creators_may_appeal(team: BrandTeam) -> None:
    made = make_challenge(team)
    make_entry(made)
    at = judged(made, [50])
    with refused(BadInput, match="appeal"):
        judging.award(locked(Challenge, made.id), "user:1", at + timedelta(days=2))


def test_it_is_awarded_once(team: BrandTeam) -> None:
    made = make_challenge(team)
    make_entry(made)
    at = judged(made, [50]) + timedelta(days=3)
    judging.award(locked(Challenge, made.id), "user:1", at)
    db.session.commit()
    with refused(WrongState, match="award"):
        judging.award(locked(Challenge, made.id), "user:1", at)
    act(at + timedelta(days=9))
    assert list(paid(made).values()) == [100_000]


@pytest.mark.parametrize("status", ["draft", "awaiting_funds", "open"])
def test_nothing_is_awarded_before_results_are_shown(team: BrandTeam, status: str) -> None:
    made = make_challenge(team, status=status)
    with refused(WrongState, match="award"):
        judging.award(made, "user:1", clock.now())
    with refused(WrongState, match="publish"):
        judging.publish(made, "user:1", clock.now())


def test_the_worker_knows_when_something_falls_due(team: BrandTeam) -> None:
    assert judging.next_due() is None
    make_challenge(team, status="draft")
    made = make_challenge(team)
    make_entry(made)
    assert judging.next_due() == closing(made)
    at = judged(made, [50])
    assert judging.next_due() == at + timedelta(days=3)
    act(at + timedelta(days=3))
    assert judging.next_due() is None
