"""What a brand's money is for: a campaign, a challenge or a contest, by its title and its page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from flask import url_for
from flask_babel import gettext
from sqlalchemy import ColumnElement, select

from marketplace import access
from marketplace.campaigns.campaign import Campaign
from marketplace.challenges.challenge import Challenge
from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit, Purpose
from marketplace.ledger import balances
from marketplace.ledger.chart import AccountKind
from marketplace.money import Money
from marketplace.web import brand_words, challenge_words


@dataclass(frozen=True)
class Target:
    """One thing that a brand pays for, as pages name it."""

    id: UUID
    title: str
    url: str
    back: str  # the label of a link to it
    kind: str
    is_open: bool
    status: tuple[str, str]  # its label, and the tone of its pill


def paid_by(deposits: Iterable[Deposit]) -> dict[UUID, Target]:
    """What each of these deposits pays for, by the deposit's id."""
    found = list(deposits)
    known = of_ids(it.campaign_id or it.challenge_id for it in found)
    targets = {it.id: known.get(it.campaign_id or it.challenge_id or it.id) for it in found}
    targets |= {it.id: _debt(it) for it in found if it.purpose == Purpose.DEBT}
    return {id: target for id, target in targets.items() if target is not None}


def of_deposit(deposit: Deposit) -> Target:
    """What a deposit pays for.

    Raises:
        NotFound: nothing of a brand.
    """
    target = paid_by([deposit]).get(deposit.id)
    if target is None:
        raise NotFound("no such deposit")
    return target


def of_ids(ids: Iterable[UUID | None]) -> dict[UUID, Target]:
    """The campaigns and challenges of these ids."""
    wanted = [id for id in ids if id is not None]
    return {it.id: it for it in _of(Campaign.id.in_(wanted), Challenge.id.in_(wanted))}


def owners() -> dict[str, str]:
    """The ledger owners of everything the caller's brand pays for, with their titles."""
    brand_id = access.current_brand().id
    return {
        f"{kind}:{id.hex}": title
        for kind, model in _MODELS.items()
        for id, title in db.session.execute(
            select(model.id, model.title).where(model.brand_id == brand_id)
        )
    }


def reserved() -> list[tuple[Target, Money]]:
    """What holds money of the caller's brand, newest first."""
    held = balances.stored(AccountKind.RESERVED)
    amounts: dict[UUID, Money] = {}
    for kind, model in _MODELS.items():
        rows = db.session.execute(
            select(model.id, held.c.currency, held.c.balance_minor)
            .join(held, held.c.owner == balances.owner_of(kind, model.id))
            .where(model.brand_id == access.current_brand().id, held.c.balance_minor > 0)
        )
        amounts |= {id: Money(int(minor), currency) for id, currency, minor in rows}
    targets = of_ids(amounts)
    newest_first = sorted(amounts, key=lambda id: id.int, reverse=True)
    return [(targets[id], amounts[id]) for id in newest_first]


_MODELS: dict[str, type[Campaign] | type[Challenge]] = {
    "campaign": Campaign,
    "challenge": Challenge,
}


def _of(of_campaign: ColumnElement[bool], of_challenge: ColumnElement[bool]) -> list[Target]:
    campaigns = db.session.scalars(select(Campaign).where(of_campaign))
    challenges = db.session.scalars(select(Challenge).where(of_challenge))
    return [*map(_campaign, campaigns), *map(_challenge, challenges)]


def _campaign(it: Campaign) -> Target:
    return Target(
        it.id,
        it.title,
        url_for("brand.campaign", campaign_id=it.id),
        gettext("To the campaign"),
        gettext("Campaign"),
        it.status == "open",
        brand_words.status(it),
    )


def _debt(it: Deposit) -> Target:
    """What a brand owed after a dispute is no row: its page is that of the brand's money."""
    return Target(
        it.id,
        gettext("What you owed"),
        url_for("brand.money"),
        gettext("To your money"),
        gettext("Debt"),
        False,
        ("", ""),
    )


def _challenge(it: Challenge) -> Target:
    kind = str(challenge_words.KINDS[it.kind])
    back = gettext("To the contest") if it.kind == "contest" else gettext("To the challenge")
    return Target(
        it.id,
        it.title,
        url_for("brand.challenge", challenge_id=it.id),
        back,
        kind,
        it.status == "open",
        challenge_words.status(it),
    )
