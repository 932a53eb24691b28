"""Imports of metrics: a file is brought, judged row by row, and what is worth a word is named."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage

from marketplace import clock
from marketplace.access import audience, current_person
from marketplace.errors import BadInput, NotFound
from marketplace.extensions import db
from marketplace.metrics.channel import CATEGORIES, PLATFORMS, Channel
from marketplace.metrics.daily import ChannelDay
from marketplace.metrics.importing import MetricImport, MetricLine, import_metrics
from marketplace.metrics.reading import CATEGORIES_COLUMN, CHANNEL_COLUMNS, VIDEO_COLUMNS, read_csv
from marketplace.metrics.video import Video
from marketplace.schemas.program import BringMetrics
from marketplace.web import forms, paging
from marketplace.web import operator_names as names
from marketplace.web.operator import bp

_EXAMPLES = {
    "channels": (
        (*CHANNEL_COLUMNS, CATEGORIES_COLUMN),
        ("ines", "tiktok", "ines.cooks", "2026-11-30", "48200", "9100", "8400", "610", "food"),
    ),
    "videos": (
        VIDEO_COLUMNS,
        *(
            ("ines", "tiktok", "ines.cooks", f"https://tiktok.com/@ines.cooks/video/{it}")
            + ("2026-11-30", "3100", "2900")
            for it in (7, 8)
        ),
    ),
}


@bp.get("/imports/metrics")
@audience("operator")
def metrics() -> ResponseReturnValue:
    """Every import, newest first, and how old the facts are."""
    page = paging.newest_first(select(MetricImport), MetricImport.id)
    counted = [select(func.count()).select_from(model) for model in (Channel, Video)]
    channels, videos = (db.session.scalar(it) or 0 for it in counted)
    return render_template(
        "operator/metrics.html",
        page=page,
        people=_people(page.rows),
        channels=channels,
        videos=videos,
        latest_day=db.session.scalar(select(func.max(ChannelDay.day))),
        signed_is_on=bool(current_app.extensions["settings"].metrics_secrets),
    )


def _people(brought: list[MetricImport]) -> dict[UUID, str]:
    actors = names.actors(f"user:{it.uploaded_by.hex}" for it in brought if it.uploaded_by)
    signed = gettext("A signed source")
    return {
        it.id: actors[f"user:{it.uploaded_by.hex}"] if it.uploaded_by else signed for it in brought
    }


@bp.get("/imports/metrics/new")
@audience("operator")
def new_metrics() -> ResponseReturnValue:
    """Which file?"""
    return render_template("operator/new_metrics.html", form=forms.blank(), **_help())


@bp.post("/imports/metrics")
@audience("operator")
def bring_metrics() -> ResponseReturnValue:
    """Take the file, once per form; the report says what became of its rows."""
    form = forms.sent(BringMetrics())
    with form.refusals():
        upload = request.files.get("file")
        if upload is None or not upload.filename:
            raise BadInput("file", {"file": gettext("Choose the file to bring.")})
        brought = _bring(form.data["form_key"], upload)
        return redirect(url_for("operator.metric_import", import_id=brought.id), 303)
    return form.again("operator/new_metrics.html", **_help())


def _help() -> dict[str, Any]:
    return {
        "platforms": PLATFORMS,
        "categories": CATEGORIES,
        "channel_columns": CHANNEL_COLUMNS,
        "video_columns": VIDEO_COLUMNS,
    }


def _bring(form_key: UUID, upload: FileStorage) -> MetricImport:
    content = upload.read()
    filename = "".join(it for it in upload.filename or "" if it.isprintable()) or "file"
    rows = read_csv(content)
    person_id = current_person().id

    def make() -> MetricImport:
        return import_metrics(
            rows,
            content,
            filename=filename,
            uploaded_by=person_id,
            form_key=form_key,
            at=clock.now(),
        )

    return forms.once(MetricImport, form_key, make)


@bp.get("/imports/metrics/template.csv")
@audience("operator")
def metrics_template() -> ResponseReturnValue:
    """A file to begin with: the header and an example; `?of=videos` for videos."""
    of = "videos" if request.args.get("of") == "videos" else "channels"
    lines = "".join(",".join(cells) + "\r\n" for cells in _EXAMPLES[of])
    disposition = {"Content-Disposition": f'attachment; filename="{of}.csv"'}
    return Response(lines, mimetype="text/csv", headers=disposition)


@bp.get("/imports/metrics/<uuid:import_id>")
@audience("operator")
def metric_import(import_id: UUID) -> ResponseReturnValue:
    """The report of one import: how many rows were taken, and each other one."""
    brought = db.session.get(MetricImport, import_id)
    if brought is None:
        raise NotFound("no such import")
    lines = select(MetricLine).where(MetricLine.import_id == import_id)
    return render_template(
        "operator/metric_import.html",
        brought=brought,
        by=_people([brought])[brought.id],
        page=paging.newest_first(lines, MetricLine.id),
    )
