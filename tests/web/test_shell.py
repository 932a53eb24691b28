"""What every page has in common: headers, language, theme, navigation, errors, who is looking."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace import access, clock, create_app, demo_clock
from marketplace.config import Settings
from marketplace.extensions import db
from marketplace.parties import creator as creators
from marketplace.parties.session import LoginSession
from marketplace.parties.user import User
from marketplace.web.shell import Shell
from tests.harness import Ports, settings_for_tests
from tests.make import csrf_token, make_brand, make_creator
from tests.web.people import Person, known, log_in

# --- Headers


@pytest.mark.parametrize("path", ["/", "/nowhere", "/healthz", "/logout", "/static/tokens.css"])
def test_every_answer_carries_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path, buffered=True).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_forms_may_lead_to_the_stand_in_for_the_processor_and_nowhere_else(
    client: FlaskClient, ports: Ports
) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert f"form-action 'self' http://127.0.0.1:{ports.sandbox};" in policy


@pytest.fixture
def live(database_url: str, ports: Ports) -> Settings:
    """Settings of a live site; no request to a database or processor is made with them."""
    return replace(
        settings_for_tests(database_url, ports),
        sandbox=False,
        base_url="https://market.example",
        stripe_api_base=None,
        stripe_secret_key="sk_test_live_mode",
    )


def test_a_live_site_has_no_mail_page_and_leads_forms_to_stripe(live: Settings) -> None:
    app = create_app(live)
    client = app.test_client()
    home = client.get("/", base_url="https://market.example")
    assert "https://checkout.stripe.com" in home.headers["Content-Security-Policy"]
    assert home.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "Sandbox" not in home.text
    assert "Secure" in home.headers["Set-Cookie"]
    assert client.get("/dev/mail").status_code == 404
    assert client.get("/dev/shop").status_code == 404
    with app.app_context():
        db.engine.dispose()


def test_a_file_named_with_its_fingerprint_may_be_kept_for_ever(client: FlaskClient) -> None:
    named = client.get("/static/tokens.css?v=123", buffered=True).headers["Cache-Control"]
    assert "immutable" in named
    assert "max-age=31536000" in named
    plain = client.get("/static/tokens.css", buffered=True).headers["Cache-Control"]
    assert "immutable" not in plain


def test_a_page_of_somebody_logged_in_is_kept_nowhere(app: Flask, client: FlaskClient) -> None:
    assert client.get("/").headers["Cache-Control"] == "private, no-cache"
    log_in(client, known(app))
    assert client.get("/").headers["Cache-Control"] == "no-store"


# --- Language and theme


def test_the_browser_s_language_is_spoken_until_another_is_chosen(client: FlaskClient) -> None:
    french = {"Accept-Language": "fr-CH, fr;q=0.9, en;q=0.5"}
    assert '<html lang="fr"' in client.get("/", headers=french).text
    assert '<html lang="en"' in client.get("/", headers={"Accept-Language": "de"}).text

    token = csrf_token(client)
    form = {"csrf_token": token, "language": "en", "next": "/signup"}
    reply = client.post("/language", data=form, headers=french)
    assert (reply.status_code, reply.location) == (303, "/signup")
    assert '<html lang="en"' in client.get("/", headers=french).text


def test_a_person_s_language_follows_them_to_another_browser(app: Flask) -> None:
    first, second = app.test_client(), app.test_client()
    person = known(app)
    token = log_in(first, person)
    first.post("/language", data={"csrf_token": token, "language": "fr"})
    log_in(second, person)
    assert '<html lang="fr"' in second.get("/").text


def test_an_unknown_language_or_theme_changes_nothing(client: FlaskClient) -> None:
    token = csrf_token(client)
    for path in ("/language", "/theme"):
        sent = {"csrf_token": token, "language": "xx", "theme": "pink", "next": "//evil.example"}
        reply = client.post(path, data=sent)
        assert (reply.status_code, reply.location) == (303, "/")
    assert '<html lang="en">' in client.get("/").text


def test_the_theme_is_remembered_without_a_script(client: FlaskClient) -> None:
    assert "data-theme=" not in client.get("/").text
    client.post("/theme", data={"csrf_token": csrf_token(client), "theme": "dark"})
    assert 'data-theme="dark"' in client.get("/").text


# --- Who is looking


def test_another_browser_is_not_logged_in(app: Flask, client: FlaskClient) -> None:
    person = known(app)
    log_in(client, person)
    assert person.name in client.get("/").text
    assert person.name not in app.test_client().get("/").text


def test_a_revoked_session_is_over_at_once(app: Flask, client: FlaskClient) -> None:
    log_in(client, known(app))
    assert "logged in" in client.get("/").text
    with app.app_context():
        session = db.session.scalars(db.select(LoginSession)).one()
        session.revoked_at = clock.wall_now()
        db.session.commit()
    assert "Funded before the work" in client.get("/").text


def test_a_cookie_that_was_copied_is_worth_nothing_after_log_out(
    app: Flask, client: FlaskClient
) -> None:
    token = log_in(client, known(app))
    thief = app.test_client()
    cookie = client.get_cookie("session")
    assert cookie is not None
    thief.set_cookie("session", cookie.value)
    assert "logged in" in thief.get("/").text

    client.post("/logout", data={"csrf_token": token})
    assert "Funded before the work" in thief.get("/").text


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pages of brands and one of creators, as if there were no others."""
    there = {"brand.home", "brand.money", "creator.home"}
    monkeypatch.setattr("marketplace.web.shell.exists", lambda endpoint: endpoint in there)
    monkeypatch.setattr(
        "marketplace.web.shell.url_for", lambda endpoint: "/" + endpoint.replace(".", "/")
    )


