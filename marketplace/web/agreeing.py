"""The joint at which an application becomes an agreement, for both sides' buttons."""

from __future__ import annotations

from uuid import UUID

from marketplace import access, clock
from marketplace.campaigns import acceptance
from marketplace.campaigns.agreement import Agreement
from marketplace.extensions import db


def agree(application_id: UUID) -> Agreement:
    """The caller, whom it waits for, accepts; what follows from an agreement is done with it.

    Raises:
        WrongState: it was answered, withdrawn, or expired.
        BadInput: no place is left, money is missing, or the campaign is not open.
    """
    agreement = acceptance.accept(application_id, access.actor(), clock.now())
    db.session.commit()
    return agreement
