"""The joint at which an application becomes an agreement, for both sides' buttons."""

from __future__ import annotations

from uuid import UUID

from marketplace import access, clock
from marketplace.campaigns import acceptance
from marketplace.campaigns.agreement import Agreement
from marketplace.commissions import code as codes
from marketplace.earnings.terms import Terms
from marketplace.extensions import db


def agree(application_id: UUID) -> Agreement:
    """The caller, whom it waits for, accepts; what follows from an agreement is done with it.

    Raises:
        WrongState: it was answered, withdrawn, or expired.
        BadInput: no place is left, money is missing, or the campaign is not open.
    """
    at = clock.now()
    agreement = acceptance.accept(application_id, access.actor(), at)
    if agreement.commission_bps and agreement.commission_terms:
        codes.issue(
            agreement.id,
            agreement.creator_id,
            agreement.campaign.brand_id,
            agreement.campaign.ledger_owner,
            agreement.commission_bps,
            Terms(**agreement.commission_terms),
            agreement.currency,
            at,
        )
    db.session.commit()
    return agreement
