"""What people read about sales: statuses, why an order is whose, what became of what was seen."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from marketplace import statuses
from marketplace.commissions.sale import Sale
from marketplace.web.happenings import Happening

STATUSES: dict[tuple[str, str], tuple[Any, str]] = {
    ("sale", "awaited"): (_("Order not told yet"), "wait"),
    ("sale", "recorded"): (_("Not paid yet"), "wait"),
    ("sale", "unfunded"): (_("Lacks money"), "bad"),
    ("sale", "accrued"): (_("Commission owed"), "ok"),
    ("sale", "unattributed"): (_("Nobody's"), ""),
    ("sale", "nothing_due"): (_("Nothing due"), ""),
}

BRAND_WAITS: dict[tuple[str, str], Any] = {
    ("sale", "awaited"): _("Waits for your shop to tell us of the order itself."),
    ("sale", "recorded"): _("Waits for the buyer to pay."),
    ("sale", "unfunded"): _(
        "Waits for you: the money reserved for the campaign does not cover the commission."
    ),
}
CREATOR_WAITS: dict[tuple[str, str], Any] = {
    ("sale", "awaited"): _("Waits for the shop to tell us of the order itself."),
    ("sale", "recorded"): _("Waits for the buyer to pay."),
    ("sale", "unfunded"): _("Waits for the brand: the campaign's money does not cover it."),
}

EVENTS: dict[tuple[str, str], Any] = {
    ("sale", "create"): _("First heard of"),
    ("sale", "record"): _("Order known"),
    ("sale", "accrue"): _("Commission owed to the creator"),
    ("sale", "lack"): _("Not covered by the reserved money"),
    ("sale", "leave"): _("Paid or canceled, and nobody's"),
    ("sale", "reverse"): _("Nothing is due any more"),
}

_REASONS: dict[str, Any] = {
    "order_canceled": _("The order was canceled."),
    "order_refunded": _("The order was refunded in full."),
    "nothing_paid": _("Nothing was paid for the goods."),
}

# Why the sale is whose it is; '%(payee)s' is the creator's handle.
RULES: dict[str, Any] = {
    "code": _("The buyer used the code of @%(payee)s."),
    "first_code": _("The buyer used several codes; the first one is that of @%(payee)s."),
    "code_over_link": _(
        "The buyer used the code of @%(payee)s. A code counts before any link that was followed."
    ),
    "link": _("The buyer followed the link of @%(payee)s within the 30 days before the order."),
    "last_click": _(
        "The buyer followed several links; the last one within 30 days is that of @%(payee)s."
    ),
    "nothing_seen": _("The order shows neither a code nor a link of any creator."),
    "nothing_counts": _("None of the codes and links that the order shows counts for it."),
    "self_purchase": _("The buyer is the creator whose code or link it was: that earns nothing."),
    "test_order": _("A test order of the shop: it earns nothing."),
}

OUTCOMES: dict[str, tuple[Any, str]] = {
    "wins": (_("Decided it"), "ok"),
    "counts": (_("Would count"), ""),
    "unknown": (_("Not a creator's"), ""),
    "ended": (_("Had ended before the order"), ""),
    "too_old": (_("Clicked more than 30 days before"), ""),
    "after_the_order": (_("Clicked after the order"), ""),
    "other_currency": (_("The agreement is in another currency"), ""),
    "code_over_link": (_("Lost: a code beats a link"), ""),
    "first_code": (_("Lost: another code came first"), ""),
    "last_click": (_("Lost: another link was followed later"), ""),
    "self_purchase": (_("The buyer's own"), "wait"),
}


def rule(sale: Sale) -> str:
    """Why the sale is whose it is."""
    if sale.receipt is None:
        return ""
    return str(RULES[sale.receipt["rule"]]) % {"payee": sale.receipt["payee"]}


def seen(sale: Sale, own_handle: str | None = None) -> list[dict[str, Any]]:
    """What the order showed and what became of it. A creator is told no other creator's name."""
    shown = []
    for it in (sale.receipt or {}).get("seen", []):
        label, tone = OUTCOMES[it["outcome"]]
        creator = it["creator"]
        foreign = own_handle is not None and creator not in (None, own_handle)
        clicked = it["clicked_at"]
        shown.append(
            {
                "via": str(_("Code") if it["via"] == "code" else _("Link")),
                "text": gettext("another one") if foreign else it["text"],
                "creator": gettext("another creator") if foreign else creator and f"@{creator}",
                "clicked_at": datetime.fromisoformat(clicked) if clicked else None,
                "outcome": str(label),
                "tone": tone,
            }
        )
    return shown


def history(sale: Sale) -> list[Happening]:
    """Every move of a sale in words, oldest first: when, what, by whom, why."""
    return [
        (
            move.at,
            str(EVENTS[move.thing, move.event]),
            "",
            str(_REASONS.get(move.reason) or ""),
        )
        for move in statuses.history(sale)
    ]
