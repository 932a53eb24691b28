"""Who entered is told by mail: the results, each version of them, the prize, being ruled out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace.challenges import judging
from marketplace.challenges.challenge import Challenge
from marketplace.challenges.entry import Entry
from marketplace.extensions import db
from marketplace.notifications.mail import Mail
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from tests.challenges.make import act, judged, make_challenge, make_entries, member
from tests.make import make_brand
from tests.within import locked, within

__all__ = ["within"]


def mails_to(creator_id: object) -> list[Mail]:
    mine = db.session.get_one(Creator, creator_id)
    address = db.session.get_one(User, mine.user_id).email
    return list(db.session.query(Mail).filter_by(to=address).order_by(Mail.id))


def speak_french(creator_id: object) -> None:
    mine = db.session.get_one(Creator, creator_id)
    db.session.get_one(User, mine.user_id).locale = "fr"
    db.session.commit()


@pytest.fixture
def entered() -> list[Entry]:
    """Three entries; the second is a French creator's."""
    made = make_entries(make_challenge(make_brand(), prizes=[100_000, 50_000]), 3)
    speak_french(made[1].creator_id)
    return made


def test_everybody_reads_what_their_entry_wins_and_the_winners_of_their_prize(
    entered: list[Entry],
) -> None:
    made = db.session.get_one(Challenge, entered[0].challenge_id)
    at = judged(made, [90, 70, 10])
    (first,), (second,), (third,) = (mails_to(it.creator_id) for it in entered)
    assert first.subject == f"The results of {made.title} are shown."
    assert "$1,000.00" in first.body
    assert f"/creator/challenges/{made.id}" in first.body
    assert "500,00" in second.body
    assert "Votre participation remporte" in second.body
    assert "wins no prize" in third.body

    act(at + timedelta(days=3))
    assert mails_to(entered[0].creator_id)[-1].subject == f"Your prize in {made.title}: $1,000.00"
    assert mails_to(entered[1].creator_id)[-1].subject.startswith("Votre prix dans")
    assert len(mails_to(entered[2].creator_id)) == 1, "no prize, no mail about one"


def test_who_is_ruled_out_reads_why_and_the_others_the_new_results(entered: list[Entry]) -> None:
    made = db.session.get_one(Challenge, entered[0].challenge_id)
    at = judged(made, [90, 70, 10])
    judging.disqualify(
        locked(Challenge, made.id),
        locked(Entry, entered[0].id),
        "not your own post",
        "user:1",
        at,
        by_operator=True,
    )
    db.session.commit()
    told = mails_to(entered[0].creator_id)[-1]
    assert told.subject == f"Your entry to {made.title} does not count."
    assert "not your own post" in told.body
    assert "1 000,00" in mails_to(entered[1].creator_id)[-1].body.replace("\u202f", " ")


def test_somebody_who_entered_nothing_hears_nothing(entered: list[Entry]) -> None:
    other = member()
    judged(db.session.get_one(Challenge, entered[0].challenge_id), [90, 70, 10])
    assert mails_to(other.id) == []
