"""Bank accounts to look at, the files that pay them, and what the bank answered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from sqlalchemy import select

from marketplace import access, clock, statuses
from marketplace.access import audience
from marketplace.database.lock import lock
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import bank_account, bank_answer, bank_file, bank_making
from marketplace.payouts.bank_account import BankAccount
from marketplace.payouts.bank_file import BankFile
from marketplace.payouts.destination import Destination, DestinationStatus
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.run import PayoutRun
from marketplace.processors import registry
from marketplace.schemas.operations import BankExecuted, BankNotPaid, DecideAccount
from marketplace.web import bank_words, forms, paging
from marketplace.web import operator_names as names
from marketplace.web.buttons import late
from marketplace.web.operator import bp
from marketplace.web.operator_payouts import creators_of

ACCOUNTS_SHOWN = 50
PAYMENTS_SHOWN = 200


@bp.get("/payouts/bank")
@audience("operator")
def bank() -> ResponseReturnValue:
    """Accounts that wait for an operator, and every file, the newest first."""
    page = paging.newest_first(select(BankFile), BankFile.id)
    waiting = db.session.scalars(
        select(Destination)
        .where(
            Destination.processor == bank_account.PROCESSOR,
            Destination.status == DestinationStatus.ONBOARDING,
        )
        .order_by(Destination.id)
        .limit(ACCOUNTS_SHOWN)
    ).all()
    offered = registry.offers(bank_account.PROCESSOR)
    return render_template(
        "operator/bank.html",
        page=page,
        states={file.id: _state(file) for file in page.rows},
        waiting=waiting,
        creators=creators_of([it.creator_id for it in waiting]),
        offered=offered,
        free=bank_making.free_cash() if offered else None,
    )


def _state(file: BankFile) -> str:
    """'done' once every payment is answered, 'sent' once somebody took it, or 'new'."""
    if bank_file.is_answered(bank_file.payouts_in(file.id)):
        return "done"
    return "sent" if bank_file.downloads(file) else "new"


# ---- accounts


@bp.get("/payouts/bank/accounts/<uuid:account_id>")
@audience("operator")
def bank_account_page(account_id: UUID) -> ResponseReturnValue:
    """Whose an account is said to be, beside who named it."""
    shown = _account(account_id)
    return render_template("operator/bank_account.html", form=forms.blank(), **shown)


@bp.post("/payouts/bank/accounts/<uuid:account_id>/decide")
@audience("operator")
def decide_bank_account(account_id: UUID) -> ResponseReturnValue:
    """Accept an account, or refuse it; the reason is kept with it."""
    _account(account_id)
    form = forms.sent(DecideAccount())
    with form.refusals():
        decision, reason = form.data["decision"], form.data["reason"]
        destination = lock(Destination, account_id)
        assert destination is not None
        with late():
            decide = bank_account.accept if decision == "accept" else bank_account.refuse
            decide(destination, access.current_person(), reason, clock.now())
            db.session.commit()
            flash(gettext("Noted. The creator was told by mail."))
        return redirect(url_for("operator.bank"), 303)
    return form.again("operator/bank_account.html", **_account(account_id))


def _account(account_id: UUID) -> dict[str, Any]:
    account = db.session.get(BankAccount, account_id)
    if account is None:
        raise NotFound("no such bank account")
    destination = db.session.get_one(Destination, account_id)
    creator = db.session.get_one(Creator, destination.creator_id)
    moves = statuses.history(destination)
    return {
        "account": account,
        "destination": destination,
        "creator": creator,
        "person": db.session.get_one(User, creator.user_id),
        "alike": bank_account.alike(account),
        "waits": bank_account.waits(destination),
        "moves": moves,
        "actors": names.actors(move.actor for move in moves),
    }


# ---- files


@bp.get("/payouts/bank/files/<uuid:file_id>")
@audience("operator")
def bank_file_page(file_id: UUID) -> ResponseReturnValue:
    """One file: what it pays, who took it, and what the bank answered."""
    return render_template("operator/bank_file.html", form=forms.blank(), **_file(file_id))


@bp.post("/payouts/bank/files/<uuid:file_id>/download")
@audience("operator")
def download_bank_file(file_id: UUID) -> ResponseReturnValue:
    """The stored bytes; who takes them is written down first."""
    file = _found(file_id)
    content = bank_file.download(file, access.actor(), clock.now())
    name = file.filename
    db.session.commit()
    reply = Response(content, mimetype="application/xml")
    reply.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return reply


@bp.post("/payouts/bank/files/<uuid:file_id>/executed")
@audience("operator")
def bank_file_executed(file_id: UUID) -> ResponseReturnValue:
    """The bank's statement shows the file: what has no other answer is paid."""
    file = _found(file_id)
    form = forms.sent(BankExecuted())
    with form.refusals():
        on, reference = form.data["answered_on"], form.data["reference"]
        with late():
            paid = bank_answer.executed(file, on, reference, access.current_person(), clock.now())
            db.session.commit()
            flash(ngettext("%(num)d payout is paid.", "%(num)d payouts are paid.", paid))
        return redirect(url_for("operator.bank_file_page", file_id=file_id), 303)
    return form.again("operator/bank_file.html", **_file(file_id))


