"""Challenges and contests at operators: every one, its entries, its results, version by version."""

from __future__ import annotations

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from marketplace import access, clock
from marketplace.access import audience
from marketplace.challenges import entry as entries
from marketplace.challenges import judging
from marketplace.challenges.challenge import Challenge, ChallengeStatus
from marketplace.challenges.entry import Entry, EntryStatus
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.ledger import balances
from marketplace.schemas.challenges import EntryReason
from marketplace.statuses import history
from marketplace.web import challenge_words, forms, paging
from marketplace.web import operator_names as names
from marketplace.web.buttons import told
from marketplace.web.forms import Form
from marketplace.web.operator import bp


@bp.get("/challenges")
@audience("operator")
def challenges() -> ResponseReturnValue:
    """Every challenge and contest, newest first, or those of one status."""
    chosen = request.args.get("status", "")
    found = select(Challenge).options(joinedload(Challenge.brand))
    if chosen in list(ChallengeStatus):
        found = found.where(Challenge.status == chosen)
    counts = select(Challenge.status, func.count()).group_by(Challenge.status)
    return render_template(
        "operator/challenges.html",
        page=paging.newest_first(found, Challenge.id),
        chosen=chosen,
        statuses=list(ChallengeStatus),
        counts={status: count for status, count in db.session.execute(counts)},
        cw=challenge_words,
    )


@bp.get("/challenges/<uuid:challenge_id>")
@audience("operator")
def challenge(challenge_id: UUID) -> ResponseReturnValue:
    return _shown(_found(challenge_id), forms.blank())


@bp.post("/entries/<uuid:entry_id>/disqualify")
@audience("operator")
def disqualify_entry(entry_id: UUID) -> ResponseReturnValue:
    row, entry = _locked(entry_id)
    form = forms.sent(EntryReason())
    if entry.status != EntryStatus.DISQUALIFIED:  # else clicked twice
        with told(), form.refusals():
            why = form.data["reason"]
            judging.disqualify(row, entry, why, access.actor(), clock.now(), by_operator=True)
            db.session.commit()
            flash(gettext("Disqualified; the creator reads why."))
    return _after(row.id, entry_id, form)


@bp.post("/entries/<uuid:entry_id>/reinstate")
@audience("operator")
def reinstate_entry(entry_id: UUID) -> ResponseReturnValue:
    row, entry = _locked(entry_id)
    form = forms.sent(EntryReason())
    if entry.status != EntryStatus.VALID:  # else clicked twice
        with told(), form.refusals():
            why, points = form.data["reason"], form.data["score"]
            judging.reinstate(row, entry, why, access.actor(), clock.now(), points)
            db.session.commit()
            flash(gettext("Reinstated; the entry counts again."))
    return _after(row.id, entry_id, form)


def _found(challenge_id: UUID) -> Challenge:
    found = db.session.get(Challenge, challenge_id)
    if found is None:
        raise NotFound("no such challenge")
    return found


def _locked(entry_id: UUID) -> tuple[Challenge, Entry]:
    """An entry's challenge, then the entry, both locked."""
    found = db.session.get(Entry, entry_id)
    if found is None:
        raise NotFound("no such entry")
    row, entry = lock(Challenge, found.challenge_id), lock(Entry, entry_id)
    assert row is not None
    assert entry is not None
    return row, entry


def _after(challenge_id: UUID, entry_id: UUID, form: Form) -> ResponseReturnValue:
    if form.errors:
        return _shown(_found(challenge_id), form, 422, at_entry=entry_id)
    return redirect(url_for("operator.challenge", challenge_id=challenge_id), 303)


def _shown(
    found: Challenge, form: Form, status: int = 200, at_entry: UUID | None = None
) -> ResponseReturnValue:
    moves = history(found)
    page = render_template(
        "operator/challenge.html",
        challenge=found,
        form=form,
        at_entry=at_entry,
        cw=challenge_words,
        challenge_entries=entries.entries(found),
        results=challenge_words.results(found),
        moves=moves,
        actors=names.actors(move.actor for move in moves),
        postings=balances.transactions_of(found.cause),
    )
    return page, status
