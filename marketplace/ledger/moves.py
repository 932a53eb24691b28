"""What moved accounts, one row per entry, in the order of each account: for others to join."""

from __future__ import annotations

from sqlalchemy import Subquery, Uuid, column, select, table

from marketplace.ledger.chart import CHART, AccountKind

_ACCOUNT = table(
    "account", *(column(it) for it in ("id", "owner", "kind", "currency")), schema="ledger"
)
_ENTRY = table(
    "entry",
    column("transaction_id", Uuid),
    *(column(it) for it in ("account_id", "amount_minor", "account_version", "balance_after")),
    schema="ledger",
)
_TRANSACTION = table(
    "transaction",
    *(column("id", Uuid), column("kind"), column("cause_type"), column("cause_id", Uuid)),
    schema="ledger",
)


def moves(kind: AccountKind, name: str) -> Subquery:
    """Every entry of the accounts of one kind that stores its balance, under a name to join it by.

    Columns: owner, currency, version (1, 2, 3, ... per account), change_minor and the balance_minor
    after it, as people see them; of the transaction: transaction_id, kind, cause_type, cause_id.

    Raises:
        ValueError: accounts of this kind store no balance, so their entries have no version.
    """
    rule = CHART[kind]
    if not rule.stores_balance:
        raise ValueError(f"{kind} is summed when read: its entries are in no order")
    account, entry, transaction = _ACCOUNT.c, _ENTRY.c, _TRANSACTION.c
    return (
        select(
            account.owner,
            account.currency,
            entry.account_version.label("version"),
            (rule.side * entry.amount_minor).label("change_minor"),
            (rule.side * entry.balance_after).label("balance_minor"),
            transaction.id.label("transaction_id"),
            transaction.kind,
            transaction.cause_type,
            transaction.cause_id,
        )
        .select_from(_ACCOUNT)
        .join(_ENTRY, entry.account_id == account.id)
        .join(_TRANSACTION, transaction.id == entry.transaction_id)
        .where(account.kind == kind)
        .subquery(name)
    )
