"""Entries: by eligible members, one each, one per post; disqualified with a reason, reinstated."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import inspect

from marketplace import clock
from marketplace.challenges import entry as entries
from marketplace.challenges import judging
from marketplace.challenges.challenge import Challenge, Kind
from marketplace.challenges.entry import Entry, EntryStatus
from marketplace.database.lock import lock
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.parties import closing as closings
from marketplace.parties.creator import Creator
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
from tests.make import BrandTeam, make_brand, make_creator
from tests.within import at_once, locked, refused, within

__all__ = ["within"]


@pytest.fixture
def team() -> BrandTeam:
    return make_brand()


def enter(made: Challenge, creator: Creator, link: str | None = None) -> Entry:
    entry = entries.enter(
        locked(Challenge, made.id),
        creator,
        link or link_of(creator),
        actor="user:1",
        at=clock.now(),
    )
    db.session.commit()
    return entry


# ---- who may enter


def test_a_creator_whose_account_closes_enters_nothing_more(team: BrandTeam) -> None:
    made, creator = make_challenge(team), member()
    closings.begin(creator.id, "asked for", "user:1", clock.now())
    db.session.commit()
    with refused(BadInput, "closing"):
        enter(made, creator)


def test_a_member_who_meets_the_rules_enters_and_counts_at_once(team: BrandTeam) -> None:
    made = make_challenge(team, criteria={"min_followers": 20_000})
    entry = enter(made, member())
    assert (entry.status, entry.score) == (EntryStatus.VALID, None)
    assert entry.verdict == [
        {"rule": "followers", "required": 20_000, "actual": 25_000, "missing": None, "met": True}
    ]


def test_who_is_not_in_the_program_cannot_enter(team: BrandTeam) -> None:
    made, stranger = make_challenge(team), make_creator().creator
    assert not entries.standing(made, stranger.id, clock.now()).member
    with refused(BadInput, match="what is missing"):
        enter(made, stranger)


def test_who_misses_a_rule_reads_which_and_by_how_much(team: BrandTeam) -> None:
    made, creator = make_challenge(team, criteria={"min_followers": 30_000}), member()
    stands = entries.standing(made, creator.id, clock.now())
    (missed,) = stands.verdict.missed
    assert (stands.member, missed.rule, missed.missing) == (True, "followers", 5_000)
    with refused(BadInput, match="what is missing"):
        enter(made, creator)


def test_one_entry_counts_per_creator(team: BrandTeam) -> None:
    made, creator = make_challenge(team), member()
    enter(made, creator)
    with refused(BadInput, match="entered already"):
        enter(made, creator, "https://www.tiktok.com/@other/video/9")


@pytest.mark.parametrize(
    "again", ["https://m.tiktok.com/@a/video/7?x=1", "http://tiktok.com/@a/video/7/"]
)
def test_one_post_is_entered_once_however_it_is_written(team: BrandTeam, again: str) -> None:
    made = make_challenge(team)
    enter(made, member(), "https://www.tiktok.com/@a/video/7")
    second = member()
    with refused(BadInput) as refusal:
        enter(made, second, again)
    assert "entered already" in refusal.value.fields["link"]


@pytest.mark.parametrize(
    "link",
    [
        "not a link",
        "https://www.youtube.com/watch?v=%00",
        "tiktok.com/@a/video/7",
        "javascript:alert(1)//a.example/x",
        "ftp://a.example/x",
        "https://a.example",
        "https://localhost/x",
        "https://tiktok.com@evil.example/x",
        "https://a.example/" + "x" * 500,
    ],
)
def test_only_the_public_address_of_a_post_is_taken(team: BrandTeam, link: str) -> None:
    made, creator = make_challenge(team), member()
    with refused(BadInput) as refusal:
        enter(made, creator, link)
    assert "https://" in refusal.value.fields["link"]


def test_a_post_of_another_creators_channel_is_refused(team: BrandTeam) -> None:
    made, own, other = make_challenge(team), member(), member()
    viewed([(other, 5)])
    with refused(BadInput) as refusal:
        enter(made, own, link_of(other))
    assert "another creator" in refusal.value.fields["link"]


def test_entries_are_taken_until_the_window_is_over(team: BrandTeam) -> None:
    made, creator = make_challenge(team), member()
    row = locked(Challenge, made.id)
    with refused(WrongState, match="enter"):
        entries.enter(row, creator, link_of(creator), actor="user:1", at=closing(made))
    for status in ("draft", "awaiting_funds"):
        closed = make_challenge(team, status=status)
        with refused(WrongState, match="enter"):
            enter(closed, creator)


def test_two_clicks_at_once_make_one_entry(app: Flask, team: BrandTeam) -> None:
    made, creator = make_challenge(team), member()
    id, creator_id, link = made.id, creator.id, link_of(creator)

    def once() -> object:
        row = lock(Challenge, id)
        assert row is not None
        me = db.session.get_one(Creator, creator_id)
        return entries.enter(row, me, link, actor="user:1", at=clock.now()).id

    db.session.rollback()
    results = at_once(app, *[once] * 4)
    assert sum(isinstance(it, BadInput) for it in results) == 3
    assert entries.count(locked(Challenge, id)) == 1


# ---- valid or not


def test_the_brand_disqualifies_with_a_reason_until_results_are_shown(team: BrandTeam) -> None:
    made = make_challenge(team)
    first, second = make_entries(made, 2)
    judging.disqualify(made, first, "not a morning", "user:1", clock.now())
    db.session.commit()
    assert (first.status, first.disqualified_for) == ("disqualified", "not a morning")
    act(closing(made))
    entries.score(locked(Challenge, made.id), locked(Entry, second.id), 80)
    judging.publish(locked(Challenge, made.id), "user:1", closing(made))
    db.session.commit()
    with refused(WrongState, match="disqualify"):
        judging.disqualify(
            locked(Challenge, made.id), locked(Entry, second.id), "late", "user:1", clock.now()
        )


def test_an_operator_reinstates(team: BrandTeam) -> None:
    made = make_challenge(team)
    entry = make_entry(made)
    judging.disqualify(made, entry, "not a morning", "user:1", clock.now())
    judging.reinstate(made, entry, "it was one", "user:2", clock.now())
    db.session.commit()
    assert (entry.status, entry.disqualified_for) == ("valid", None)
    with refused(WrongState):
        judging.reinstate(made, entry, "again", "user:2", clock.now())


# ---- scores


def test_scores_are_given_while_it_is_judged_from_0_to_100(team: BrandTeam) -> None:
    made = make_challenge(team)
    entry = make_entry(made)
    with refused(WrongState, match="score"):
        entries.score(made, entry, 50)
    act(closing(made))
    row, entry = locked(Challenge, made.id), locked(Entry, entry.id)
    for wrong in (-1, 101):
        with refused(BadInput, match="score"):
            entries.score(row, entry, wrong)
    entries.score(row, entry, 100)
    db.session.commit()
    assert entry.score == 100


def test_views_are_never_typed_in(team: BrandTeam) -> None:
    made = make_challenge(team, kind=Kind.CHALLENGE)
    entry = make_entry(made)
    act(closing(made))
    with refused(WrongState, match="score"):
        entries.score(locked(Challenge, made.id), entry, 99)


def test_winners_are_named_once_every_valid_entry_has_a_score(team: BrandTeam) -> None:
    made = make_challenge(team)
    make_entries(made, 2)
    act(closing(made))
    entries.score(locked(Challenge, made.id), entries.entries(made)[0], 50)
    db.session.commit()
    with refused(BadInput, match="every valid entry"):
        judging.publish(locked(Challenge, made.id), "user:1", closing(made) + timedelta(days=1))


def test_after_the_award_nothing_is_disqualified_any_more(team: BrandTeam) -> None:
    made = make_challenge(team)
    (entry,) = make_entries(made, 1)
    act(judged(made, [50]) + timedelta(days=3))
    with refused(WrongState, match="disqualify"):
        judging.disqualify(
            locked(Challenge, made.id), entry, "late", "user:1", clock.now(), by_operator=True
        )


def test_all_entries_come_with_their_creators(team: BrandTeam) -> None:
    made = make_challenge(team)
    make_entries(made, 2)
    id = made.id
    db.session.expunge_all()
    found = entries.entries(db.session.get_one(Challenge, id))
    assert [inspect(entry).unloaded & {"creator"} for entry in found] == [set()] * 2
