"""The rules of a challenge as everybody can read and check them: one text, and its SHA-256."""

from __future__ import annotations

import json
from hashlib import sha256

from marketplace.challenges import challenge as challenges
from marketplace.challenges.challenge import Challenge, Kind, RankedBy

_VERSION = 1


def freeze(challenge: Challenge) -> None:
    """Write down the rules as they stand; nothing changes them from now on."""
    challenge.rules = text_of(challenge)
    challenge.rules_sha256 = sha256(challenge.rules.encode()).hexdigest()


def text_of(challenge: Challenge) -> str:
    """The rules as text: JSON with sorted names, two spaces in, so that it hashes the same."""
    assert challenge.pool
    assert challenge.closes_at
    document: dict[str, object] = {
        "version": _VERSION,
        "id": str(challenge.id),
        "kind": challenge.kind,
        "title": challenge.title,
        "brief": challenge.brief,
        "currency": challenge.currency,
        "pool": str(challenge.pool),
        "pool_minor": challenge.pool_minor,
        "prizes": [str(prize) for prize in challenge.prizes],
        "prizes_minor": challenge.prizes_minor,
        "platform_fee_bps": challenge.platform_fee_bps,
        "maturity_days": challenge.maturity_days,
        "entrants": {"program_members_only": True, **challenge.criteria},
        "entries_per_creator": 1,
        "first_day": str(challenge.opens_on),
        "last_day": str(challenge.closes_on),
        "time_zone": challenge.brand.time_zone,
        "entries_close_at": challenge.closes_at.isoformat(),
        "ranked_by": _SCORE[RankedBy(challenge.ranked_by)],
        "prizes_go": _PRIZES[Kind(challenge.kind)],
        "indivisible_rest": "one minor unit each to the earliest entries",
        "appeal_days": challenges.APPEAL.days,
        "no_valid_entry": "the pool goes back to the brand when the appeals are over",
    }
    if challenge.kind == Kind.CONTEST:
        document["ties"] = "tied entries pool the prizes of their ranks and split them equally"
    if challenge.ranked_by == RankedBy.SCORES:
        document["no_winner_named"] = (
            f"after {challenges.SPLIT_AFTER.days} days the pool is split equally among the"
            " valid entries"
        )
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)


_SCORE = {
    RankedBy.VIEWS: (
        "authentic views of the entered post on the days of the window, as imported"
        f" within {challenges.FACTS_GRACE.days} days after its end"
    ),
    RankedBy.SCORES: (
        f"scores from 0 to 100 by the brand, within {challenges.JUDGE_WITHIN.days} days after the"
        " end of the window"
    ),
}
_PRIZES = {
    Kind.CHALLENGE: (
        "the pool is shared in proportion to the authentic views, by largest remainder;"
        " equally if there are none"
    ),
    Kind.CONTEST: "by rank; a prize of a rank that no entry takes goes back to the brand",
}
