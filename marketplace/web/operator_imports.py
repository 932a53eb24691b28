"""Imports of income: a file is brought, judged row by row, and its report stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from werkzeug.datastructures import FileStorage

from marketplace import clock
from marketplace.access import audience, current_person
from marketplace.earnings.earning import EarningKind
from marketplace.errors import BadInput, InsufficientFunds, NotFound
from marketplace.extensions import db
from marketplace.income.importing import IncomeImport, IncomeRow, import_income
from marketplace.income.reading import COLUMNS
from marketplace.money import Money
from marketplace.parties.user import User
from marketplace.payouts.threshold import currencies
from marketplace.schemas.operations import BringIncome
from marketplace.web import forms, paging
from marketplace.web.operator import bp

ROWS_SHOWN = 200
OUTCOMES = ("accepted", "known", "refused")
LINE_MAX = 10**9
_EXAMPLE = (
    ("G-1042", "ines", "120.00", "USD", "2026-11-30"),
    ("G-1043", "tom", "75.50", "USD", "2026-11-30"),
)


@bp.get("/imports")
@audience("operator")
def imports() -> ResponseReturnValue:
    """Every file that was brought, newest first, and what became of its rows."""
    page = paging.newest_first(select(IncomeImport), IncomeImport.id)
    people = _people({brought.uploaded_by for brought in page.rows})
    counts = _counts([brought.id for brought in page.rows])
    return render_template("operator/imports.html", page=page, people=people, counts=counts)


def _people(ids: set[UUID]) -> dict[UUID, str]:
    rows = db.session.execute(select(User.id, User.name).where(User.id.in_(ids)))
    return {id: name for id, name in rows}


def _counts(import_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Per import how many rows had each outcome."""
    rows = db.session.execute(
        select(IncomeRow.import_id, IncomeRow.outcome, func.count())
        .where(IncomeRow.import_id.in_(import_ids))
        .group_by(IncomeRow.import_id, IncomeRow.outcome)
    )
    counts: dict[UUID, dict[str, int]] = {id: dict.fromkeys(OUTCOMES, 0) for id in import_ids}
    for import_id, outcome, count in rows:
        counts[import_id][outcome] = count
    return counts


@bp.get("/imports/new")
@audience("operator")
def new_import() -> ResponseReturnValue:
    """Which file, of what kind?"""
    return render_template("operator/new_import.html", form=forms.blank(), **_help())


@bp.post("/imports")
@audience("operator")
def bring() -> ResponseReturnValue:
    """Take the file, once per form; the report says what became of each row."""
    form = forms.sent(BringIncome())
    with form.refusals():
        upload = request.files.get("file")
        if upload is None or not upload.filename:
            raise BadInput("file", {"file": gettext("Choose the file to bring.")})
        brought = _bring(form.data, upload)
        return redirect(url_for("operator.income_import", import_id=brought.id), 303)
    return form.again("operator/new_import.html", **_help())


def _help() -> dict[str, Any]:
    return {"columns": COLUMNS, "currencies": sorted(currencies(clock.now()))}


def _bring(data: dict[str, Any], upload: FileStorage) -> IncomeImport:
    content = upload.read()

    def make() -> IncomeImport:
        return import_income(
            EarningKind(data["kind"]),
            _plain(upload.filename or ""),
            content,
            uploaded_by=current_person().id,
            form_key=data["form_key"],
            currencies=currencies(clock.now()),
            at=clock.now(),
        )

    try:
        return forms.once(IncomeImport, data["form_key"], make)
    except (IntegrityError, InsufficientFunds):
        # A rival brought the same rows, or used the pool up, in this moment: judge them anew.
        return forms.once(IncomeImport, data["form_key"], make)


def _plain(filename: str) -> str:
    """A browser's name of a file, without what cannot be stored."""
    return "".join(it for it in filename if it.isprintable()) or "file"


@bp.get("/imports/template.csv")
@audience("operator")
def import_template() -> ResponseReturnValue:
    """A file to begin with: the header, and two lines as an example."""
    lines = "".join(",".join(cells) + "\r\n" for cells in (COLUMNS, *_EXAMPLE))
    disposition = {"Content-Disposition": 'attachment; filename="income.csv"'}
    return Response(lines, mimetype="text/csv", headers=disposition)


@bp.get("/imports/<uuid:import_id>")
@audience("operator")
def income_import(import_id: UUID) -> ResponseReturnValue:
    """The report of one file, row by row: what was accepted, and why the others were not."""
    brought = db.session.get(IncomeImport, import_id)
    if brought is None:
        raise NotFound("no such import")
    outcome = request.args.get("outcome", "")
    rows = select(IncomeRow).where(IncomeRow.import_id == import_id)
    if outcome in OUTCOMES:
        rows = rows.where(IncomeRow.outcome == outcome)
    after = request.args.get("after", 0, type=int)
    rows = rows.where(IncomeRow.line > min(max(after, 0), LINE_MAX))
    shown = list(db.session.scalars(rows.order_by(IncomeRow.line).limit(ROWS_SHOWN + 1)))
    return render_template(
        "operator/import.html",
        brought=brought,
        by=_people({brought.uploaded_by})[brought.uploaded_by],
        counts=_counts([import_id])[import_id],
        sums=_sums(import_id),
        outcome=outcome if outcome in OUTCOMES else None,
        rows=[(row, _amount(row)) for row in shown[:ROWS_SHOWN]],
        next_after=shown[ROWS_SHOWN - 1].line if len(shown) > ROWS_SHOWN else None,
        is_first=after <= 0,
    )


def _amount(row: IncomeRow) -> Money | None:
    """The amount of a row; None if it could not be read, or was none to be paid."""
    if row.currency is None or not row.amount_minor or row.amount_minor < 0:
        return None
    return Money(row.amount_minor, row.currency)


def _sums(import_id: UUID) -> list[tuple[str, Money]]:
    """What the rows of each outcome sum to, per currency."""
    rows = db.session.execute(
        select(IncomeRow.outcome, IncomeRow.currency, func.sum(IncomeRow.amount_minor))
        .where(IncomeRow.import_id == import_id, IncomeRow.currency.is_not(None))
        .group_by(IncomeRow.outcome, IncomeRow.currency)
        .order_by(IncomeRow.outcome, IncomeRow.currency)
    )
    return [(outcome, Money(int(minor or 0), str(currency))) for outcome, currency, minor in rows]
