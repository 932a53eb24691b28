"""Every route by everybody: who is let in, who is told that there is nothing, and never a 500.

What must be answered stands in verdicts.py, one row per route; a route without a row fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from marketplace.access import audience_of
from marketplace.database.identifier import new_id
from marketplace.schemas import Sent
from tests.harness import trials
from tests.make import csrf_token
from tests.web.people import log_in
from tests.web.verdicts import PEOPLE, VERDICTS
from tests.web.world import World, make_world

METHODS = ("GET", "POST")  # HEAD answers as GET does; OPTIONS is Flask's own
STRANGE_METHODS = ("PUT", "PATCH", "DELETE", "PROPFIND")
QUERIES = (
    *("after", "before", "begun", "code", "currency", "kind", "link", "min", "month", "next"),
    *("onward", "outcome", "owner", "placed", "q", "returned", "shop", "state", "status", "thing"),
    *("v", "page", "_scheme", "_anchor"),
)


@pytest.fixture
def world(app: Flask) -> World:
    with app.app_context():
        return make_world()


def routes(app: Flask) -> list[tuple[str, Rule]]:
    """Every method of every route, logging out at last."""
    found = [
        (method, rule)
        for rule in app.url_map.iter_rules()
        for method in METHODS
        if method in (rule.methods or ())
    ]
    return sorted(found, key=lambda route: (route[1].endpoint == "auth.logout", route[1].rule))


def address(app: Flask, rule: Rule, world: World, **instead: object) -> str:
    """The path of a route, filled in with the world's ids."""
    ids = {"token": world.token, **world.ids}
    named = {name: ids.get(f"{rule.endpoint}.{name}", ids.get(name)) for name in rule.arguments}
    named |= instead
    with app.test_request_context():
        built = rule.build({**named, **(rule.defaults or {})}, append_unknown=False)
    assert built is not None, f"{rule.rule} needs an id: add it to make_world"
    return built[1]


def browser(app: Flask, world: World, who: str) -> tuple[FlaskClient, str]:
    """A browser of this person, and a CSRF token for their forms."""
    client = app.test_client()
    person = world.people.get(who)
    return client, log_in(client, person) if person else csrf_token(client)


def ask(client: FlaskClient, method: str, path: str, token: str) -> TestResponse:
    form = {"csrf_token": token, "form_key": new_id()} if method == "POST" else None
    return client.open(path, method=method, data=form, buffered=True)


def verdict(reply: TestResponse) -> str:
    if reply.status_code in (302, 303) and (reply.location or "").startswith("/login"):
        return "login" if "next=" in reply.location else str(reply.status_code)
    return str(reply.status_code)


# --- Who is let in


def test_every_route_has_its_verdicts_and_every_verdict_its_route(app: Flask) -> None:
    known = {" ".join(row.split()) for row in VERDICTS}
    assert {f"{method} {rule.rule}" for method, rule in routes(app)} == known
    assert all(len(columns.split()) == len(PEOPLE) for columns in VERDICTS.values())


@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_is_answered_as_the_table_says(app: Flask, world: World, who: str) -> None:
    table = {" ".join(row.split()): columns.split() for row, columns in VERDICTS.items()}
    client, token = browser(app, world, who)
    wrong = {}
    for method, rule in routes(app):
        path = address(app, rule, world)
        if method == "GET":
            head = client.head(path, buffered=True)
            assert verdict(head) == verdict(client.get(path, buffered=True)), f"HEAD {path}"
        said = verdict(ask(client, method, path, token))
        expected = table.get(f"{method} {rule.rule}", ["no row"] * len(PEOPLE))[PEOPLE.index(who)]
        if said != expected:
            wrong[f"{method} {rule.rule}"] = f"{said}, not {expected}"
    assert wrong == {}


@pytest.mark.parametrize("who", ["brand", "creator", "operator"])
def test_no_form_acts_without_its_token(app: Flask, world: World, who: str) -> None:
    client, _ = browser(app, world, who)
    for method, rule in routes(app):
        if method == "POST":
            reply = client.post(address(app, rule, world))
            assert reply.status_code in (400, 403), f"{rule.rule}: {reply.status_code}"


# --- Whatever is sent, never a 500


def _fields() -> list[str]:
    """The name of every field of every form."""
    named: set[str] = {"file", "language", "theme"}
    pending = [Sent]
    while pending:
        schema = pending.pop()
        pending += schema.__subclasses__()
        named |= set(schema._declared_fields)
    return sorted(named - {"form_key"})


FIELDS = _fields()


@dataclass(frozen=True)
class Somebody:
    """A browser, and the routes that are for who sits at it."""

    client: FlaskClient
    token: str
    routes: list[tuple[str, Rule]]


