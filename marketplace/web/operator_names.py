"""Who and what an id stands for, looked up for a whole page at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from flask import url_for
from flask_babel import gettext
from sqlalchemy import or_, select

from marketplace.campaigns.campaign import Campaign
from marketplace.challenges.challenge import Challenge
from marketplace.extensions import db
from marketplace.parties.brand import Brand
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.statuses import SYSTEM

FOUND_MAX = 200


class Party(NamedTuple):
    """Who an account belongs to: a name, and what kind of party."""

    name: str
    kind: str


def parties(owners: Iterable[str]) -> dict[str, Party]:
    """The party of each ledger owner, such as 'creator:<32 hex>'."""
    found = {owner: _fixed(owner) for owner in owners}
    for kind, named in _NAMED.items():
        ids = [_id(owner) for owner in found if owner.startswith(f"{kind}:")]
        for id, name in db.session.execute(named.where(named.selected_columns[0].in_(ids))):
            found[f"{kind}:{id.hex}"] = Party(name, _kinds()[kind])
    return found


_NAMED = {
    "brand": select(Brand.id, Brand.name),
    "campaign": select(Campaign.id, Campaign.title),
    "challenge": select(Challenge.id, Challenge.title),
    "creator": select(Creator.id, Creator.name + " (@" + Creator.handle + ")"),
}


def _kinds() -> dict[str, str]:
    return {
        "brand": gettext("Brand"),
        "campaign": gettext("Campaign"),
        "challenge": gettext("Challenge"),
        "creator": gettext("Creator"),
        "platform": gettext("The marketplace"),
        "pool": gettext("Pool"),
        "processor": gettext("Processor"),
    }


def _fixed(owner: str) -> Party:
    """The parties that are no rows."""
    kind = _kinds().get(owner.partition(":")[0], owner)
    names = {
        "platform": gettext("The marketplace"),
        "pool:fund": gettext("Creator fund"),
        "pool:gift": gettext("Gift pool"),
        "processor:stripe": "Stripe",
        "processor:paypal": "PayPal",
        "processor:bank": gettext("Our bank account"),
    }
    return Party(names.get(owner, owner), kind)


def _id(owner: str) -> UUID:
    return UUID(hex=owner.partition(":")[2])


def owners_called(words: str) -> list[str]:
    """The ledger owners that somebody may mean: by name, handle, title, id, or the owner itself."""
    like = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    handle = like.replace("@", "")
    asked = {
        "brand": select(Brand.id).where(Brand.name.ilike(like)),
        "campaign": select(Campaign.id).where(Campaign.title.ilike(like)),
        "challenge": select(Challenge.id).where(Challenge.title.ilike(like)),
        "creator": select(Creator.id).where(
            or_(Creator.name.ilike(like), Creator.handle.ilike(handle))
        ),
    }
    found = [words.lower()]
    found += [f"{kind}:{_hex(words)}" for kind in asked if _hex(words)]
    for kind, statement in asked.items():
        ids = db.session.scalars(statement.limit(FOUND_MAX))
        found += [f"{kind}:{id.hex}" for id in ids]
    fixed = ("platform", "pool:fund", "pool:gift", "processor:stripe", "processor:bank")
    found += [owner for owner in fixed if words.casefold() in _fixed(owner).name.casefold()]
    return found


def _hex(words: str) -> str | None:
    try:
        return UUID(words.strip()).hex
    except ValueError:
        return None


def actors(names: Iterable[str]) -> dict[str, str]:
    """Who 'user:<32 hex>' or 'system' is."""
    found = {name: gettext("System") if name == SYSTEM else name for name in names}
    ids = [_id(name) for name in found if name.startswith("user:")]
    for id, name in db.session.execute(select(User.id, User.name).where(User.id.in_(ids))):
        found[f"user:{id.hex}"] = name
    return found


def thing_url(type: str, id: UUID) -> str:
    """The page of a payout, an earning or a run; other things have a history and postings."""
    if type == "payout":
        return url_for("operator.payout", payout_id=id)
    if type == "campaign":
        return url_for("operator.campaign", campaign_id=id)
    if type == "earning":
        return url_for("operator.earning", earning_id=id)
    if type == "challenge":
        return url_for("operator.challenge", challenge_id=id)
    if type == "payout_run":
        return url_for("operator.run", run_id=id)
    if type == "program_application":
        return url_for("operator.application", application_id=id)
    return url_for("operator.thing", type=type, thing_id=id)
