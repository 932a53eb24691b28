"""The pages in Chromium: readable for everybody, in both themes and sizes, from this host alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect

from marketplace.extensions import db
from marketplace.notifications.mail import Mail
from marketplace.parties.user import User
from marketplace.web.shell import AREAS
from tests.browsing import Look, check, in_full, log_in, opened
from tests.conftest import Web
from tests.make import PASSWORD, earn, earn_matured, make_brand, make_creator, make_operator
from tests.web.people import Person, known
from tests.web.test_macros import sheet

pytestmark = pytest.mark.browser

VARIANTS = [
    *(Look("dark", "phone"), Look("light", "desktop")),
    *(in_full(Look("light", "phone")), in_full(Look("dark", "desktop"))),
]
LIGHT_PHONE = pytest.mark.parametrize(
    "page", [Look("light", "phone")], indirect=True, ids=["phone"]
)

ENTRY = ["/", "/signup", "/signup/brand", "/signup/creator", "/signup/done", "/login"]
PAGES = [*ENTRY, "/confirm/again", "/dev/mail", "/dev/shop", "/nowhere"]


@pytest.fixture(params=VARIANTS, ids=lambda look: f"{look.theme}-{look.size}")
def page(browser: Browser, web: Web, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in one of the variants."""
    with opened(browser, request.param, web.url) as page:
        yield page


PERSONS = {
    "brand": lambda: make_brand().user,
    "creator": lambda: make_creator().user,
    "operator": make_operator,
}


@pytest.mark.parametrize("page", [Look("light", "phone", "fr")], indirect=True, ids=["phone"])
def test_no_amount_is_broken_on_a_phone(page: Page, app: Flask) -> None:
    """What the French write after the number stays beside it."""
    with app.app_context():
        person = make_creator()
        earn_matured(person.creator, "1371.38 USD")
        earn(person.creator, "1099.15 USD")
        email = person.user.email
        person.user.locale = "fr"
        db.session.commit()
        db.session.remove()
    log_in(page, email)
    page.goto("/creator")
    amounts = page.locator(".hero .big, .stat .num")
    expect(amounts).to_have_count(3)
    for amount in amounts.all():
        lines = amount.evaluate(
            "it => Math.round(it.clientHeight / parseFloat(getComputedStyle(it).lineHeight))"
        )
        assert lines == 1, amount.inner_text()


@pytest.mark.parametrize("area", PERSONS)
def test_every_place_of_an_area_can_be_reached(page: Page, app: Flask, area: str) -> None:
    reach_every_place(page, known(app, PERSONS[area]), area)


@pytest.mark.parametrize(
    "page", [Look("light", "desktop", "fr")], indirect=True, ids=["french-desktop"]
)
def test_every_place_of_an_operator_can_be_reached_in_french(page: Page, app: Flask) -> None:
    reach_every_place(page, known(app, french_operator), "operator")
    expect(page.locator("html")).to_have_attribute("lang", "fr")


def french_operator() -> User:
    made = make_operator()
    made.locale = "fr"
    db.session.commit()
    return made


def reach_every_place(page: Page, person: Person, area: str) -> None:
    log_in(page, person.email)
    nav = page.locator("nav.main-nav")
    for width in (page.viewport_size["width"], 1024):  # type: ignore[index]
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"/{area}")
        more = nav.locator("summary")
        if more.is_visible():
            more.click()
        check(page)
        bar = page.locator("header .bar")
        assert bar.evaluate("bar => bar.scrollWidth - bar.clientWidth") <= 0
        shown = [link for link in nav.get_by_role("link").all() if link.is_visible()]
        urls = [link.get_attribute("href") for link in shown]
        assert len(urls) == len(set(urls)) == len(AREAS[area])
        for link in shown:
            box = link.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            link.click(trial=True)  # nothing lies over it


def test_public_pages_are_accessible(page: Page) -> None:
    for path in PAGES:
        page.goto(path)
        check(page)


def test_refused_forms_and_messages_are_accessible(page: Page, app: Flask) -> None:
    page.goto("/signup/creator")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Paris")  # the browser's own
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_label("Your name")).to_be_focused()
    assert page.get_by_text("Please fill this in.").count() == 5
    check(page)

    person = known(app)
    page.goto("/login")
    page.get_by_label("Mail address").fill(person.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("details.menu summary[aria-label]").click()
    check(page)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("status")).to_contain_text("You are logged out.")
    check(page)


def test_every_part_is_accessible(page: Page, app: Flask, web: Web) -> None:
    with app.test_request_context("/", base_url=web.url):
        body = sheet(title="Too long.", rhythm="Choose one.")
    with app.test_client() as client:
        policy = client.get("/").headers["Content-Security-Policy"]
    headers = {"Content-Type": "text/html", "Content-Security-Policy": policy}

    def answer(route: Route) -> None:
        route.fulfill(body=body, headers=headers)

    page.route("**/all-parts", answer)
    page.goto("/all-parts")
    check(page)


@LIGHT_PHONE
def test_somebody_signs_up_and_logs_in_by_clicking(page: Page, app: Flask) -> None:
    page.goto("/")
    page.get_by_role("link", name="I am a brand").click()
    page.get_by_label("Name of the brand").fill("Northwind Coffee")
    page.get_by_label("Your name").fill("Maya Lindqvist")
    page.get_by_label("Mail address").fill("maya@northwind.example")
    page.get_by_label("Password", exact=True).fill("nine slow mornings")
    page.get_by_role("button", name="Show the password").click()
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")
    page.get_by_role("button", name="Sign up").click()

    page.get_by_role("link", name="Read the mail here").click()
    page.get_by_role("link", name="Confirm your address").click()
    check(page)
    page.get_by_role("link", name="/confirm/").click()
    check(page)
    page.get_by_role("button", name="Yes, confirm it").click()
    expect(page.get_by_label("Mail address")).to_have_value("maya@northwind.example")
    page.get_by_label("Password", exact=True).fill("nine slow mornings")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("details.menu summary[aria-label]")).to_be_visible()


@LIGHT_PHONE
def test_a_double_click_sends_a_form_once(page: Page, app: Flask) -> None:
    page.goto("/signup/brand")
    page.get_by_label("Name of the brand").fill("Northwind Coffee")
    page.get_by_label("Your name").fill("Maya Lindqvist")
    page.get_by_label("Mail address").fill("maya@northwind.example")
    page.get_by_label("Password", exact=True).fill("nine slow mornings")
    page.get_by_role("button", name="Sign up").dblclick()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    with app.app_context():
        assert db.session.query(Mail).count() == 1


@LIGHT_PHONE
def test_the_theme_changes_without_loading_the_page_and_stays(page: Page) -> None:
    page.goto("/")
    shown = page.locator("form.theme button:visible")
    theme = shown.get_attribute("value")
    shown.click()
    expect(page.locator("html")).to_have_attribute("data-theme", str(theme))
    page.goto("/login")
    expect(page.locator("html")).to_have_attribute("data-theme", str(theme))


def test_the_site_works_without_scripts(browser: Browser, web: Web, app: Flask) -> None:
    person = known(app)
    context = browser.new_context(base_url=web.url, java_script_enabled=False, locale="en")
    page = context.new_page()
    page.goto("/login")
    page.locator("form.theme button:visible").click()
    page.get_by_role("button", name="Français").click()
    page.get_by_label("Adresse e-mail").fill(person.email)
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.locator("details.menu summary[aria-label]").click()
    page.get_by_role("button", name="Se déconnecter").click()
    assert "déconnecté" in page.get_by_role("status").inner_text()
    context.close()