def nav(app: Flask, person: Person, path: str) -> list[tuple[str, bool]]:
    """The navigation that this person sees on a page of this path."""
    with app.test_request_context(path):
        access.log_in(db.session.get_one(User, person.id))
        shell = Shell(sandbox=True)
        return [(place.url, place.current) for place in shell.nav]


@pytest.mark.usefixtures("pages")
def test_the_navigation_has_the_pages_of_their_role_that_exist(app: Flask) -> None:
    brand = known(app, lambda: make_brand().user)
    creator = known(app, lambda: make_creator().user)
    shown = nav(app, brand, "/brand/money/42")
    assert shown == [("/brand/home", False), ("/brand/money", True)]
    assert nav(app, creator, "/") == [("/creator/home", False)]
    assert nav(app, known(app), "/") == []


@pytest.mark.usefixtures("pages")
def test_who_holds_two_roles_is_offered_the_other_one(app: Flask) -> None:
    def both() -> User:
        user = make_brand().user
        creators.join(user, "two.roles", "FR", "Europe/Paris", clock.now())
        db.session.commit()
        return user

    person = known(app, both)
    with app.test_request_context("/"):
        access.log_in(db.session.get_one(User, person.id))
        assert Shell(sandbox=True).other_areas == [("Creator", "/creator/home")]


@pytest.mark.parametrize(("hours", "says"), [(1, "1 day ahead"), (24, "1 day"), (49, "3 days")])
def test_a_banner_says_how_far_the_demo_clock_is_ahead(
    app: Flask, client: FlaskClient, hours: int, says: str
) -> None:
    assert "demo clock is" not in client.get("/").text
    with app.app_context():
        demo_clock.set_to(clock.wall_now() + timedelta(hours=hours, seconds=-5))
        db.session.commit()
    assert says in client.get("/").text


# --- Errors


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/dev/mail/not-a-uuid", 404),
        ("/dev/mail/0193d2a4-0000-7000-8000-000000000000", 404),
        ("/dev/mail?before=not-a-uuid", 400),
        ("/logout", 405),
        ("/static/../config.py", 404),
        ("/login?next=%00", 400),
        ("/?q=%ff%fe", 400),
        ("/?q=%ed%a0%80", 400),
        ("/?q=" + "x" * 100_000, 414),
        ("/confirm/%00", 410),
    ],
)
def test_a_bad_address_ends_in_a_page_that_says_what_to_do(
    client: FlaskClient, path: str, status: int
) -> None:
    reply = client.get(path)
    assert reply.status_code == status
    assert reply.mimetype == "text/html"
    assert "<h1>" in reply.text
    assert "Traceback" not in reply.text


def test_405_names_what_is_allowed(client: FlaskClient) -> None:
    assert "POST" in client.get("/logout").headers["Allow"]


def test_bytes_that_are_no_text_are_refused_in_the_raw_query_too(client: FlaskClient) -> None:
    assert client.get("/", environ_overrides={"QUERY_STRING": "q=\xff"}).status_code == 400


@pytest.mark.parametrize("path", ["/login", "/signup/brand", "/logout", "/language", "/theme"])
def test_a_form_without_its_token_is_refused_with_a_page(client: FlaskClient, path: str) -> None:
    reply = client.post(path, data={"email": "a@example.com"})
    assert reply.status_code == 400
    assert "This form is out of date" in reply.text


def test_a_form_with_somebody_else_s_token_is_refused(app: Flask, client: FlaskClient) -> None:
    stolen = csrf_token(app.test_client())
    csrf_token(client)
    assert client.post("/logout", data={"csrf_token": stolen}).status_code == 400


def test_a_body_that_is_too_large_is_413(app: Flask, client: FlaskClient) -> None:
    token = csrf_token(client)
    body = {"csrf_token": token, "email": "x" * (app.config["MAX_CONTENT_LENGTH"] + 1)}
    reply = client.post("/login", data=body)
    assert reply.status_code == 413
    assert "too large" in reply.text


def test_programs_get_problem_json(client: FlaskClient) -> None:
    reply = client.get("/nowhere", headers={"Accept": "application/json"})
    assert reply.mimetype == "application/problem+json"
    assert reply.json is not None
    assert (reply.json["status"], reply.json["code"]) == (404, "http_404")


@pytest.fixture
def broken(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The health check has begun to write, then fails."""

    @access.audience("public")
    def fail() -> str:
        db.session.add(User(email="half@example.com", name="x", password_hash="x"))
        raise RuntimeError("a secret of the inside")

    monkeypatch.setitem(app.view_functions, "public.healthz", fail)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_failure_shows_nothing_of_the_inside(client: FlaskClient, accept: str) -> None:
    reply = client.get("/healthz", headers={"Accept": accept})
    assert reply.status_code == 500
    assert "secret" not in reply.text
    assert "RuntimeError" not in reply.text
    assert "broke on our side" in reply.text


@pytest.mark.usefixtures("broken")
def test_the_page_of_a_failure_asks_the_database_for_nothing(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable() -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr("marketplace.web.shell.access.signed_in", unreachable)
    assert client.get("/healthz").status_code == 500


def test_the_health_check_asks_the_database(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
