"""Chromium as tests use it: pages that stay at home, log nothing, everybody can read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

import pytest
from _pytest.mark import ParameterSet
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.harness import trials
from tests.make import PASSWORD

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


class Look(NamedTuple):
    """How somebody sees the pages."""

    theme: Literal["light", "dark"]
    size: str
    language: str = "en"


IN_FULL = (
    pytest.mark.proof,
    pytest.mark.skipif(trials(0, 1) == 0, reason="this way to look by `make proof` alone"),
)


def in_full(look: Look) -> ParameterSet:
    """A further way to look, which `make proof` alone takes."""
    return pytest.param(look, marks=IN_FULL)


@contextmanager
def opened(browser: Browser, look: Look, *homes: str) -> Iterator[Page]:
    """A page that must stay on these hosts, the first being ours, and log nothing."""
    width, height = SIZES[look.size]
    context = browser.new_context(
        base_url=homes[0],
        color_scheme=look.theme,
        viewport={"width": width, "height": height},
        locale=look.language,
        reduced_motion="reduce",
        timezone_id="Europe/Paris",
    )
    page = context.new_page()
    at_home = tuple(f"{home}/" for home in homes)
    away: list[str] = []
    said: list[str] = []
    page.on(
        "request",
        lambda sent: None if sent.url.startswith((*at_home, "data:")) else away.append(sent.url),
    )
    page.on("console", lambda line: said.append(line.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert away == []
    # Chromium itself notes that a page answered with an error.
    assert [line for line in said if "Failed to load resource" not in line] == []


def check(page: Page) -> None:
    """Nothing that axe objects to, nothing out of reach sideways."""
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    check_width(page)


def check_width(page: Page) -> None:
    """Nothing out of reach sideways."""
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0, f"{page.url} is {wider} px too wide"


def log_in(page: Page, email: str) -> None:
    """Log in by the form, in whatever language it is; nobody else is logged in then."""
    page.context.clear_cookies()
    page.goto("/login")
    page.locator("[name=email]").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    expect(page.locator("details.menu summary[aria-label]")).to_be_visible()
