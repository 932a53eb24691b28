"""Challenges and contests at a creator: what is open, whether they may enter, their own entries."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from marketplace import access, clock
from marketplace.access import audience
from marketplace.challenges import entry as entries
from marketplace.challenges.challenge import Challenge, ChallengeStatus
from marketplace.challenges.entry import Entry
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.schemas.challenges import EntryLink
from marketplace.web import challenge_words, forms, paging, program_words
from marketplace.web.buttons import told
from marketplace.web.creator import bp
from marketplace.web.forms import Form

SHOWN = 24
MINE_SHOWN = 12


@bp.get("/challenges")
@audience("creator")
def challenges() -> ResponseReturnValue:
    """Open challenges and contests, newest first, each with whether the creator may enter."""
    me = access.current_creator()
    found = (
        select(Challenge)
        .where(Challenge.status == ChallengeStatus.OPEN)
        .options(joinedload(Challenge.brand))
    )
    page = paging.newest_first(found, Challenge.id, SHOWN)
    entered = (
        select(Entry, Challenge)
        .join(Challenge, Challenge.id == Entry.challenge_id)
        .where(Entry.creator_id == me.id)
        .order_by(Entry.id.desc())
        .limit(MINE_SHOWN)
    )
    mine = [(entry, of) for entry, of in db.session.execute(entered)]
    return render_template(
        "creator/challenges.html",
        page=page,
        standings={it.id: entries.standing(it, me.id, clock.now()) for it in page.rows},
        mine=mine,
        entered=_entered(me.id, [it.id for it in page.rows]),
        cw=challenge_words,
    )


def _entered(creator_id: UUID, challenge_ids: list[UUID]) -> set[UUID]:
    """Those of these challenges that the creator has entered."""
    own = select(Entry.challenge_id).where(
        Entry.creator_id == creator_id, Entry.challenge_id.in_(challenge_ids)
    )
    return set(db.session.scalars(own))


@bp.get("/challenges/<uuid:challenge_id>")
@audience("creator")
def challenge(challenge_id: UUID) -> ResponseReturnValue:
    return render_template(
        "creator/challenge.html", form=forms.blank(), **_shown(_seen(challenge_id))
    )


@bp.post("/challenges/<uuid:challenge_id>/enter")
@audience("creator")
def enter_challenge(challenge_id: UUID) -> ResponseReturnValue:
    """Enter by link; a second click finds the entry that the first one made."""
    me = access.current_creator()
    seen = _seen(challenge_id)
    row = lock(Challenge, seen.id)
    assert row is not None
    form: Form = forms.sent(EntryLink())
    if entries.of_creator(row, me.id) is None:
        with told(), form.refusals():
            link = form.data["link"]
            entries.enter(row, me, link, actor=access.actor(), at=clock.now())
            db.session.commit()
            flash(gettext("You have entered."))
    if form.errors:
        return form.again("creator/challenge.html", **_shown(_seen(challenge_id)))
    return redirect(url_for("creator.challenge", challenge_id=challenge_id), 303)


def _seen(challenge_id: UUID) -> Challenge:
    """A challenge that creators may see.

    Raises:
        NotFound: there is none, or it never opened.
    """
    found = db.session.get(Challenge, challenge_id)
    if found is None or not is_public(found):
        raise NotFound("no such challenge")
    return found


def is_public(challenge: Challenge) -> bool:
    """Was it open once? From then on it has frozen rules, which everybody may read."""
    return challenge.rules is not None


def _shown(challenge: Challenge) -> dict[str, Any]:
    me = access.current_creator()
    mine = entries.of_creator(challenge, me.id)
    standing = entries.standing(challenge, me.id, clock.now())
    return {
        "challenge": challenge,
        "cw": challenge_words,
        "mine": mine,
        "history": challenge_words.history(mine) if mine else [],
        "standing": standing,
        "lines": program_words.lines(standing.verdict),
        "entered": entries.count(challenge),
        "results": challenge_words.results(challenge),
    }
