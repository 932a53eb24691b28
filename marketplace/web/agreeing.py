"""The joint at which an application becomes an agreement, for both sides' buttons."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from marketplace import access, clock
from marketplace.campaigns import acceptance
from marketplace.campaigns.agreement import Agreement
from marketplace.commissions import code as codes
from marketplace.extensions import db


def agree(application_id: UUID) -> Agreement:
    """The caller, whom it waits for, accepts; what follows from an agreement is done with it.

    Raises:
        WrongState: it was answered, withdrawn, or expired.
        BadInput: no place is left, money is missing, or the campaign is not open.
    """
    agreement = conclude(application_id, access.actor(), clock.now())
    db.session.commit()
    return agreement


def conclude(application_id: UUID, actor: str, at: datetime) -> Agreement:
    """Accept an application; sales by the creator are known by a promo code from now on.

    Raises:
        WrongState: it was answered, withdrawn, or expired.
        BadInput: no place is left, money is missing, or the campaign is not open.
    """
    agreement = acceptance.accept(application_id, actor, at)
    terms = agreement.terms_of_commission
    if agreement.commission_bps and terms:
        codes.issue(
            agreement.id,
            agreement.creator_id,
            agreement.campaign.brand_id,
            agreement.campaign.ledger_owner,
            agreement.commission_bps,
            terms,
            agreement.currency,
            at,
        )
    return agreement
