"""Signing up, confirming, logging in and out, over HTTP and on the real database."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from marketplace import clock
from marketplace.extensions import db
from marketplace.notifications.mail import Mail
from marketplace.parties import user as people
from marketplace.parties.brand import Brand, Membership
from marketplace.parties.creator import Creator
from marketplace.parties.session import LoginSession
from marketplace.parties.throttle import Throttle
from marketplace.parties.user import User
from marketplace.web import confirmation
from tests.make import PASSWORD, csrf_token, make_creator, make_user
from tests.web.people import Person, known, log_in

BRAND = {
    "brand_name": "Northwind Coffee",
    "name": "Maya Lindqvist",
    "email": "maya@northwind.example",
    "password": "nine slow mornings",
    "time_zone": "Europe/Paris",
}
CREATOR = {
    "name": "Inès Moreau",
    "handle": "ines.moreau",
    "email": "ines@example.com",
    "password": "forty two rivers",
    "country": "FR",
    "time_zone": "Europe/Paris",
}
FORMS = {"/signup/brand": BRAND, "/signup/creator": CREATOR}


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords hashed by the same function, with the least work."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(people, "_hasher", quick)
    monkeypatch.setattr(people, "_NOBODY", quick.hash("nobody has this password"))


def send(client: FlaskClient, path: str, form: dict[str, str]) -> TestResponse:
    return client.post(path, data={"csrf_token": csrf_token(client), **form})


def mails(app: Flask) -> list[Mail]:
    with app.app_context():
        return list(db.session.scalars(select(Mail).order_by(Mail.id)))


def link(mail: Mail) -> str:
    """The path that a mail leads to."""
    found = re.search(r"https?://\S+", mail.body)
    assert found, mail.body
    return urlsplit(found.group()).path


def count(app: Flask, model: type) -> int:
    with app.app_context():
        return db.session.scalars(select(func.count()).select_from(model)).one()


# --- From nothing to logged in


@pytest.mark.parametrize("path", FORMS)
def test_who_signs_up_confirms_and_logs_in(app: Flask, client: FlaskClient, path: str) -> None:
    form = FORMS[path]
    reply = send(client, path, form)
    assert (reply.status_code, reply.location) == (303, "/signup/done")
    assert form["email"] in client.get("/signup/done").text

    (mail,) = mails(app)
    assert mail.to == form["email"]
    refused = send(client, "/login", form)
    assert refused.status_code == 403
    assert "Send it again" in refused.text

    assert form["email"] in client.get(link(mail)).text
    assert send(client, link(mail), {}).location == "/login"
    assert send(client, "/login", form).status_code == 303
    assert form["name"] in client.get("/", follow_redirects=True).text


def test_a_brand_begins_with_its_owner(app: Flask, client: FlaskClient) -> None:
    send(client, "/signup/brand", BRAND)
    with app.app_context():
        brand = db.session.scalars(select(Brand)).one()
        membership = db.session.scalars(select(Membership)).one()
        assert (brand.name, brand.time_zone) == ("Northwind Coffee", "Europe/Paris")
        assert (membership.brand_id, membership.role) == (brand.id, "owner")


def test_a_creator_s_handle_is_lower_case_without_its_at_sign(
    app: Flask, client: FlaskClient
) -> None:
    send(client, "/signup/creator", CREATOR | {"handle": " @Ines.Moreau "})
    with app.app_context():
        creator = db.session.scalars(select(Creator)).one()
        assert (creator.handle, creator.country) == ("ines.moreau", "FR")


def test_the_mail_speaks_the_language_of_the_page(app: Flask, client: FlaskClient) -> None:
    token = csrf_token(client)
    french = {"Accept-Language": "fr"}
    client.post("/signup/brand", data={"csrf_token": token, **BRAND}, headers=french)
    (mail,) = mails(app)
    assert mail.subject == "Confirmez votre adresse"
    assert "Bonjour Maya Lindqvist," in mail.body


def test_the_mail_can_be_read_in_the_sandbox(app: Flask, client: FlaskClient) -> None:
    send(client, "/signup/brand", BRAND)
    assert "Confirm your address" in client.get("/dev/mail").text
    (mail,) = mails(app)
    assert f'href="{link(mail)}"' in client.get(f"/dev/mail/{mail.id}").text


# --- What is refused, beside its field

LONG = "x" * 100_000
BAD: dict[str, list[str]] = {
    "name": ["", "   ", "x" * 101, LONG, "a\x07b", "a\nb"],
    "email": [
        "",
        "nobody",
        "a@b",
        "a@@b.example",
        "é@example.com",
        LONG,
        "a@b.example\nBcc: c@d.e",
    ],
    "password": ["", "short", "aaaaaaaaaaaa", " " * 12, "p" * 201, LONG],
    "time_zone": ["", "Mars/Olympus", "../../etc/passwd", "europe/paris", LONG],
    "brand_name": ["", "x" * 101, LONG],
    "handle": ["", "a", "two words", "ünïcode", "x" * 31, ".dot", LONG],
    "country": ["", "fr", "XX", "EU", "France", LONG],
}


@pytest.mark.parametrize(
    ("path", "field"), [(path, field) for path, form in FORMS.items() for field in form]
)
def test_a_bad_value_is_refused_beside_its_field(
    app: Flask, client: FlaskClient, path: str, field: str
) -> None:
    token = csrf_token(client)
    for value in BAD[field]:
        reply = client.post(path, data={"csrf_token": token, **FORMS[path], field: value})
        assert reply.status_code == 422, value[:20]
        wrong = re.findall(r'id="f-(\w+)-error"', reply.text)
        assert wrong == [field], f"{value[:20]!r}: only this field is wrong"
        assert re.search(rf'id="f-{field}"[^>]*aria-invalid="true"', reply.text)
    assert count(app, User) == 0


@pytest.mark.parametrize("path", FORMS)
def test_what_was_typed_is_kept_but_no_password(client: FlaskClient, path: str) -> None:
    reply = send(client, path, FORMS[path] | {"email": "no address"})
    assert FORMS[path]["name"] in reply.text
    assert 'value="no address"' in reply.text
    assert '<option value="Europe/Paris" selected>' in reply.text
    assert FORMS[path]["password"] not in reply.text


@pytest.mark.parametrize("path", [*FORMS, "/login", "/confirm/again"])
def test_a_form_without_any_field_is_refused(client: FlaskClient, path: str) -> None:
    assert send(client, path, {}).status_code == 422


@pytest.mark.parametrize("path", [*FORMS, "/login", "/confirm/again"])
def test_bytes_that_are_no_text_are_refused(client: FlaskClient, path: str) -> None:
    for raw in ("name=%00", "name=%ff", "name=%ed%a0%80", b"name=\xff"):
        reply = client.post(path, data=raw, content_type="application/x-www-form-urlencoded")
        assert reply.status_code == 400
        assert "cannot be read" in reply.text


def test_text_from_a_multipart_form_is_held_to_the_same(client: FlaskClient) -> None:
    form = {"csrf_token": csrf_token(client), **BRAND, "name": "a\x00b"}
    reply = client.post("/signup/brand", data=form, content_type="multipart/form-data")
    assert reply.status_code == 422
    assert "cannot be stored" in reply.text


def test_markup_in_a_name_is_shown_as_text(client: FlaskClient) -> None:
    hostile = '"><script>alert(1)</script>'
    reply = send(client, "/signup/brand", BRAND | {"name": hostile, "email": "bad"})
    assert "<script>alert" not in reply.text


# --- Nobody learns who has an account


@pytest.fixture
def ines(app: Flask) -> Person:
    """A creator with the handle 'ines'."""
    return known(app, lambda: make_creator("ines").user)


@pytest.mark.parametrize("path", FORMS)
def test_signing_up_with_a_known_address_looks_like_any_other(
    app: Flask, client: FlaskClient, ines: Person, path: str
) -> None:
    fresh = send(client, path, FORMS[path])
    fresh_page = app.test_client().get("/signup/done").text
    again = send(app.test_client(), path, FORMS[path] | {"email": ines.email, "handle": "other"})
    assert (again.status_code, again.location) == (fresh.status_code, fresh.location)
    assert app.test_client().get("/signup/done").text[:500] == fresh_page[:500]
    assert [mail.subject for mail in mails(app)][1:] == ["You already have an account"]
    assert count(app, User) == 2


@pytest.mark.parametrize("address", ["ines", "stranger@example.com"])
def test_a_taken_handle_is_refused_whether_or_not_the_address_is_known(
    app: Flask, client: FlaskClient, ines: Person, address: str
) -> None:
    email = ines.email if address == "ines" else address
    reply = send(client, "/signup/creator", CREATOR | {"handle": "INES", "email": email})
    assert reply.status_code == 422
    assert "This handle is taken." in reply.text
    assert mails(app) == []


def test_a_form_that_was_sent_twice_is_not_told_that_its_own_handle_is_taken(
    app: Flask, client: FlaskClient
) -> None:
    for _ in range(2):
        assert send(client, "/signup/creator", CREATOR).status_code == 303
    assert count(app, User) == count(app, Creator) == 1


@pytest.mark.parametrize("path", FORMS)
def test_a_double_click_makes_one_person(app: Flask, path: str) -> None:
    def click(_: int) -> int:
        return send(app.test_client(), path, FORMS[path]).status_code

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(click, range(4))) == {303}
    assert count(app, User) == 1


def test_log_in_says_the_same_of_an_unknown_address_and_a_wrong_password(
    client: FlaskClient, ines: Person
) -> None:
    wrong = {"email": ines.email, "password": "not the password"}
    unknown = {"email": "nobody@example.com", "password": "not the password"}
    pages = [send(client, "/login", form) for form in (wrong, unknown)]
    assert [page.status_code for page in pages] == [422, 422]
    texts = [_without_keys(page.text) for page in pages]
    assert texts[0].replace(ines.email, "?") == texts[1].replace("nobody@example.com", "?")


def _without_keys(page: str) -> str:
    return re.sub(r'name="(csrf_token|form_key)" value="[^"]*"', "", page)


@pytest.mark.parametrize("address", ["ines", "nobody@example.com"])
def test_asking_for_the_mail_again_says_the_same_of_every_address(
    app: Flask, client: FlaskClient, ines: Person, address: str
) -> None:
    email = ines.email if address == "ines" else address
    reply = send(client, "/confirm/again", {"email": email})
    assert (reply.status_code, reply.location) == (303, "/signup/done")
    assert [mail.to for mail in mails(app)] == ([ines.email] if address == "ines" else [])


# --- The link


@pytest.fixture
def signed_up(app: Flask, client: FlaskClient) -> str:
    """Maya has signed up; the path of her link."""
    send(client, "/signup/brand", BRAND)
    return link(mails(app)[0])


def confirmed(app: Flask) -> bool:
    with app.app_context():
        return db.session.scalars(select(User.confirmed_at)).one() is not None


def test_reading_the_link_confirms_nothing(app: Flask, client: FlaskClient, signed_up: str) -> None:
    """Programs that scan mail follow links."""
    assert client.get(signed_up).status_code == 200
    assert not confirmed(app)
    send(client, signed_up, {})
    assert confirmed(app)


def test_a_link_works_twice_and_changes_nothing_then(client: FlaskClient, signed_up: str) -> None:
    assert [send(client, signed_up, {}).status_code for _ in range(2)] == [303, 303]


@pytest.mark.parametrize("spoil", ["cut", "other address", "too old"])
def test_a_link_that_proves_nothing_is_refused(
    app: Flask,
    client: FlaskClient,
    signed_up: str,
    spoil: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = signed_up[:-1] if spoil == "cut" else signed_up
    if spoil == "other address":
        with app.app_context():
            db.session.execute(update(User).values(email="new@example.com"))
            db.session.commit()
    if spoil == "too old":
        monkeypatch.setattr(confirmation, "LINK_LIFETIME", timedelta(seconds=-1))
    assert client.get(path).status_code == 410
    assert send(client, path, {}).status_code == 410
    assert not confirmed(app)


def test_a_link_opened_by_somebody_else_does_not_switch_who_is_logged_in(
    app: Flask, client: FlaskClient, signed_up: str, ines: Person
) -> None:
    other = app.test_client()
    token = log_in(other, ines)
    other.post(signed_up, data={"csrf_token": token})
    assert ines.name in other.get("/", follow_redirects=True).text


# --- Logging in and out

AWAY = [
    "//evil.example",
    "///evil.example",
    "https://evil.example",
    "http:evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    " //evil.example",
    "/x\x7f",
]


def test_log_in_never_leads_away(app: Flask, ines: Person) -> None:
    for destination in AWAY:
        client = app.test_client()
        page = client.get("/login", query_string={"next": destination}).text
        assert '<input type="hidden" name="next" value="">' in page
        form = {"email": ines.email, "password": PASSWORD, "next": destination}
        reply = send(client, "/login", form)
        assert reply.status_code in (303, 422)
        assert reply.location in (None, "/"), destination


def test_log_in_leads_back_to_the_page_that_asked_for_it(client: FlaskClient, ines: Person) -> None:
    page = client.get("/login?next=/dev/mail?before=x%26y")
    assert 'name="next" value="/dev/mail?before=x&amp;y"' in page.text
    form = {"email": ines.email, "password": PASSWORD, "next": "/dev/mail?a=b&c=d"}
    assert send(client, "/login", form).location == "/dev/mail?a=b&c=d"


def test_an_address_is_found_in_any_case_of_letters(client: FlaskClient, ines: Person) -> None:
    form = {"email": f" {ines.email.upper()} ", "password": PASSWORD}
    assert send(client, "/login", form).status_code == 303


def test_logging_in_again_ends_the_session_before(app: Flask, client: FlaskClient) -> None:
    first, second = known(app), known(app)
    token = log_in(client, first)
    form = {"csrf_token": token, "email": second.email, "password": PASSWORD}
    client.post("/login", data=form)
    with app.app_context():
        ended = select(func.count()).where(LoginSession.revoked_at.is_not(None))
        assert db.session.scalars(ended).one() == 1
    assert second.name in client.get("/").text


def test_log_out_twice_is_no_error(app: Flask, client: FlaskClient) -> None:
    token = log_in(client, known(app))
    for _ in range(2):
        assert client.post("/logout", data={"csrf_token": token}).location == "/"
    assert "You are logged out." in client.get("/").text


# --- Too many tries


def fail(client: FlaskClient, email: str, times: int, **environ: str) -> list[int]:
    token = csrf_token(client)
    form = {"csrf_token": token, "email": email, "password": "a wrong password"}
    return [
        client.post("/login", data=form, environ_overrides=environ).status_code
        for _ in range(times)
    ]


def test_the_eleventh_wrong_password_for_an_address_must_wait(
    client: FlaskClient, ines: Person
) -> None:
    assert fail(client, ines.email, 11) == [422] * 10 + [429]
    form = {"email": ines.email, "password": PASSWORD}
    reply = send(client, "/login", form)
    assert reply.status_code == 429, "not even the right one"
    assert 0 < int(reply.headers["Retry-After"]) <= 15 * 60
    assert "You can try again in 15 min." in reply.text


def test_the_thirty_first_failure_from_one_place_must_wait(client: FlaskClient) -> None:
    for number in range(3):
        assert fail(client, f"guess{number}@example.com", 10) == [422] * 10
    assert fail(client, "fresh@example.com", 1) == [429]
    assert fail(client, "fresh@example.com", 1, REMOTE_ADDR="192.0.2.7") == [422]


def test_tries_at_the_same_moment_do_not_slip_through(app: Flask, ines: Person) -> None:
    def guess(_: int) -> list[int]:
        return fail(app.test_client(), ines.email, 4)

    with ThreadPoolExecutor(5) as threads:
        statuses = [status for some in threads.map(guess, range(5)) for status in some]
    assert statuses.count(422) == 10
    assert statuses.count(429) == 10


def test_after_a_quarter_of_an_hour_it_may_be_tried_again(
    app: Flask, client: FlaskClient, ines: Person
) -> None:
    fail(client, ines.email, 11)
    with app.app_context():
        db.session.execute(update(Throttle).values(until=clock.wall_now()))
        db.session.commit()
    log_in(client, ines)


def test_who_logs_in_rightly_is_never_counted(app: Flask, ines: Person) -> None:
    for _ in range(31):
        log_in(app.test_client(), ines)


def test_old_counters_go(app: Flask, client: FlaskClient) -> None:
    fail(client, "one@example.com", 1)
    with app.app_context():
        db.session.execute(update(Throttle).values(until=clock.wall_now()))
        db.session.commit()
    fail(client, "two@example.com", 1, REMOTE_ADDR="192.0.2.7")
    assert count(app, Throttle) == 2


def test_one_address_gets_five_mails_at_most(
    app: Flask, client: FlaskClient, signed_up: str
) -> None:
    asked = [send(client, "/confirm/again", {"email": BRAND["email"]}) for _ in range(5)]
    assert [reply.status_code for reply in asked] == [303] * 4 + [429]
    assert len(mails(app)) == 5


def test_the_demo_world_is_offered_on_the_front_page_where_there_is_one(
    app: Flask, client: FlaskClient
) -> None:
    assert "demo-password" not in client.get("/").text
    known(app, lambda: make_user("northwind@demo.example"))
    page = client.get("/").text
    assert 'name="email" value="northwind@demo.example"' in page
    assert "operator@demo.example" not in page
