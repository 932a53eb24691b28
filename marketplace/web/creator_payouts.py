"""Being paid: the destination, the rhythm, and every payout with what it waits for.

connect ──▶ requested ──▶ onboarding at the processor ──▶ checking ──▶ active
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from marketplace import access, clock
from marketplace.access import audience
from marketplace.config import Settings
from marketplace.database.lock import lock
from marketplace.errors import ProcessorUnavailable
from marketplace.extensions import db
from marketplace.ledger import balances
from marketplace.parties.creator import Creator
from marketplace.payouts import bank_account, explain, receiver, returning
from marketplace.payouts import destination as destinations
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.schedule import next_due
from marketplace.processors import registry
from marketplace.schemas.payouts import PayoutSchedule
from marketplace.web import forms, paging, payout_lines
from marketplace.web.buttons import told
from marketplace.web.choices import zone_choices
from marketplace.web.creator import bp, my_currencies, my_payout
from marketplace.web.creator_transactions import evidence_of

_ONBOARDS = (DestinationStatus.ONBOARDING, DestinationStatus.RESTRICTED)


@bp.get("/payouts")
@audience("creator")
def payouts() -> ResponseReturnValue:
    return render_template("creator/payouts.html", **shown())


@bp.get("/payouts/<uuid:payout_id>")
@audience("creator")
def payout(payout_id: UUID) -> ResponseReturnValue:
    mine = my_payout(payout_id)
    return render_template(
        "creator/payout.html",
        payout=mine,
        lines=payout_lines.page(mine, paging.after_number()),
        postings=balances.transactions_of(mine.cause),
        **evidence_of(mine),
    )


@bp.post("/payouts/<uuid:payout_id>/confirm")
@audience("creator")
def confirm_return(payout_id: UUID) -> ResponseReturnValue:
    """The caller saw that it came back and says that their account is in order."""
    mine = lock(Payout, my_payout(payout_id).id)
    assert mine is not None
    with told():
        returning.confirm(mine, access.actor(), clock.now())
        db.session.commit()
        flash(gettext("Noted. The next run can pay you again."))
    return to_payouts()


@bp.post("/payouts/rhythm")
@audience("creator")
def choose_rhythm() -> ResponseReturnValue:
    creator = lock(Creator, access.current_creator().id)
    assert creator is not None
    form = forms.sent(PayoutSchedule())
    with form.refusals():
        creator.choose_rhythm(form.data["payout_rhythm"], clock.now())
        creator.move_to(form.data["time_zone"], clock.now())
        db.session.commit()
        flash(gettext("Saved. It holds from the next run on."))
        return to_payouts()
    return form.again("creator/payouts.html", **(shown() | {"rhythm_form": form}))


@bp.post("/payouts/connect")
@audience("creator")
def connect() -> ResponseReturnValue:
    """Ask the processor to open an account; a second click finds the first one's."""
    creator = access.current_creator()
    currency = my_currencies()[0]
    if registry.get(destinations.PROCESSOR).supports(creator.country, currency) is not None:
        flash(gettext("Stripe cannot pay people in your country yet."), "error")
        return to_payouts()
    email = access.current_person().email
    destinations.connect(creator.id, email, currency, access.actor(), clock.now())
    db.session.commit()
    return to_payouts()


@bp.post("/payouts/replace")
@audience("creator")
def replace_destination() -> ResponseReturnValue:
    """Retire the present account and begin with another."""
    creator = access.current_creator()
    email = access.current_person().email
    with told():
        destinations.replace(creator.id, email, my_currencies()[0], access.actor(), clock.now())
        db.session.commit()
        flash(gettext("Your old account is no longer paid. Go on with the new one."))
    return to_payouts()


@bp.route("/payouts/onboarding", methods=["GET", "POST"])
@audience("creator")
def onboarding() -> ResponseReturnValue:
    """Go on to the processor's own pages. Their links work once: each visit gets a new one."""
    destination = destinations.current(access.current_creator().id)
    if destination is None or destination.status not in _ONBOARDS:
        return to_payouts()
    if destination.processor != destinations.PROCESSOR:
        return to_payouts()
    account = _visit(destination)
    settings: Settings = current_app.extensions["settings"]
    back = settings.base_url + url_for("creator.payouts", returned="1")
    again = settings.base_url + url_for("creator.onboarding")
    try:
        link = registry.get(destinations.PROCESSOR).onboarding_link(account, back, again)
    except ProcessorUnavailable:
        flash(gettext("Stripe does not answer at the moment. Try again in a minute."), "error")
        return to_payouts()
    return redirect(link, 303)


def shown() -> dict[str, Any]:
    """Where the caller is paid to, when, and every payout so far."""
    creator = access.current_creator()
    destination = destinations.current(creator.id)
    mine = select(Payout).where(Payout.creator_id == creator.id)
    decisions = explain.decisions_for(creator, clock.now())
    return {
        "destination": destination,
        "rhythm_form": forms.blank(
            payout_rhythm=creator.payout_rhythm, time_zone=creator.time_zone
        ),
        "address_form": forms.blank(paypal_address=access.current_person().email),
        "bank_form": forms.blank(holder=access.current_person().name),
        "offers_paypal": registry.offers(receiver.PROCESSOR),
        "offers_bank": registry.offers(bank_account.PROCESSOR),
        "waits_for_address": receiver.waits(destination),
        "waits_for_review": bank_account.waits(destination),
        "refusal": None if destination else _last_refusal(creator),
        "cools_until": destination.cools_until(clock.now()) if destination else None,
        "checking": destination is not None and _is_checked(destination),
        "next_run_at": next_due(creator.payout_rhythm, creator.time_zone, clock.now()).at,
        "time_zone": creator.time_zone,
        "zones": zone_choices(),
        "page": paging.newest_first(mine, Payout.id),
        "came_back": db.session.scalars(
            mine.filter_by(status=PayoutStatus.RETURNED, return_seen_at=None).order_by(Payout.id)
        ).all(),
        "debts": [(it.facts.debt, it) for it in decisions if it.facts.debt],
    }


def _visit(destination: Destination) -> str:
    """Ask soon how the visit went; return the account. No transaction is open afterwards."""
    locked = lock(Destination, destination.id)
    assert locked is not None
    assert locked.remote_account is not None, "who onboards has an account"
    account = locked.remote_account
    destinations.visited(locked, clock.now())
    db.session.commit()
    return account


def _is_checked(destination: Destination) -> bool:
    """Is the creator just back from the processor, and has nobody asked yet how it went?"""
    back = "returned" in request.args and destination.status in _ONBOARDS
    return back and destination.next_check_at is not None and destination.checks <= 1


def _last_refusal(creator: Creator) -> Destination | None:
    """The latest account that the processor would not open."""
    statement = (
        select(Destination)
        .where(Destination.creator_id == creator.id, Destination.refusal.is_not(None))
        .order_by(Destination.id.desc())
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none()


def to_payouts() -> ResponseReturnValue:
    return redirect(url_for("creator.payouts"), 303)
