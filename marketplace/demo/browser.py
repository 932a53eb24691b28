"""A browser without a screen: keeps cookies, fills in forms, follows where they lead."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TypeVar
from urllib.parse import urljoin

import requests

T = TypeVar("T")

TIMEOUT_S = 30
PATIENCE_S = 60


class Unexpected(RuntimeError):
    """A page was not what the story expects."""


@dataclass
class Form:
    """A form of a page, with what is already filled in."""

    action: str
    values: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(attributes.get("action", "")))
            self._inside = True
        elif self._inside and tag == "input" and attributes.get("name"):
            unchosen = attributes.get("type") in ("radio", "checkbox", "file")
            if not unchosen or "checked" in attributes:
                self.forms[-1].values[attributes["name"]] = attributes.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


class Browser:
    """One person at one site."""

    def __init__(self, site: str) -> None:
        self.site = site
        self._session = requests.Session()

    def get(self, path: str) -> requests.Response:
        """Open a page and follow redirects within the site.

        Raises:
            Unexpected: it is not there.
        """
        reply = self._session.get(urljoin(self.site, path), timeout=TIMEOUT_S)
        if not reply.ok:
            raise Unexpected(f"{path} answered {reply.status_code}")
        return reply

    def send(
        self,
        page: str,
        action_ends: str,
        values: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
    ) -> requests.Response:
        """Fill in the form of a page whose action ends so, and send it.

        Raises:
            Unexpected: the page has no such form, or the form was refused.
        """
        opened = self.get(page)
        parser = _Forms()
        parser.feed(opened.text)
        form = next((form for form in parser.forms if form.action.endswith(action_ends)), None)
        if form is None:
            raise Unexpected(f"{page} has no form to …{action_ends}")
        reply = self._session.post(
            urljoin(opened.url, form.action),
            data={**form.values, **(values or {})},
            files=files,
            timeout=TIMEOUT_S,
        )
        if not reply.ok:
            said = " ".join(re.findall(r'(?s)class="error".*?<span>(.*?)</span>', reply.text))
            raise Unexpected(f"the form of {page} was refused ({reply.status_code}): {said}")
        return reply

    def leaving(self, path: str) -> str | None:
        """Where a page sends the browser off the site, or None if it stays."""
        reply = self._session.get(
            urljoin(self.site, path), timeout=TIMEOUT_S, allow_redirects=False
        )
        target = reply.headers.get("Location", "")
        return target if target and not urljoin(reply.url, target).startswith(self.site) else None


def wait_for(what: str, look: Callable[[], T | None]) -> T:
    """Look until there is something.

    Raises:
        Unexpected: it did not come in time.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.3)
    raise Unexpected(f"{what} did not come within {PATIENCE_S} s")
