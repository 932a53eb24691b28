"""Who may work for a campaign: members of the program who meet its criteria; with what decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.campaigns.campaign import Campaign
from marketplace.errors import BadInput, says
from marketplace.metrics.facts import facts_of
from marketplace.metrics.profile import as_json
from marketplace.parties import closing
from marketplace.program.membership import is_member
from marketplace.program.rules import Verdict, judge, verdict_json


def verdict_on(campaign: Campaign, creator_id: UUID, at: datetime) -> Verdict:
    """How a creator stands to the campaign's criteria, rule by rule."""
    return judge(facts_of(creator_id, at), campaign.criteria)


def admitted(campaign: Campaign, creator_id: UUID, at: datetime) -> dict[str, Any]:
    """The verdict on a creator with the facts behind it, as kept with their application.

    Raises:
        BadInput: they are not in the program, or how many rules they do not meet.
    """
    still_member(creator_id)
    facts = facts_of(creator_id, at)
    verdict = judge(facts, campaign.criteria)
    if not verdict.eligible:
        raise BadInput(
            says(
                "Rules of this campaign that are not met: %(missed)s of %(rules)s.",
                missed=len(verdict.missed),
                rules=len(verdict.requirements),
            )
        )
    return {"facts": as_json(facts), "requirements": verdict_json(verdict)}


def still_member(creator_id: UUID) -> None:
    """Refuse a creator who is not in the program, suspended, or closing their account.

    Raises:
        BadInput: they are no member now, or their account closes.
    """
    closing.require_open(creator_id)
    if not is_member(creator_id):
        raise BadInput(says("Only members of the program can work for a campaign."))
