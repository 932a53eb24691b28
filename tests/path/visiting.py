"""People at their browsers: they click what a page says in their language, and look at it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from flask import Flask
from flask_babel import force_locale, gettext
from playwright.sync_api import Locator, Page, expect

from marketplace.money import Money
from marketplace.web import formats
from tests.browsing import check, check_width

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\w+_\w{12,}")


@dataclass
class Words:
    """What our pages say in one language."""

    app: Flask
    language: str

    def __call__(self, msgid: str, **values: object) -> str:
        """A text of the pages; an amount is written out."""
        with self.app.test_request_context(), force_locale(self.language):
            shown = {
                name: formats.money(it) if isinstance(it, Money) else it
                for name, it in values.items()
            }
            return str(gettext(msgid, **shown))

    def money(self, amount: Money) -> str:
        return self("%(amount)s", amount=amount)


@dataclass
class Visitor:
    """Somebody at their browser. Each page must fit; each kind of page is shown to axe once."""

    page: Page
    words: Words
    known: set[tuple[str, str]] = field(default_factory=set)  # kinds of pages that axe has seen

    def look(self) -> None:
        """Look at the page that is open now."""
        expect(self.page.locator("h1").first).to_be_visible()
        path = _ID.sub("*", self.page.url.partition("?")[0])
        kind = path, re.sub(r"\d", "", self.page.title())  # one address may bear several pages
        if kind in self.known:
            check_width(self.page)
            return
        self.known.add(kind)
        check(self.page)

    def go(self, path: str) -> None:
        self.page.goto(path)
        self.look()

    def again(self) -> None:
        """The page anew: something has happened meanwhile."""
        self.page.reload()
        self.look()

    def fill(self, **fields: object) -> None:
        """Fill in fields, each by its name."""
        for name, value in fields.items():
            self._named(name).fill(str(value))

    def choose(self, name: str, value: str) -> None:
        self.page.locator(f"[name={name}][value={value}]").check()

    def _named(self, name: str) -> Locator:
        return self.page.locator(f"main [name={name}]:not([type=hidden])")

    def press(self, button: str, **values: object) -> None:
        """Press a button of ours, named as in English, and look at the page it leads to."""
        name = self.words(button, **values)
        self.page.get_by_role("button", name=name, exact=True).click()
        self.page.wait_for_load_state()
        self.look()

    def press_hosted(self, button: str) -> None:
        """Press a button of the processor's page; it leads back to ours."""
        self.page.get_by_role("button", name=button).click()
        self.page.wait_for_load_state()
        self.look()

    def follow(self, link: str, **values: object) -> None:
        """Follow a link of ours, named as in English."""
        self.follow_to(self.words(link, **values))

    def follow_to(self, name: str) -> None:
        """Follow a link that bears a name, of a person or a thing."""
        self.page.locator("main").get_by_role("link", name=name, exact=True).first.click()
        self.page.wait_for_load_state()
        self.look()

    def sees(self, text: str, **values: object) -> None:
        """This text is there, soon at the latest."""
        said = self.words(text, **values)
        expect(self.page.locator("main").get_by_text(said).first).to_be_visible()

    def sees_money(self, amount: Money) -> None:
        said = self.words.money(amount)
        expect(self.page.locator("main").get_by_text(said).first).to_be_visible()