@pytest.fixture(params=["visitor", "brand", "creator", "operator"])
def somebody(app: Flask, world: World, request: pytest.FixtureRequest) -> Somebody:
    audience = "public" if request.param == "visitor" else request.param
    with app.app_context():
        own = [it for it in routes(app) if audience_of(it[1].endpoint) == audience]
    return Somebody(*browser(app, world, request.param), own)


TEXTS = {
    "NUL": "a%00b",
    "100 kB": "x" * 100_000,
    "a lone surrogate": "%ED%A0%80",
    "bytes that are no text": "%FF%FE",
    "markup": quote("<script>alert(1)</script>{{7*7}}%s%(x)s"),
    "a right-to-left override": quote("\u202e\u0000\u2028"),
    "a quote": quote("'\"\\;--"),
    "a very large number": "9" * 400,
}
# `make proof` sends everything everywhere; `make test` one text in so many to each route, so that
# each text and each route has its turn.
EACH = trials(4, 1)


def has_its_turn(what: int, where: int) -> bool:
    return (what + where) % EACH == 0


# Places in lists that are nowhere.
HUGE = {
    "beyond a bigint": "9" * 30,
    "as large as a bigint": "9" * 18,
    "more digits than Python reads": "9" * 5_000,
    "below zero": "-1",
    "a float": "1e400",
    "a digit that is not ASCII": quote("\u0663"),
    "an id of nothing": "f" * 32,
    "a month that is none": "2026-99",
}


@pytest.mark.proof
def test_strange_text_in_every_field_of_every_form_breaks_nothing(
    app: Flask, world: World, somebody: Somebody
) -> None:
    for turn, (what, text) in enumerate(TEXTS.items()):
        fields = "".join(f"&{name}={text}" for name in FIELDS)
        for at, (method, rule) in enumerate(somebody.routes):
            if method == "POST" and has_its_turn(turn, at):
                reply = somebody.client.post(
                    address(app, rule, world),
                    data=f"csrf_token={quote(somebody.token)}&form_key={new_id()}{fields}",
                    content_type="application/x-www-form-urlencoded",
                )
                assert reply.status_code < 500, f"{what} to {rule.rule}: {reply.status_code}"
                assert b"<script>alert" not in reply.data


@pytest.mark.proof
def test_strange_text_in_every_query_breaks_nothing(
    app: Flask, world: World, somebody: Somebody
) -> None:
    for turn, (what, text) in enumerate({**TEXTS, **HUGE}.items()):
        names = QUERIES[:1] if len(text) > 1_000 else QUERIES
        query = "&".join(f"{name}={text}" for name in names)
        for at, (method, rule) in enumerate(somebody.routes):
            if method == "GET" and has_its_turn(turn, at):
                reply = somebody.client.get(f"{address(app, rule, world)}?{query}", buffered=True)
                assert reply.status_code < 500, f"{what} to {rule.rule}: {reply.status_code}"
                assert b"<script>alert" not in reply.data


@pytest.mark.proof
def test_ids_that_are_none_are_not_found(app: Flask, world: World, somebody: Somebody) -> None:
    for at, (method, rule) in enumerate(somebody.routes):
        if not rule.arguments or rule.endpoint.endswith("static"):
            continue
        known = address(app, rule, world)
        nobody = address(app, rule, world, **dict.fromkeys(rule.arguments, NOBODYS))
        for turn, part in enumerate(("x", "1", "%00", "..", "a" * 4_000, "%ED%A0%80", "01a2-")):
            if not has_its_turn(turn, at):
                continue
            path = re.sub("<[^<>]+>", part, rule.rule)
            assert path != known
            reply = ask(somebody.client, method, path, somebody.token)
            assert reply.status_code < 500, f"{path}: {reply.status_code}"
            assert reply.status_code != 200, path
        reply = ask(somebody.client, method, nobody, somebody.token)
        assert verdict(reply) in ("404", "403", "401", "login", "410"), f"{nobody}"


NOBODYS = "00000000-0000-7000-8000-000000000000"


@pytest.mark.proof
def test_a_method_that_a_route_does_not_take_is_refused(app: Flask, world: World) -> None:
    client, _ = browser(app, world, "operator")
    paths = sorted({address(app, rule, world) for _, rule in routes(app)})
    for at, path in enumerate(paths):
        for turn, strange in enumerate(STRANGE_METHODS):
            if has_its_turn(turn, at):
                reply = client.open(path, method=strange)
                assert reply.status_code == 405, f"{strange} {path}: {reply.status_code}"
        assert client.options(path).status_code < 500
