"""What every page shows around its content: who is looking, where they can go, what is special."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from flask import Flask, current_app, request, url_for
from flask_babel import lazy_gettext as _

from marketplace import access, clock
from marketplace.parties.user import User
from marketplace.web.redirects import here

THEMES = ("light", "dark")
# How many places the bar holds; those after them are in the menu beside it.
PLACES_NARROW = 4
PLACES_WIDE = 7
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Item:
    """One place in the navigation. It shows once a page of this endpoint exists."""

    endpoint: str
    icon: str
    label: Any  # lazily translated


@dataclass(frozen=True)
class Place:
    """An item as it is shown now."""

    url: str
    icon: str
    label: str
    current: bool
    always: bool  # in the bar on a narrow screen, too


AREAS: dict[str, tuple[Item, ...]] = {
    "brand": (
        Item("brand.home", "megaphone", _("Campaigns")),
        Item("brand.work", "clipboard-check", _("Work")),
        Item("brand.sales", "shopping-bag", _("Sales")),
        Item("brand.challenges", "trophy", _("Challenges")),
        Item("brand.money", "wallet", _("Money")),
    ),
    "creator": (
        Item("creator.campaigns", "compass", _("Discover")),
        Item("creator.challenges", "trophy", _("Challenges")),
        Item("creator.work", "clipboard-list", _("My work")),
        Item("creator.home", "chart-line", _("Earnings")),
        Item("creator.payouts", "banknote", _("Payouts")),
        Item("creator.sales", "tag", _("Sales")),
        Item("creator.program", "badge-check", _("Program")),
    ),
    "operator": (
        Item("operator.home", "gauge", _("Overview")),
        Item("operator.campaigns", "megaphone", _("Campaigns")),
        Item("operator.applications_queue", "user-round-check", _("Applications")),
        Item("operator.payouts", "banknote", _("Payouts")),
        Item("operator.ledger", "book-open-check", _("Ledger")),
        Item("operator.challenges", "trophy", _("Challenges")),
        Item("operator.disputes", "scale", _("Disputes")),
        Item("operator.imports", "upload", _("Imports")),
        Item("operator.pools", "coins", _("Pools")),
        Item("operator.webhooks", "webhook", _("Webhooks")),
        Item("operator.clock", "clock", _("Clock")),
    ),
}
AREA_NAMES = {"brand": _("Brand"), "creator": _("Creator"), "operator": _("Operator")}


class Shell:
    """Worked out when a template asks, so that a failure page need not touch the database."""

    def __init__(self, sandbox: bool) -> None:
        self.sandbox = sandbox

    @cached_property
    def person(self) -> User | None:
        """Who is looking, if they are logged in."""
        return access.signed_in()

    @cached_property
    def nav(self) -> list[Place]:
        """The places of the area the person is in; a detail page belongs to the nearest one."""
        items = [item for item in AREAS.get(self._area or "", ()) if exists(item.endpoint)]
        urls = [url_for(item.endpoint) for item in items]
        narrow = PLACES_NARROW if len(items) > PLACES_NARROW + 1 else len(items)
        nearest = max((url for url in urls if _is_under(request.path, url)), key=len, default=None)
        return [
            Place(url, item.icon, str(item.label), url == nearest, number < narrow)
            for number, (item, url) in enumerate(zip(items, urls, strict=True))
        ]

    @property
    def bar(self) -> list[Place]:
        """The places that a wide screen shows side by side."""
        return self.nav[:PLACES_WIDE]

    @property
    def more(self) -> list[Place]:
        """The places of the menu beside the bar; some of them only on a narrow screen."""
        return [place for place in self.nav if place not in self.bar or not place.always]

    @cached_property
    def other_areas(self) -> list[tuple[str, str]]:
        """Name and address of the person's other areas: one person may hold several roles."""
        return [
            (str(AREA_NAMES[area]), url_for(f"{area}.home"))
            for area in self._areas
            if area != self._area and exists(f"{area}.home")
        ]

    @cached_property
    def _areas(self) -> list[str]:
        roles = access.roles()
        return [area for area in AREAS if roles[area]]

    @property
    def _area(self) -> str | None:
        if request.blueprint in self._areas:
            return request.blueprint
        return next(iter(self._areas), None)

    @property
    def theme(self) -> str:
        """The theme chosen in this browser; '' follows the system. A script may set the cookie."""
        chosen = request.cookies.get("theme", "")
        return chosen if chosen in THEMES else ""

    @property
    def here(self) -> str:
        """This page's path, to come back to it."""
        return here()

    @property
    def demo_days(self) -> int:
        """How many days the demo clock is ahead, a begun one counted; 0 = it is not."""
        return -(-clock.offset() // _DAY)


def exists(endpoint: str) -> bool:
    """Is there a page of this endpoint?"""
    return endpoint in current_app.view_functions


def home_of_role() -> str | None:
    """The address of the first page of the person's first role that has one."""
    roles = access.roles()
    for area in AREAS:
        if roles[area] and exists(f"{area}.home"):
            return url_for(f"{area}.home")
    return None


def _is_under(path: str, url: str) -> bool:
    return path == url or path.startswith(url.rstrip("/") + "/")


def register(app: Flask) -> None:
    """Give every template its `shell`."""
    sandbox = app.extensions["settings"].sandbox
    app.context_processor(lambda: {"shell": Shell(sandbox)})
