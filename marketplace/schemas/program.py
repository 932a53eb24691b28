"""What is sent about taking part: an application, and what operators decide."""

from __future__ import annotations

from marketplace.program import application, membership
from marketplace.schemas import Sent
from marketplace.schemas.fields import Choice, Country, Day, FormKey, Text

REASON_LENGTH_MAX = 1_000


class Apply(Sent):
    """What a creator says of themselves; the date of birth only the first time."""

    form_key = FormKey()
    born_on = Day(required=False)
    country = Country()


class Reject(Sent):
    """Why a creator is turned down, and from when on they may ask again."""

    reason_code = Choice(application.REASONS)
    reason_text = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)
    reapply = Choice(application.REAPPLY)


class Suspend(Sent):
    """Why a member may not start anything new for now."""

    reason_code = Choice(membership.REASONS)
    reason_text = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)


class Lift(Sent):
    """Why a suspension ends."""

    reason = Text(length_min=3, length_max=REASON_LENGTH_MAX, lines=True)


class BringMetrics(Sent):
    """A file of metrics; it comes beside the form's fields."""

    form_key = FormKey()
