"""Facts and the program in the demo world: imports, members, and one creator in every other state.

eva waits for an answer, leo was turned down and may come back, oskar has too few followers, maya is
suspended; everybody else takes part.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from marketplace import clock
from marketplace.database.lock import lock
from marketplace.demo import people
from marketplace.demo.steps import Step, form_key
from marketplace.metrics import reading
from marketplace.metrics.importing import import_metrics
from marketplace.parties.creator import Creator
from marketplace.program import application as applications
from marketplace.program import membership as memberships
from marketplace.program.application import ProgramApplication

BORN_ON = date(1996, 5, 14)
HISTORY_DAYS = 35
EVERY_DAYS = 7
NO_MEMBERS = ("eva", "leo", "oskar")
# Out of ten: how a week goes, so that no two days are alike and each world is the same.
_WEEK = (8, 9, 10, 10, 11, 13, 9)


def steps(present: datetime) -> list[Step]:
    """What happens about facts and the program in these sixty days."""
    begun = Step(present - timedelta(days=58), lambda: _measure("days-history.csv", HISTORY_DAYS))
    weekly = [
        Step(present - timedelta(days=ago), lambda: _measure("days.csv", EVERY_DAYS))
        for ago in range(52, 0, -EVERY_DAYS)
    ]
    last = Step(present - timedelta(hours=3), lambda: _measure("days.csv", EVERY_DAYS))
    return [
        begun,
        Step(present - timedelta(days=57), _take_in),
        Step(present - timedelta(days=20), lambda: _turn_down("leo")),
        Step(present - timedelta(days=5), lambda: _suspend("maya")),
        Step(present - timedelta(days=1), _ask_eva),
        *weekly,
        last,
    ]


def _measure(filename: str, days: int) -> None:
    """Bring the last days of every channel, and say again what was known."""
    today = clock.now().date()
    lines = [",".join((*reading.CHANNEL_COLUMNS, reading.CATEGORIES_COLUMN))]
    for ago in range(days, 0, -1):
        day = today - timedelta(days=ago)
        lines += [_line(handle, reach, day) for handle, reach in people.REACHES.items()]
    content = "\n".join(lines).encode()
    import_metrics(
        reading.read_csv(content),
        content,
        filename=filename,
        uploaded_by=people.operator().id,
        form_key=form_key(f"metrics {today} {days}"),
        at=clock.now(),
    )


def _line(handle: str, reach: people.Reach, day: date) -> str:
    authentic = reach.authentic_views * _WEEK[(day.toordinal() + len(handle)) % 7] // 10
    followers = reach.followers + day.toordinal() % 200  # some come and go
    numbers = f"{followers},{authentic * 11 // 10},{authentic},{authentic // 14}"
    return f"{handle},{reach.platform},{handle}.creates,{day},{numbers},{reach.categories}"


def _take_in() -> None:
    """Everybody but three applies and is approved."""
    for role in people.CREATORS:
        if role.handle not in NO_MEMBERS:
            application = _apply(role.handle)
            applications.approve(application, _operator(), clock.now())


def _ask_eva() -> None:
    _apply("eva")


def _apply(handle: str) -> ProgramApplication:
    creator = lock(Creator, people.creator(handle).id)
    assert creator is not None
    return applications.apply(
        creator,
        BORN_ON,
        creator.country,
        form_key=form_key(f"program {handle}"),
        actor=f"user:{creator.user_id.hex}",
        at=clock.now(),
    )


def _turn_down(handle: str) -> None:
    text = "Most of the last videos are reposts of other channels. Show us work of your own."
    applications.reject(_apply(handle), "content", text, "in_30_days", _operator(), clock.now())


def _suspend(handle: str) -> None:
    membership = memberships.of_creator(people.creator(handle).id)
    assert membership is not None
    text = "Three paid videos in October carry no mark that they are paid."
    memberships.suspend(membership, "policy", text, _operator(), clock.now())


def _operator() -> str:
    return f"user:{people.operator().id.hex}"
