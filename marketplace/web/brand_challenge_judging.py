"""The entries of a challenge at its brand: disqualify, score, name the winners, award."""

from __future__ import annotations

from uuid import UUID

from flask import flash
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from marketplace import access, clock
from marketplace.access import audience
from marketplace.challenges import entry as entries
from marketplace.challenges import judging
from marketplace.challenges.challenge import Challenge, ChallengeStatus
from marketplace.challenges.entry import Entry, EntryStatus
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.schemas.challenges import EntryReason, EntryScore
from marketplace.web import forms
from marketplace.web.brand import bp
from marketplace.web.brand_challenge import locked, my_challenge, page_of, shown
from marketplace.web.buttons import told
from marketplace.web.forms import Form


@bp.post("/entries/<uuid:entry_id>/score")
@audience("brand")
def score_entry(entry_id: UUID) -> ResponseReturnValue:
    mine, entry = _entry(entry_id)
    form = forms.sent(EntryScore())
    with told(), form.refusals():
        entries.score(mine, entry, form.data["score"])
        db.session.commit()
    return _after(mine, entry, form)


@bp.post("/entries/<uuid:entry_id>/disqualify")
@audience("brand")
def disqualify_entry(entry_id: UUID) -> ResponseReturnValue:
    mine, entry = _entry(entry_id)
    form = forms.sent(EntryReason())
    if entry.status != EntryStatus.DISQUALIFIED:  # else clicked twice
        with told(), form.refusals():
            reason = form.data["reason"]
            judging.disqualify(mine, entry, reason, access.actor(), clock.now())
            db.session.commit()
            flash(gettext("Disqualified; the creator reads why."))
    return _after(mine, entry, form)


@bp.post("/challenges/<uuid:challenge_id>/publish")
@audience("brand")
def publish_results(challenge_id: UUID) -> ResponseReturnValue:
    """Name the winners: the scores become provisional results."""
    mine = locked(my_challenge(challenge_id))
    if mine.status != ChallengeStatus.PROVISIONAL:  # else clicked twice
        with told():
            judging.publish(mine, access.actor(), clock.now())
            db.session.commit()
            flash(gettext("The provisional results are shown to everybody."))
    return page_of(mine)


@bp.post("/challenges/<uuid:challenge_id>/award")
@audience("brand")
def award_prizes(challenge_id: UUID) -> ResponseReturnValue:
    mine = locked(my_challenge(challenge_id))
    if mine.status != ChallengeStatus.AWARDED:  # else clicked twice, or time was quicker
        with told():
            judging.award(mine, access.actor(), clock.now())
            db.session.commit()
            flash(gettext("Awarded: every prize is owed to its winner."))
    return page_of(mine)


def _entry(entry_id: UUID) -> tuple[Challenge, Entry]:
    """An entry of a challenge of the caller's brand: the challenge, then the entry, locked."""
    found = db.session.get(Entry, entry_id)
    if found is None:
        raise NotFound("no such entry")
    mine = locked(my_challenge(found.challenge_id))
    entry = lock(Entry, entry_id)
    assert entry is not None
    return mine, entry


def _after(mine: Challenge, entry: Entry, form: Form) -> ResponseReturnValue:
    """Back to the page; what is wrong with a form is said beside it."""
    if form.errors:
        again = lock(Challenge, mine.id)
        assert again is not None
        return shown(again, form, 422, at_entry=entry.id)
    return page_of(mine)
