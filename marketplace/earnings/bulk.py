"""Many earnings at once: the rows by COPY, then one posting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from marketplace import statuses
from marketplace.database.copying import copy_rows
from marketplace.database.identifier import new_id
from marketplace.earnings.earning import Earning, EarningStatus, Owed
from marketplace.earnings.terms import terms_of
from marketplace.ledger import journal, postings
from marketplace.ledger.draft import Cause

_COLUMNS = (
    *("id", "creator_id", "kind", "source_ref", "gross_minor", "platform_fee_minor"),
    *("net_minor", "currency", "status", "status_at", "accrued_at", "matures_at"),
)


def accrue_many(
    owed: Sequence[Owed], meanwhile: Callable[[list[UUID]], None], actor: str, at: datetime
) -> None:
    """Owe creators what they earned, as `accrue` does.

    Args:
        meanwhile: writes what belongs to these earnings, given their ids in order. It is called
            before the posting, so that the locks of the books are the last ones taken.

    Raises:
        InsufficientFunds: a source does not hold what it should pay.
        psycopg.Error: one of the sources was accrued before.
    """
    current = {kind: terms_of(kind, at) for kind in {line.kind for line in owed}}
    rows, drafts, ids = [], [], []
    for line in owed:
        terms = line.terms or current[line.kind]
        net, fee = terms.split(line.amount)
        id, matures_at = new_id(), at + timedelta(days=terms.maturity_days)
        gross = net.minor + fee.minor
        amounts = (gross, fee.minor, net.minor, net.currency)
        whose = (id, line.creator_id, str(line.kind), line.source_ref)
        rows.append((*whose, *amounts, str(EarningStatus.PENDING), at, at, matures_at))
        creator, cause = f"creator:{line.creator_id.hex}", Cause("earning", id)
        drafts.append(postings.earning_accrued(line.source, creator, net, fee, cause, at))
        ids.append(id)
    copy_rows(Earning.__tablename__, _COLUMNS, rows)
    begun = ("create", None, str(EarningStatus.PENDING), "")
    statuses.write_many(Earning.__tablename__, ids, [begun], actor, at)
    meanwhile(ids)
    journal.post_many(drafts)
