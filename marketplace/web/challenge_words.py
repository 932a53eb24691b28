"""What people read about challenges and contests, in every area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from marketplace import clock, statuses
from marketplace.challenges import challenge as challenges
from marketplace.challenges import sheet as sheets
from marketplace.challenges.challenge import Challenge, ChallengeStatus, Kind, RankedBy
from marketplace.challenges.entry import Entry
from marketplace.challenges.sheet import Method, ResultSheet
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.web import formats, program_words
from marketplace.web.happenings import Happening, in_words

KINDS: dict[str, Any] = {"challenge": _("Challenge"), "contest": _("Contest")}
KIND_ICONS = {"challenge": "flame", "contest": "trophy"}

STATUSES: dict[tuple[str, str], tuple[Any, str]] = {
    ("challenge", "draft"): (_("Draft"), ""),
    ("challenge", "awaiting_funds"): (_("Awaiting funds"), "wait"),
    ("challenge", "open"): (_("Open"), "ok"),
    ("challenge", "judging"): (_("Judging"), "wait"),
    ("challenge", "provisional"): (_("Provisional results"), "info"),
    ("challenge", "awarded"): (_("Awarded"), "ok"),
    ("challenge", "canceled"): (_("Canceled"), ""),
    ("challenge_entry", "valid"): (_("Valid"), "ok"),
    ("challenge_entry", "disqualified"): (_("Disqualified"), "bad"),
}

EVENTS: dict[tuple[str, str], Any] = {
    ("challenge", "create"): _("Draft begun"),
    ("challenge", "submit"): _("Submitted: its rules stand from now on"),
    ("challenge", "fund"): _("Funded and open to creators: the rules are frozen"),
    ("challenge", "close"): _("Entries closed"),
    ("challenge", "rank"): _("Ranked: provisional results"),
    ("challenge", "split"): _("Split equally: provisional results"),
    ("challenge", "recompute"): _("Results computed anew"),
    ("challenge", "award"): _("Awarded: the prizes are owed"),
    ("challenge", "void"): _("Ended without a valid entry: the money is back"),
    ("challenge", "cancel"): _("Canceled"),
    ("challenge_entry", "create"): _("Entered"),
    ("challenge_entry", "disqualify"): _("Disqualified"),
    ("challenge_entry", "reinstate"): _("Reinstated"),
}

# Reasons that the domain itself gives, named here so that they can be translated.
_REASONS = (
    _("the window is over"),
    _("not funded before its window was over"),
    _("no valid entry"),
    _("the views of the window were counted"),
    _("no winner was named in time"),
    _("the brand named the winners"),
)

METHODS: dict[str, Any] = {
    Method.RANKED: _("Prizes by rank"),
    Method.POOLED: _("The pool shared by views"),
    Method.SPLIT: _("The pool split equally: no winner was named in time"),
}


def status(thing: Challenge | Entry) -> tuple[str, str]:
    """The label of a status, and the tone of its pill."""
    label, tone = STATUSES[thing.__tablename__, thing.status]
    return str(label), tone


def wait(challenge: Challenge, mine: bool = False) -> str:
    """What it waits for and until when, for its brand (`mine`) or anybody; '' if for nothing."""
    until = formats.moment(challenge.due_at) if challenge.due_at else ""
    match challenge.status:
        case ChallengeStatus.DRAFT:
            return str(gettext("Waits for you: fill in what is missing, then fund it."))
        case ChallengeStatus.AWAITING_FUNDS:
            return str(
                gettext(
                    "Waits for you to pay its pool in by %(until)s; otherwise it is canceled then.",
                    until=until,
                )
            )
        case ChallengeStatus.OPEN:
            return str(gettext("Takes entries until %(until)s.", until=until))
        case ChallengeStatus.JUDGING if challenge.ranked_by == RankedBy.VIEWS:
            return str(gettext("Views still come in; they are counted on %(until)s.", until=until))
        case ChallengeStatus.JUDGING:
            return _by_scores(challenge, until, mine)
        case ChallengeStatus.PROVISIONAL:
            return str(
                gettext(
                    "Waits for appeals until %(until)s; then the prizes are awarded.", until=until
                )
            )
    return ""


def _by_scores(challenge: Challenge, until: str, mine: bool) -> str:
    assert challenge.judge_by
    judge_by = formats.moment(challenge.judge_by)
    if clock.now() >= challenge.judge_by:
        return str(
            gettext(
                "The winners should have been named by %(by)s. If they are not named by %(until)s,"
                " the pool is split equally among the valid entries.",
                by=judge_by,
                until=until,
            )
        )
    if mine:
        return str(
            gettext(
                "Waits for you: score the entries and name the winners by %(by)s. If none is named"
                " by %(until)s, the pool is split equally among the valid entries.",
                by=judge_by,
                until=until,
            )
        )
    return str(
        gettext(
            "Waits for the brand, which names the winners by %(by)s. If none is named by %(until)s,"
            " the pool is split equally among the valid entries.",
            by=judge_by,
            until=until,
        )
    )


def history(thing: Challenge | Entry, others: str = "") -> list[Happening]:
    """Every move in words, oldest first; `others`: who moved it, if not the reader's side."""
    return in_words(statuses.history(thing), EVENTS, others)


