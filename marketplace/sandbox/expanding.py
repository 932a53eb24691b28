"""`expand[]`: an identifier in an answer replaced by the object it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marketplace.sandbox import balance, checkout, disputes, payments, payouts, refunds, transfers
from marketplace.sandbox.refusal import NotExecuted
from marketplace.sandbox.world import Act, Doc

SHOWN: dict[str, tuple[str, Callable[[Act, Doc], Doc]]] = {
    "cs": ("checkout.session", checkout.show),
    "pi": ("payment_intent", payments.show_intent),
    "ch": ("charge", payments.show_charge),
    "txn": ("balance_transaction", balance.show),
    "re": ("refund", refunds.show),
    "du": ("dispute", disputes.show),
    "trr": ("transfer_reversal", transfers.show_reversal),
    "tr": ("transfer", transfers.show),
    "po": ("payout", payouts.show),
}


def expand(act: Act, body: Any, path: str) -> None:
    """Expand one dotted path in place; what is null stays null.

    Raises:
        NotExecuted: the path names nothing that can be expanded.
    """
    name, _, rest = path.partition(".")
    if isinstance(body, list):
        for row in body:
            expand(act, row, path)
        return
    if not isinstance(body, dict) or name not in body:
        raise NotExecuted(f"This property cannot be expanded ({path}).", param="expand")
    value = body[name]
    if isinstance(value, str):
        kind, show = SHOWN.get(value.partition("_")[0], (None, None))
        if kind is None or show is None:
            raise NotExecuted(f"This property cannot be expanded ({path}).", param="expand")
        value = body[name] = show(act, act.the(kind, value))
    if rest and value is not None:
        expand(act, value, rest)
