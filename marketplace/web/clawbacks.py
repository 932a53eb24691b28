"""Clawbacks and debt in words, for everybody who sees one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace.earnings.clawback import Clawback
from marketplace.extensions import db
from marketplace.payouts.recovery import RECOVERY_BPS
from marketplace.web import formats

# Why an earning was clawed back, by the word that its row keeps.
REASONS: dict[str, Any] = {
    "order_refunded": _("The order was refunded"),
    "order_canceled": _("The order was canceled"),
    "payment_failed": _("The buyer's payment failed"),
    "chargeback": _("The buyer's bank took the payment back"),
    "duplicate": _("It was counted twice"),
    "tracking_error": _("It was counted by mistake"),
    "ineligible": _("The rules were not fulfilled"),
    "disqualified": _("The entry was disqualified"),
    "terms_violation": _("The terms were broken"),
    "fraud": _("It was not a real sale"),
}


def reason(kept: str) -> str:
    """Why an earning was clawed back; what somebody wrote themselves as they wrote it."""
    known = REASONS.get(kept)
    return str(known) if known else formats.translated(kept)


def about(type: str, id: UUID) -> list[Clawback]:
    """The clawback that this thing is, or those of the earning that it is; oldest first."""
    one = {"clawback": Clawback.id, "earning": Clawback.earning_id}.get(type)
    if one is None:
        return []
    return list(db.session.scalars(select(Clawback).where(one == id).order_by(Clawback.id)))


def rule() -> str:
    """How a debt is repaid."""
    share = formats.percent(RECOVERY_BPS)
    return str(gettext("At most %(share)s of each payout repays it.", share=share))
