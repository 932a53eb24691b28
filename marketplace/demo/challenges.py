"""Challenges and contests of the demo world: one awarded with a tie, one judged now, one open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from marketplace import clock
from marketplace.challenges import challenge as challenges
from marketplace.challenges import entry as entries
from marketplace.challenges import judging, pool
from marketplace.challenges.challenge import APPEAL, Challenge, Kind, RankedBy
from marketplace.challenges.entry import Entry
from marketplace.database.lock import lock
from marketplace.demo import people
from marketplace.demo.steps import Step, base_url, form_key, pay
from marketplace.extensions import db
from marketplace.program.rules import Criteria, criteria_json

_MORNING = "My city before eight"
_TRAIL = "One pot, no kitchen"
_COLD = "Cold brew, thirty ways"

_BRIEFS = {
    _MORNING: "Half a minute of your city before it wakes up, on two wheels. No music that is not"
    " yours. We look for light and quiet, not for speed.",
    _TRAIL: "Cook one real meal outdoors in a single pot, in one take. Tell us what went wrong.",
    _COLD: "Show one way to drink cold brew that we have not seen. Every authentic view counts.",
}


def steps(present: datetime) -> list[Step]:
    """What happens about open calls in these sixty days."""

    def ago(days: float, act: Callable[[], None]) -> Step:
        return Step(present - timedelta(days=days), act)

    prizes = [60_000, 30_000, 15_000]
    named_at = people.best_day(present) - APPEAL
    return [
        ago(46, lambda: _contest("kite", _MORNING, prizes, days=11)),
        *(
            ago(44 - number // 2, lambda handle=handle: _enter(_MORNING, handle))  # type: ignore[misc]
            for number, handle in enumerate(("ines", "jule", "lucia", "sam"))
        ),
        Step(
            named_at - timedelta(hours=1),
            lambda: _score(_MORNING, {"ines": 92, "jule": 78, "lucia": 78, "sam": 61}),
        ),
        Step(named_at, lambda: _publish(_MORNING)),
        ago(21, lambda: _contest("halcyon", _TRAIL, [40_000, 20_000], days=13)),
        *(
            ago(19 - number // 2, lambda handle=handle: _enter(_TRAIL, handle))  # type: ignore[misc]
            for number, handle in enumerate(("jonas", "sam", "lucia"))
        ),
        ago(4, lambda: _score(_TRAIL, {"jonas": 84})),
        ago(
            3.9, lambda: _rule_out(_TRAIL, "lucia", "The pot is bought ready-made: see the brief.")
        ),
        ago(10, lambda: _challenge("northwind", _COLD, 250_000, days=24)),
        *(
            ago(8 - number, lambda handle=handle: _enter(_COLD, handle))  # type: ignore[misc]
            for number, handle in enumerate(("jule", "sam"))
        ),
    ]


def _contest(brand: str, title: str, prizes: list[int], days: int) -> None:
    made = _draft(brand, title, Kind.CONTEST)
    challenges.edit(made, ranked_by=RankedBy.SCORES, prizes_minor=prizes)
    _open(brand, made, days)


def _challenge(brand: str, title: str, pool_minor: int, days: int) -> None:
    made = _draft(brand, title, Kind.CHALLENGE)
    asked = Criteria(min_followers=20_000, min_authentic_views_30d=200_000)
    challenges.edit(made, pool_minor=pool_minor, criteria=criteria_json(asked))
    _open(brand, made, days)


def _draft(brand_name: str, title: str, kind: Kind) -> Challenge:
    person, brand = people.brand(f"{brand_name}@demo.example")
    actor = f"user:{person.id.hex}"
    key = form_key(title)
    return challenges.draft(brand, title, kind, "USD", form_key=key, actor=actor, at=clock.now())


def _open(brand_name: str, made: Challenge, days: int) -> None:
    """Say when, submit it and pay it in at the hosted checkout."""
    person, _ = people.brand(f"{brand_name}@demo.example")
    at = clock.now()
    challenges.edit(
        made,
        brief=_BRIEFS[made.title],
        opens_on=at.date(),
        closes_on=(at + timedelta(days=days)).date(),
    )
    challenges.submit(made, f"user:{person.id.hex}", at)
    pay(
        pool.top_up(
            made,
            payer_id=person.id,
            payer_email=person.email,
            form_key=form_key(f"top-up {made.title}"),
            site_url=f"{base_url()}/brand",
            at=at,
        )
    )


def _enter(title: str, handle: str) -> None:
    creator = people.creator(handle)
    link = f"https://www.tiktok.com/@{handle}.creates/video/{7_400_000 + len(title) * 1_000}"
    actor = f"user:{creator.user_id.hex}"
    entries.enter(_locked(title), creator, link, actor=actor, at=clock.now())


def _score(title: str, points: dict[str, int]) -> None:
    made = _locked(title)
    for handle, given in points.items():
        entries.score(made, _entry(made, handle), given)


def _publish(title: str) -> None:
    made = _locked(title)
    judging.publish(made, _brand_of(made), clock.now())


def _rule_out(title: str, handle: str, why: str) -> None:
    made = _locked(title)
    judging.disqualify(made, _entry(made, handle), why, _brand_of(made), clock.now())


def _locked(title: str) -> Challenge:
    found = lock(Challenge, db.session.query(Challenge).filter_by(title=title).one().id)
    assert found is not None
    return found


def _entry(made: Challenge, handle: str) -> Entry:
    mine = entries.of_creator(made, people.creator(handle).id)
    assert mine is not None
    locked = lock(Entry, mine.id)
    assert locked is not None
    return locked


def _brand_of(made: Challenge) -> str:
    """The person who acts for the brand of a challenge, as the trace names them."""
    mails = {name: mail for mail, (name, _) in people.BRANDS.items()}
    person, _ = people.brand(mails[made.brand.name])
    return f"user:{person.id.hex}"
