"""Who may work for a campaign: members of the program who meet its criteria; with what decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marketplace.campaigns.campaign import Campaign
from marketplace.parties.creator import Creator


def admitted(campaign: Campaign, creator: Creator, at: datetime) -> dict[str, Any]:
    """The verdict on a creator as it is kept with their application.

    Raises:
        BadInput: they are not in the program, or do not meet a rule: which one.
    """
    return {}


def still_member(creator: Creator) -> None:
    """Refuse a creator who has left the program, or was suspended, since they were asked.

    Raises:
        BadInput: they are no member now.
    """