def _found(file_id: UUID) -> BankFile:
    file = db.session.get(BankFile, file_id)
    if file is None:
        raise NotFound("no such file")
    return file


def _file(file_id: UUID) -> dict[str, Any]:
    file = _found(file_id)
    payouts = bank_file.payouts_in(file_id)
    downloads = bank_file.downloads(file)
    return {
        "file": file,
        "state": _state(file),
        "run": db.session.get_one(PayoutRun, file.run_id),
        "payouts": payouts[:PAYMENTS_SHOWN],
        "payouts_more": len(payouts[PAYMENTS_SHOWN:]),
        "creators": creators_of([it.creator_id for it in payouts[:PAYMENTS_SHOWN]]),
        "answered": bank_file.is_answered(payouts),
        "downloads": downloads,
        "actors": names.actors(it.downloaded_by for it in downloads),
    }


# ---- one payment


@bp.get("/payouts/bank/payments/<uuid:payout_id>")
@audience("operator")
def bank_payment(payout_id: UUID) -> ResponseReturnValue:
    """One payment of a file, and what the bank said of it."""
    return render_template("operator/bank_payment.html", form=forms.blank(), **_payment(payout_id))


@bp.post("/payouts/bank/payments/<uuid:payout_id>/not-paid")
@audience("operator")
def bank_not_paid(payout_id: UUID) -> ResponseReturnValue:
    """The bank rejected it, or it came back: the money is available again."""
    file = _payment(payout_id)["file"]
    form = forms.sent(BankNotPaid())
    with form.refusals():
        told = form.data["code"], form.data["answered_on"], form.data["reference"]
        payout = lock(Payout, payout_id)
        assert payout is not None
        with late():
            bank_answer.not_paid(payout, file, *told, access.current_person(), clock.now())
            db.session.commit()
            flash(gettext("Noted. The money is available to the creator again."))
        return redirect(url_for("operator.bank_payment", payout_id=payout_id), 303)
    return form.again("operator/bank_payment.html", **_payment(payout_id))


def _payment(payout_id: UUID) -> dict[str, Any]:
    file = bank_file.of_payout(payout_id)
    if file is None:
        raise NotFound("no such payment")
    payout = db.session.get_one(Payout, payout_id)
    answers = bank_answer.answers_of(payout_id)
    return {
        "payout": payout,
        "file": file,
        "creator": db.session.get_one(Creator, payout.creator_id),
        "destination": db.session.get_one(Destination, payout.destination_id),
        "answers": answers,
        "actors": names.actors(it.recorded_by for it in answers),
        "codes": bank_words.choices(),
        "bank": bank_words,
        "may_come_back": payout.status in (PayoutStatus.SENDING, PayoutStatus.PAID),
    }
