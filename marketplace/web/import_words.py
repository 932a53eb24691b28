"""Why an import did not take a row, as operators read it."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import lazy_gettext as _

# What an import keeps of a row it did not take, part by part. Some carry a value.
_ROW_REASONS: tuple[tuple[str, Any], ...] = (
    ("imported before: nothing to do", _("imported before: nothing to do")),
    (
        "reference: imported before with other content",
        _("reference: imported before with other content"),
    ),
    ("earned_on: this day has not come yet", _("earned_on: this day has not come yet")),
    ("earned_on: a date such as 2026-11-30", _("earned_on: a date such as 2026-11-30")),
    ("handle: the creator's handle is missing", _("handle: the creator's handle is missing")),
    ("handle: no creator is called (.*)", _("handle: no creator is called %(value)s")),
    ("reference: 1 to (.*) characters", _("reference: 1 to %(value)s characters")),
    ("currency: one of (.*)", _("currency: one of %(value)s")),
    ("amount: more than zero", _("amount: more than zero")),
    ("amount: the amount is too large", _("amount: too large")),
    (
        r"amount: write the amount as a plain number such as 1234\.50",
        _("amount: a plain number such as 1234.50"),
    ),
    ("amount: (.*) has . decimals", _("amount: more decimals than %(value)s has")),
    ("more cells than columns", _("more cells than columns")),
    ("an object was expected", _("an object was expected")),
    ("other categories", _("other categories")),
    ("day: a date such as 2026-11-30", _("day: a date such as 2026-11-30")),
    ("day: this day has not come yet", _("day: this day has not come yet")),
    (
        "day: an earlier line has other numbers for it",
        _("day: an earlier line has other numbers for it"),
    ),
    ("channel: it belongs to another creator", _("channel: it belongs to another creator")),
    ("link: it belongs to another channel", _("link: it belongs to another channel")),
    ("link: a public address such as (.*)", _("link: a public address such as %(value)s")),
    ("platform: one of (.*)", _("platform: one of %(value)s")),
    ("categories: not known: (.*)", _("categories: not known: %(value)s")),
    (
        "authentic_views: at most as many as views",
        _("authentic_views: at most as many as views"),
    ),
    ("(.*): a whole number, 0 or more", _("%(value)s: a whole number, 0 or more")),
    (
        "(.*): missing, or nothing that can be kept",
        _("%(value)s: missing, or nothing that can be kept"),
    ),
)


def row_reason(kept: str) -> str:
    """Why an import did not take a row, in the viewer's language; a new reason as it was kept."""
    return "; ".join(_row_reason(part) for part in kept.split("; "))


def _row_reason(part: str) -> str:
    for pattern, said in _ROW_REASONS:
        found = re.fullmatch(pattern, part)
        if found:
            return str(said) % {"value": found.group(1)} if found.groups() else str(said)
    return part
