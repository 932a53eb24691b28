"""What an operator decides about a submitted campaign. The caller has locked it."""

from __future__ import annotations

from datetime import datetime

from marketplace import statuses
from marketplace.campaigns.campaign import Campaign
from marketplace.errors import BadInput, says


def approve(campaign: Campaign, actor: str, at: datetime, reason: str = "") -> None:
    """It may be funded now.

    Raises:
        WrongState: it is not in review.
    """
    statuses.advance(campaign, "approve", at, actor, reason)


def request_changes(campaign: Campaign, actor: str, reason: str, at: datetime) -> None:
    """It is a draft again; the reason says what to change.

    Raises:
        BadInput: no reason was given.
        WrongState: it is not in review.
    """
    _must_say_why(reason)
    statuses.advance(campaign, "request_changes", at, actor, reason)
    campaign.closes_at = None


def reject(campaign: Campaign, actor: str, reason: str, at: datetime) -> None:
    """It will not be shown to creators; the reason says why.

    Raises:
        BadInput: no reason was given.
        WrongState: it is not in review.
    """
    _must_say_why(reason)
    statuses.advance(campaign, "reject", at, actor, reason)


def _must_say_why(reason: str) -> None:
    if not reason.strip():
        raise BadInput("review", {"reason": says("say why: the brand reads it")})
