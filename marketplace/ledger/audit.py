"""Reads over all books at once: the trial balance, our position, and which accounts there are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text

from marketplace.extensions import db
from marketplace.ledger.balances import Held
from marketplace.ledger.chart import AccountKind
from marketplace.ledger.draft import AccountRef
from marketplace.money import Money, zero

CREATORS = (
    AccountKind.CREATOR_PENDING,
    AccountKind.CREATOR_AVAILABLE,
    AccountKind.CREATOR_CONTESTED,
    AccountKind.PAYOUT_RESERVED,
)
BRANDS = (AccountKind.BRAND_AVAILABLE, AccountKind.RESERVED, AccountKind.REFUND_RESERVED)
POOLS = (AccountKind.FUND_POOL, AccountKind.GIFT_POOL)


@dataclass(frozen=True, slots=True)
class TrialLine:
    """All accounts of one kind and currency: their sum stands on one side, the other is zero."""

    kind: AccountKind
    accounts: int
    debit: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class Position:
    """Our money at the processors in one currency, and whose it is."""

    at_processors: Money
    owed_to_creators: Money
    owed_to_brands: Money
    in_pools: Money
    owed_by_creators: Money  # their debt: not ours before it is recovered

    @property
    def owed(self) -> Money:
        """What is other people's already."""
        return self.owed_to_creators + self.owed_to_brands

    @property
    def ours(self) -> Money:
        """What is left for us: our platform fees, less processor fees and less creators' debt."""
        return self.at_processors - self.owed - self.in_pools

    @property
    def short(self) -> Money:
        """What is missing at the processors to pay everybody today; zero if nothing is."""
        return max(self.owed - self.at_processors, zero(self.owed.currency))


# What an account's entries sum to, debits positive, whether or not its row stores it.
_SUM = """
    CASE WHEN a.stores_balance THEN a.balance_minor
         ELSE (SELECT coalesce(sum(e.amount_minor), 0) FROM ledger.entry e
                WHERE e.account_id = a.id AND e.account_version IS NULL) END
"""
# Every posting on a clearing account, for others to join, read only. Positive = it came in.
CLEARING = """
    SELECT t.id, t.kind, t.idempotency_key, t.effective_at, a.currency, e.amount_minor,
           split_part(a.owner, ':', 2) AS processor
      FROM ledger.account a
      JOIN ledger.entry e ON e.account_id = a.id AND e.account_version IS NULL
      JOIN ledger.transaction t ON t.id = e.transaction_id
     WHERE a.kind = 'processor_clearing'
"""
_TRIAL = f"""
    SELECT a.currency, a.kind, count(*) AS accounts, sum({_SUM})::bigint AS minor
      FROM ledger.account a
     GROUP BY a.currency, a.kind
"""
_ACCOUNTS = f"""
    SELECT a.owner, a.kind, a.currency, (a.side * {_SUM})::bigint AS balance_minor
      FROM ledger.account a
     WHERE (CAST(:owners AS text[]) IS NULL OR a.owner = ANY (:owners))
       AND (CAST(:kind AS text) IS NULL OR a.kind = :kind)
       AND (CAST(:currency AS text) IS NULL OR a.currency = :currency)
     ORDER BY balance_minor DESC, a.owner, a.kind, a.currency
     LIMIT :limit
"""


def trial_balance() -> dict[str, list[TrialLine]]:
    """Per currency one line per kind, in the order of the chart; both sides sum to the same."""
    order = list(AccountKind)
    rows = db.session.execute(text(_TRIAL)).all()
    by_currency: dict[str, list[TrialLine]] = {}
    for row in sorted(rows, key=lambda row: (row.currency, order.index(row.kind))):
        line = TrialLine(
            AccountKind(row.kind),
            row.accounts,
            debit=Money(max(row.minor, 0), row.currency),
            credit=Money(max(-row.minor, 0), row.currency),
        )
        by_currency.setdefault(row.currency, []).append(line)
    return by_currency


def positions(trial: dict[str, list[TrialLine]]) -> list[Position]:
    """Our position per currency, from the trial balance."""
    return [_position(currency, lines) for currency, lines in trial.items()]


def _position(currency: str, lines: list[TrialLine]) -> Position:
    def held(*kinds: AccountKind) -> Money:
        """The sum of these kinds as credits."""
        owed = (line.credit - line.debit for line in lines if line.kind in kinds)
        return sum(owed, start=zero(currency))

    return Position(
        at_processors=-held(AccountKind.PROCESSOR_CLEARING),
        owed_to_creators=held(*CREATORS),
        owed_to_brands=held(*BRANDS),
        in_pools=held(*POOLS),
        owed_by_creators=-held(AccountKind.CREATOR_DEBT),
    )


def accounts(
    owners: Collection[str] | None, kind: str | None, currency: str | None, limit: int
) -> list[Held]:
    """Accounts that fit, those that hold most first. None = whichever."""
    wanted = None if owners is None else list(owners)
    named = {"owners": wanted, "kind": kind, "currency": currency, "limit": limit}
    return [
        Held(AccountRef(row.owner, AccountKind(row.kind)), Money(row.balance_minor, row.currency))
        for row in db.session.execute(text(_ACCOUNTS), named)
    ]
