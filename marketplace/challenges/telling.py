"""Mails to creators who entered: the results, each version of them, and the prizes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from marketplace.challenges import entry as entries
from marketplace.challenges.challenge import Challenge
from marketplace.challenges.prizes import Placed
from marketplace.earnings.earning import Earning
from marketplace.errors import says
from marketplace.notifications import notices


def results(challenge: Challenge, placed: Sequence[Placed], at: datetime) -> None:
    """Tell everybody whose entry counts what it would win, while they may appeal."""
    prize = {it.entry_id: it.prize for it in placed}
    subject = says("The results of %(challenge)s are shown.", challenge=challenge.title)
    for entry in entries.valid(challenge):
        if prize[entry.id]:
            body = says(
                "Your entry wins %(prize)s, once creators may no longer appeal.",
                prize=prize[entry.id],
            )
        else:
            body = says("Your entry wins no prize. Whoever sees a mistake may appeal for a while.")
        notices.to_creator(entry.creator_id, at, subject, body, _page(challenge))


def prizes(challenge: Challenge, earned: Sequence[Earning], at: datetime) -> None:
    """Tell the winners that their prizes are owed to them now."""
    for earning in earned:
        subject = says(
            "Your prize in %(challenge)s: %(amount)s",
            challenge=challenge.title,
            amount=earning.net,
        )
        body = says("It is among your earnings; once it has matured it counts for your payout.")
        notices.to_creator(earning.creator_id, at, subject, body, _page(challenge))


def _page(challenge: Challenge) -> str:
    return f"/creator/challenges/{challenge.id}"
