"""Challenges and contests of a brand: the list, and one of them with its money, rules and results.

brand_challenge_draft    filling it in, and submitting it
brand_challenge_judging  its entries: disqualify, score, name the winners, award
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import func, select

from marketplace import access, clock
from marketplace.access import audience
from marketplace.challenges import entry as entries
from marketplace.challenges import judging, pool
from marketplace.challenges.challenge import Challenge, ChallengeStatus
from marketplace.challenges.entry import Entry
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.funding import reservation
from marketplace.funding.deposit import Deposit
from marketplace.ledger import balances, postings
from marketplace.schemas.campaigns import Cancelation, Once
from marketplace.web import challenge_words, checkout, forms, paging
from marketplace.web.brand import SHOWN, bp
from marketplace.web.brand_deposit import site_url
from marketplace.web.buttons import told
from marketplace.web.formats import money
from marketplace.web.forms import Form

ENTRIES = 10  # of its reservation


@bp.get("/challenges")
@audience("brand")
def challenges() -> ResponseReturnValue:
    """Every challenge and contest, newest first, with how many entered."""
    mine = select(Challenge).where(Challenge.brand_id == access.current_brand().id)
    page = paging.newest_first(mine, Challenge.id, SHOWN)
    ids = [it.id for it in page.rows]
    counted = db.session.execute(
        select(Entry.challenge_id, func.count())
        .where(Entry.challenge_id.in_(ids))
        .group_by(Entry.challenge_id)
    )
    return render_template(
        "brand/challenges.html",
        page=page,
        counts={id: count for id, count in counted},
        cw=challenge_words,
    )


@bp.get("/challenges/<uuid:challenge_id>")
@audience("brand")
def challenge(challenge_id: UUID) -> ResponseReturnValue:
    return shown(my_challenge(challenge_id), forms.blank())


@bp.post("/challenges/<uuid:challenge_id>/top-up")
@audience("brand")
def top_up_challenge(challenge_id: UUID) -> ResponseReturnValue:
    """Ask for a payment page; a second click, or a second window, leads to the same one."""
    mine = my_challenge(challenge_id)
    with told():
        form_key: UUID = forms.sent(Once()).data["form_key"]
        deposit = forms.once(Deposit, form_key, lambda: _checkout(mine, form_key))
        where: dict[str, Any] = {"deposit_id": deposit.id, **checkout.ONWARD}
        return redirect(url_for("brand.deposit", **where), 303)
    return page_of(mine)


@bp.post("/challenges/<uuid:challenge_id>/fund")
@audience("brand")
def fund_challenge(challenge_id: UUID) -> ResponseReturnValue:
    mine = locked(my_challenge(challenge_id))
    if mine.status != ChallengeStatus.OPEN:  # else clicked twice
        with told():
            pool.fund_from_balance(mine, access.actor(), clock.now())
            db.session.commit()
            flash(gettext("Funded from your balance: it is open, and its rules are frozen."))
    return page_of(mine)


@bp.post("/challenges/<uuid:challenge_id>/cancel")
@audience("brand")
def cancel_challenge(challenge_id: UUID) -> ResponseReturnValue:
    mine = locked(my_challenge(challenge_id))
    form = forms.sent(Cancelation())
    if mine.status != ChallengeStatus.CANCELED:  # else clicked twice
        with told(), form.refusals():
            back = judging.cancel(mine, access.actor(), form.data["reason"], clock.now())
            db.session.commit()
            said = gettext("It is canceled.")
            if back:
                amount = money(back)
                said = gettext("Canceled: %(amount)s is back in your balance.", amount=amount)
            flash(said)
    return shown(mine, form, 422) if form.errors else page_of(mine)


def my_challenge(challenge_id: UUID) -> Challenge:
    """The caller's challenge or contest of this id.

    Raises:
        NotFound: there is none, or it is another brand's.
    """
    found = db.session.get(Challenge, challenge_id)
    if found is None or found.brand_id != access.current_brand().id:
        raise NotFound("no such challenge")
    return found


def locked(mine: Challenge) -> Challenge:
    """The same, under its lock."""
    row = lock(Challenge, mine.id)
    assert row is not None
    return row


def page_of(mine: Challenge) -> ResponseReturnValue:
    """Go to its page."""
    return redirect(url_for("brand.challenge", challenge_id=mine.id), 303)


def shown(
    mine: Challenge, form: Form, status: int = 200, at_entry: UUID | None = None
) -> ResponseReturnValue:
    """Its page; with what is wrong with a form of it, or of one of its entries."""
    available = reservation.available(mine.brand.ledger_owner, mine.currency)
    missing = pool.missing(mine)
    all_of_it = entries.entries(mine)
    page = render_template(
        "brand/challenge.html",
        form=form,
        at_entry=at_entry,
        challenge=mine,
        cw=challenge_words,
        history=challenge_words.history(mine, gettext("the marketplace")),
        reserved=reservation.reserved(mine.ledger_owner, mine.currency),
        missing=missing,
        available=available,
        is_covered=bool(missing) and available >= missing,
        checkout=pool.open_deposit(mine),
        challenge_entries=all_of_it,
        valid=[it for it in all_of_it if it.status == entries.EntryStatus.VALID],
        results=challenge_words.results(mine),
        now=clock.now(),
        lines=balances.entries(postings.reserved(mine.ledger_owner), mine.currency, limit=ENTRIES),
    )
    return page, status


def _checkout(mine: Challenge, form_key: UUID) -> Deposit:
    """The payment page that is open already, or a new one."""
    row = locked(mine)
    person = access.current_person()
    return pool.open_deposit(row) or pool.top_up(
        row,
        payer_id=person.id,
        payer_email=person.email,
        form_key=form_key,
        site_url=site_url(),
        at=clock.now(),
    )
