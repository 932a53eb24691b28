"""What both sides of an agreement read for what its rows keep; the waits differ by who reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from marketplace import statuses
from marketplace.campaigns.agreement import Agreement
from marketplace.campaigns.application import Application
from marketplace.campaigns.deliverable import Deliverable
from marketplace.metrics.profile import from_json
from marketplace.web import formats
from marketplace.web.happenings import Happening, in_words

Thing = Application | Agreement | Deliverable

STATUSES: dict[tuple[str, str], tuple[Any, str]] = {
    ("application", "submitted"): (_("Applied"), "wait"),
    ("application", "invited"): (_("Invited"), "wait"),
    ("application", "accepted"): (_("Accepted"), "ok"),
    ("application", "declined"): (_("Declined"), ""),
    ("application", "withdrawn"): (_("Withdrawn"), ""),
    ("application", "expired"): (_("Expired"), ""),
    ("agreement", "active"): (_("Under way"), "info"),
    ("agreement", "fulfilled"): (_("Fulfilled"), "ok"),
    ("agreement", "canceled"): (_("Canceled"), ""),
    ("deliverable", "due"): (_("Work due"), "info"),
    ("deliverable", "submitted"): (_("In review"), "wait"),
    ("deliverable", "revision_due"): (_("Revision due"), "wait"),
    ("deliverable", "approved"): (_("Approved"), "ok"),
    ("deliverable", "canceled"): (_("Canceled"), ""),
}

BRAND_WAITS: dict[tuple[str, str], Any] = {
    ("application", "submitted"): _("Waits for your answer until %(until)s; then it expires."),
    ("application", "invited"): _("Waits for the creator until %(until)s; then it expires."),
    ("agreement", "active"): _("Waits for the work."),
    ("deliverable", "due"): _("Waits for the creator until %(until)s."),
    ("deliverable", "submitted"): _("Waits for your review; it approves itself on %(until)s."),
    ("deliverable", "revision_due"): _("Waits for the creator's revision until %(until)s."),
}
CREATOR_WAITS: dict[tuple[str, str], Any] = {
    ("application", "submitted"): _("Waits for the brand until %(until)s; then it expires."),
    ("application", "invited"): _("Waits for your answer until %(until)s; then it expires."),
    ("agreement", "active"): _("Waits for the work."),
    ("deliverable", "due"): _("Waits for you: submit your work by %(until)s."),
    ("deliverable", "submitted"): _(
        "Waits for the brand; without an answer it is approved on %(until)s."
    ),
    ("deliverable", "revision_due"): _("Waits for you: submit the revision by %(until)s."),
}

EVENTS: dict[tuple[str, str], Any] = {
    ("application", "create"): _("Asked"),
    ("application", "accept"): _("Accepted: the agreement stands"),
    ("application", "decline"): _("Declined"),
    ("application", "withdraw"): _("Taken back"),
    ("application", "expire"): _("Expired"),
    ("agreement", "create"): _("Agreed"),
    ("agreement", "fulfill"): _("Fulfilled"),
    ("agreement", "cancel"): _("Canceled"),
    ("deliverable", "create"): _("Work due"),
    ("deliverable", "submit"): _("Work submitted"),
    ("deliverable", "request_revision"): _("Revision asked for"),
    ("deliverable", "approve"): _("Approved"),
    ("deliverable", "cancel"): _("Canceled"),
}

# Reasons that the domain itself gives, named here so that they can be translated.
_REASONS = (
    _("nobody answered within 7 days"),
    _("the campaign is over"),
    _("the campaign was called off"),
    _("the work did not come in time"),
    _("the brand was silent for three business days"),
)


def facts(kept: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The facts of a creator as they were when they applied, as pairs of what and how much."""
    known = from_json(dict(kept))
    measured_on = known.measured_on
    return [
        (gettext("Followers"), formats.number(known.followers)),
        (gettext("Authentic views in 30 days"), formats.number(known.authentic_views_30d)),
        (gettext("Engagement"), formats.percent(known.engagement_bps)),
        (gettext("Measured on"), formats.day(measured_on) if measured_on else gettext("never")),
    ]


def history(things: Iterable[Thing], other_side: str) -> list[Happening]:
    """Every move of some things in words, oldest first, by the reader's side or the other one."""
    moves = [move for thing in things for move in statuses.history(thing)]
    moves = [it for it in moves if (it.thing, it.event) not in _SAID_ELSEWHERE]
    moves.sort(key=lambda move: (move.at, move.id))
    return in_words(moves, EVENTS, other_side)


# Told by the application and the deliverable at the same instant.
_SAID_ELSEWHERE = {
    ("agreement", "create"),
    ("agreement", "fulfill"),
    ("agreement", "cancel"),
    ("deliverable", "create"),
}
