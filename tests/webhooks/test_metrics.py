"""Metrics of a signed source: judged row by row; whatever is not signed is refused."""

from __future__ import annotations

import hmac
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from marketplace.extensions import db
from marketplace.metrics.channel import Channel
from marketplace.metrics.importing import MetricImport
from marketplace.webhooks.metrics import PATH, SIGNATURE_HEADER
from tests.make import make_creator

SECRET = "whsec_metrics"
DAY = {"handle": "ines", "platform": "tiktok", "channel": "ines", "day": "2026-01-15"}
NUMBERS = {"followers": 9, "views": 8, "authentic_views": 7, "engagements": 1}
BODY = json.dumps({"channels": [DAY | NUMBERS, DAY | NUMBERS | {"views": "x"}]}).encode()


def signature(raw: bytes, secret: str = SECRET, age_s: float = 0) -> str:
    stamp = str(int(time.time() - age_s))
    signed = hmac.digest(secret.encode(), f"{stamp}.".encode() + raw, "sha256")
    return f"t={stamp},v1={signed.hex()}"


def send(client: FlaskClient, raw: bytes = BODY, signed: str | None = None) -> TestResponse:
    headers = {SIGNATURE_HEADER: signature(raw) if signed is None else signed}
    return client.post(PATH, data=raw, headers=headers)


def count(app: Flask, model: Any) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_good_rows_are_taken_and_bad_ones_named_in_the_answer(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        make_creator("ines")
    reply = send(client)
    assert reply.status_code == 200
    assert reply.json is not None
    assert (reply.json["new"], reply.json["refused"]) == (1, 1)
    (line,) = reply.json["lines"]
    assert line == {"row": 2, "outcome": "refused", "reason": "views: a whole number, 0 or more"}
    assert count(app, Channel) == 1


def test_the_same_delivery_again_gets_the_report_of_the_first(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        make_creator("ines")
    signed = signature(BODY)
    first, again = send(client, signed=signed), send(client, signed=signed)
    assert first.json == again.json
    assert count(app, MetricImport) == 1


REFUSED = {
    "unsigned": ("", 401),
    "signed by somebody else": (signature(BODY, "whsec_other"), 401),
    "signed over another body": (signature(b"{}"), 401),
    "signed an hour ago": (signature(BODY, age_s=3_600), 401),
    "signed in an hour": (signature(BODY, age_s=-3_600), 401),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_signed_just_now_is_refused(case: str, app: Flask, client: FlaskClient) -> None:
    signed, status = REFUSED[case]
    assert send(client, signed=signed).status_code == status
    assert count(app, MetricImport) == 0


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"[]", b'{"channels": {}}', b"\xff\xfe"])
def test_signed_garbage_is_a_bad_request(raw: bytes, client: FlaskClient) -> None:
    reply = send(client, raw)
    assert (reply.status_code, reply.json and reply.json["error"]) == (400, "bad_payload")


def test_rows_of_strange_types_are_named_and_harm_nothing(app: Flask, client: FlaskClient) -> None:
    rows: list[Any] = [
        None,
        1,
        [],
        {"handle": "a\0b", "link": "\ud800"},
        {"day": {}, "views": 1e99},
    ]
    reply = send(client, json.dumps({"channels": rows, "videos": rows}).encode())
    assert reply.json is not None
    assert (reply.status_code, reply.json["refused"]) == (200, 10)


def test_categories_that_no_database_can_hold_are_refused_by_name(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        make_creator("ines")
    good = {"handle": "ines", "platform": "tiktok", "channel": "ines", "day": "2026-11-01"}
    numbers = {"followers": 1, "views": 1, "authentic_views": 1, "engagements": 1}
    row = good | numbers | {"categories": "\0 \ud800"}
    reply = send(client, json.dumps({"channels": [row]}).encode())
    assert reply.json is not None
    assert (reply.status_code, reply.json["refused"]) == (200, 1)


def test_more_than_a_mebibyte_is_too_much(client: FlaskClient) -> None:
    assert send(client, b" " * (1024 * 1024 + 1)).status_code == 413


def test_without_a_secret_there_is_no_such_endpoint(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(app.extensions["settings"], metrics_secrets=())
    monkeypatch.setitem(app.extensions, "settings", settings)
    assert send(client).status_code == 404


def test_only_a_post_is_taken(client: FlaskClient) -> None:
    assert client.get(PATH).status_code == 404
