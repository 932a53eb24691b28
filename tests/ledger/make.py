"""Small makers for tests of the books."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger.draft import Cause, Draft, fingerprint
from marketplace.ledger.journal import Posted
from marketplace.money import Money

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def cause(type: str = "test") -> Cause:
    return Cause(type, new_id())


def deposit(brand: str, amount: Money) -> Draft:
    """Money of a new charge for a brand."""
    charge = f"ch_{new_id().hex}"
    return postings.deposit_received("stripe", brand, amount, charge, cause("deposit"), NOON)


def reservation(brand: str, campaign: str, amount: Money, key: str) -> Draft:
    """A brand's money set aside under a chosen key, always for the same cause."""
    return postings.campaign_reserved(brand, campaign, amount, key, SAME_CAUSE, NOON)


SAME_CAUSE = cause("campaign")


def commit(draft: Draft) -> Posted:
    """Post and commit; after a refusal, roll back."""
    try:
        posted = journal.post(draft)
        db.session.commit()
    except Exception:
        db.session.rollback()
        raise
    return posted


def post_raw(connection: psycopg.Connection[Any], draft: Draft, schema: str = "ledger") -> bool:
    """Post through the first door of a schema, without our journal; tell whether it was fresh."""
    id = new_id()
    why = draft.cause
    header = [id, draft.kind, why.type, why.id, draft.key, fingerprint(draft), draft.effective_at]
    lines = [
        [line.account.owner for line in draft.lines],
        [line.account.kind.value for line in draft.lines],
        [line.amount.currency for line in draft.lines],
        [line.amount.minor for line in draft.lines],
    ]
    statement = journal.POST.replace("ledger.", f"{schema}.")
    row = connection.execute(statement, [*header, draft.reverses, *lines]).fetchone()
    assert row
    recorded: UUID = row[0]
    return recorded == id
