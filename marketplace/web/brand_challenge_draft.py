"""Filling in a challenge or contest: a draft keeps what can be read of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from marketplace import access, clock
from marketplace.access import audience
from marketplace.challenges import challenge as challenges
from marketplace.challenges.challenge import Challenge, ChallengeStatus, Kind, RankedBy
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.payouts import threshold
from marketplace.program.rules import criteria_json
from marketplace.schemas.challenges import ChallengeTerms
from marketplace.schemas.criteria import criteria_from, typed
from marketplace.web import challenge_words, forms, program_words
from marketplace.web.brand import CURRENCY, bp
from marketplace.web.brand_challenge import locked, my_challenge, page_of
from marketplace.web.buttons import told
from marketplace.web.forms import Form

_AS_TYPED = ("title", "brief", "kind", "ranked_by", "currency", "opens_on", "closes_on")
_NEVER_EMPTY = ("kind", "ranked_by", "currency")
PAGE = "brand/challenge_draft.html"


@bp.get("/challenges/new")
@audience("brand")
def new_challenge() -> ResponseReturnValue:
    today = clock.now().astimezone(ZoneInfo(access.current_brand().time_zone)).date()
    kind = request.args.get("kind", "")
    form = forms.blank(
        currency=CURRENCY,
        opens_on=today,
        kind=kind if kind in list(Kind) else Kind.CHALLENGE,
        ranked_by=RankedBy.VIEWS,
    )
    return render_template(PAGE, form=form, challenge=None, **_offered())


@bp.post("/challenges/new")
@audience("brand")
def begin_challenge() -> ResponseReturnValue:
    """A form that comes a second time changes the draft that it made the first time."""
    form = _sent()
    made = _made_before(form)
    if made is not None:
        return _save(form, made) if made.status == ChallengeStatus.DRAFT else page_of(made)
    terms = form.partly()
    if "title" not in terms or "form_key" not in terms:
        return form.again(PAGE, challenge=None, **_offered())
    with form.refusals():
        challenge = forms.once(Challenge, terms["form_key"], lambda: _begin(form, terms))
        return _kept(form, challenge)
    return form.again(PAGE, challenge=None, **_offered())


@bp.get("/challenges/<uuid:challenge_id>/edit")
@audience("brand")
def edit_challenge(challenge_id: UUID) -> ResponseReturnValue:
    challenge = my_challenge(challenge_id)
    if challenge.status != ChallengeStatus.DRAFT:
        return page_of(challenge)
    form = forms.blank(**_typed(challenge))
    return render_template(PAGE, form=form, challenge=challenge, **_offered())


@bp.post("/challenges/<uuid:challenge_id>/edit")
@audience("brand")
def change_challenge(challenge_id: UUID) -> ResponseReturnValue:
    return _save(_sent(), my_challenge(challenge_id))


@bp.post("/challenges/<uuid:challenge_id>/submit")
@audience("brand")
def submit_challenge(challenge_id: UUID) -> ResponseReturnValue:
    """Submit a draft as it was saved; what is missing is said beside the fields to fill in."""
    challenge = my_challenge(challenge_id)
    form = forms.blank(**_typed(challenge))
    with told(), form.refusals():
        challenges.submit(locked(challenge), access.actor(), clock.now())
        db.session.commit()
    if form.errors:
        return form.again(PAGE, challenge=challenge, **_offered())
    return page_of(challenge)


# --- Saving


def _sent() -> Form:
    return forms.sent(ChallengeTerms(threshold.currencies(clock.now())))


def _wants_funds() -> bool:
    return request.form.get("action") == "fund"


def _made_before(form: Form) -> Challenge | None:
    """What this very form made before: it was sent twice, or the browser's button led back."""
    statement = select(Challenge).where(
        Challenge.form_key == form.form_key, Challenge.brand_id == access.current_brand().id
    )
    return db.session.scalars(statement).one_or_none()


def _begin(form: Form, terms: Mapping[str, Any]) -> Challenge:
    challenge = challenges.draft(
        access.current_brand(),
        terms["title"],
        Kind(terms.get("kind") or Kind.CHALLENGE),
        terms.get("currency") or CURRENCY,
        form_key=terms["form_key"],
        actor=access.actor(),
        at=clock.now(),
    )
    _fill_in(form, challenge, terms)
    return challenge


def _save(form: Form, challenge: Challenge) -> ResponseReturnValue:
    """Change a draft to what was typed."""
    terms = form.partly()
    if "title" in terms:
        with told(), form.refusals():
            _fill_in(form, locked(challenge), terms)
            db.session.commit()
            return _kept(form, challenge)
        if not form.errors:  # it was submitted meanwhile
            return page_of(challenge)
    return form.again(PAGE, challenge=challenge, **_offered())


def _fill_in(form: Form, challenge: Challenge, terms: Mapping[str, Any]) -> None:
    """Write what could be read into a draft and, if that is wanted, submit it.

    Raises:
        BadInput: it is to be submitted, and not everything is there and readable.
        WrongState: it is no draft any more.
    """
    challenges.edit(challenge, **_columns(challenge, terms))
    if not _wants_funds():
        return
    try:
        challenges.submit(challenge, access.actor(), clock.now())
    except BadInput as refusal:  # what cannot be read is not missing: say the former
        raise BadInput("challenge", refusal.fields | form.errors) from refusal
    if form.errors:
        raise BadInput("challenge", form.errors)


def _columns(challenge: Challenge, terms: Mapping[str, Any]) -> dict[str, Any]:
    """What to write. What cannot be read stays as it was, but for amounts in another currency."""
    columns = {
        name: terms[name]
        for name in _AS_TYPED
        if name in terms and (terms[name] or name not in _NEVER_EMPTY)
    }
    currency = columns.setdefault("currency", challenge.currency)
    pool: Money | None = terms.get("pool")
    if "pool" in terms or currency != challenge.currency:
        columns["pool_minor"] = pool.minor if pool and pool.currency == currency else None
    prizes: list[Money] = list(terms.get("prizes") or ())
    if "prizes" in terms or currency != challenge.currency:
        columns["prizes_minor"] = [it.minor for it in prizes if it.currency == currency]
    columns["criteria"] = criteria_json(criteria_from(terms, challenge.demands))
    return columns


def _kept(form: Form, challenge: Challenge) -> ResponseReturnValue:
    """Go on to its page, unless something typed could not be kept: then it stays in sight."""
    if form.errors:
        return form.again(PAGE, challenge=challenge, kept=True, **_offered())
    if not _wants_funds():
        flash(gettext("Your draft is saved."))
    return page_of(challenge)


# --- What the page offers


def _offered() -> dict[str, Any]:
    return {
        "currencies": sorted(threshold.currencies(clock.now())),
        "categories": program_words.CATEGORIES,
        "cw": challenge_words,
    }


def _typed(challenge: Challenge) -> dict[str, object]:
    """A draft as a person would have typed it."""
    values = {name: getattr(challenge, name) for name in _AS_TYPED}
    if challenge.kind == Kind.CHALLENGE and challenge.pool:
        values["pool"] = challenge.pool.decimal
    values["prizes"] = "\n".join(str(prize.decimal) for prize in challenge.prizes)
    known = {name: value for name, value in values.items() if value is not None}
    return known | typed(challenge.demands)