# ---- the rules in sentences


def rules(challenge: Challenge) -> list[str]:
    """How the prizes are found, sentence by sentence."""
    said = [_score(challenge)]
    if challenge.kind == Kind.CONTEST:
        said.append(
            gettext(
                "Equal scores pool the prizes of their ranks and split them equally; what cannot be"
                " divided goes to the earliest entries, a cent each."
            )
        )
        said.append(gettext("A prize of a rank that no entry takes goes back to the brand."))
    else:
        said.append(
            gettext(
                "The pool is shared in proportion to the views, to the last cent; equally, if"
                " nobody has any."
            )
        )
    said.append(
        gettext(
            "Results are provisional for %(days)d days, so that creators can appeal. Only an"
            " operator of the marketplace can change them then, and the results before are kept.",
            days=challenges.APPEAL.days,
        )
    )
    if challenge.platform_fee_bps:
        fee = formats.percent(challenge.platform_fee_bps)
        said.append(gettext("A platform fee of %(fee)s is taken out of each prize.", fee=fee))
    elif challenge.platform_fee_bps == 0:
        said.append(gettext("No platform fee is taken out of a prize."))
    return said


def _score(challenge: Challenge) -> str:
    if challenge.ranked_by == RankedBy.SCORES:
        return str(
            gettext(
                "The brand gives each entry 0 to 100 points within %(judge)d days after the last"
                " day. If it has named no winner %(split)d days after the last day, the pool is"
                " split equally among the valid entries.",
                judge=challenges.JUDGE_WITHIN.days,
                split=challenges.SPLIT_AFTER.days,
            )
        )
    return str(
        gettext(
            "What counts are the authentic views of the entered post from the first day to the"
            " last, as imported up to %(days)d days later. Nobody types them in.",
            days=challenges.FACTS_GRACE.days,
        )
    )


def prizes(challenge: Challenge) -> list[tuple[int, Money]]:
    """Rank and prize of a contest."""
    return list(enumerate(challenge.prizes, start=1))


def demands(challenge: Challenge) -> list[str]:
    """Whom it is for, rule by rule."""
    return program_words.asked(challenge.demands)


# ---- results


@dataclass(frozen=True)
class Row:
    """One line of a result sheet."""

    entry: Entry
    rank: int | None
    score: int
    prize: Money


@dataclass(frozen=True)
class Results:
    """One version of a result sheet with its lines."""

    sheet: ResultSheet
    rows: tuple[Row, ...]
    returned: Money


def results(challenge: Challenge) -> list[Results]:
    """Every version of the result sheet, the newest first."""
    return [_read(challenge, sheet) for sheet in sheets.versions(challenge)]


def _read(challenge: Challenge, sheet: ResultSheet) -> Results:
    found = sheets.rows(sheet)
    entries = by_id([row.entry_id for row in found])
    currency = challenge.currency
    rows = tuple(
        Row(entries[row.entry_id], row.rank, row.score, Money(row.prize_minor, currency))
        for row in found
    )
    return Results(sheet, rows, Money(sheet.returned_minor, currency))


def by_id(ids: list[UUID]) -> dict[UUID, Entry]:
    """Entries with their creators, by id."""
    statement = select(Entry).where(Entry.id.in_(ids)).options(joinedload(Entry.creator))
    return {entry.id: entry for entry in db.session.scalars(statement)}
