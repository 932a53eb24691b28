"""An agreement: what a brand and a creator settled, frozen as it was on that day."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.campaigns.campaign import Campaign
from marketplace.earnings.terms import Terms
from marketplace.ledger.draft import Cause
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.statuses import Moves, Stateful, Wait, Waits

REVISIONS_INCLUDED = 2
REVIEW_DAYS = 3  # business days in the brand's time zone


class AgreementStatus(StrEnum):
    """Where an agreement stands; its deliverable knows more.

    active ──fulfill──▶ fulfilled      the work is approved, the flat fee is earned
       └──cancel──▶ canceled           the work never came, or nobody wanted it before it came
    """

    ACTIVE = "active"
    FULFILLED = "fulfilled"
    CANCELED = "canceled"


class Agreement(Stateful):
    """A place in a campaign: pay, terms, brief and dates as both sides accepted them.

    While it is active, `gross_minor` of the campaign's reserved money is committed to it.
    """

    __tablename__ = "agreement"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'fulfilled', 'canceled')", name="status"),
        CheckConstraint(
            "flat_fee_minor > 0 OR commission_bps > 0",
            name="pays_something",
        ),
        CheckConstraint(
            "gross_minor >= coalesce(flat_fee_minor, 0)"
            " AND (flat_fee_minor IS NULL) = (flat_fee_terms IS NULL)"
            " AND (commission_bps IS NULL) = (commission_terms IS NULL)",
            name="terms_frozen",
        ),
        Index(
            "uq_agreement_living",
            "campaign_id",
            "creator_id",
            unique=True,
            postgresql_where=text("status <> 'canceled'"),
        ),
    )

    MOVES: ClassVar[Moves] = {
        (AgreementStatus.ACTIVE, "fulfill"): AgreementStatus.FULFILLED,
        (AgreementStatus.ACTIVE, "cancel"): AgreementStatus.CANCELED,
    }
    WAITS: ClassVar[Waits] = {
        AgreementStatus.ACTIVE: Wait(on="deliverable", due=lambda it: None, then="fulfill"),
    }

    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"), unique=True)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"), index=True)
    creator_id: Mapped[UUID] = mapped_column(ForeignKey("creator.id"), index=True)
    brief: Mapped[str]
    currency: Mapped[str]
    flat_fee_minor: Mapped[int | None]
    flat_fee_terms: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    commission_bps: Mapped[int | None]
    commission_terms: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    gross_minor: Mapped[int]  # what the flat fee takes from the campaign, our platform fee included
    due_on: Mapped[date]  # in the brand's time zone
    time_zone: Mapped[str]  # the brand's: business days are its
    revisions_included: Mapped[int]
    review_days: Mapped[int]
    agreed_at: Mapped[datetime]

    campaign: Mapped[Campaign] = relationship()
    creator: Mapped[Creator] = relationship()

    @property
    def cause(self) -> Cause:
        return Cause("agreement", self.id)

    @property
    def flat_fee(self) -> Money | None:
        return None if self.flat_fee_minor is None else Money(self.flat_fee_minor, self.currency)

    @property
    def gross(self) -> Money:
        return Money(self.gross_minor, self.currency)

    @property
    def terms_of_flat_fee(self) -> Terms | None:
        """The platform fee and maturity that the flat fee was agreed with."""
        return None if self.flat_fee_terms is None else Terms(**self.flat_fee_terms)

    @property
    def terms_of_commission(self) -> Terms | None:
        """The platform fee and maturity that the commission was agreed with."""
        return None if self.commission_terms is None else Terms(**self.commission_terms)

    @property
    def net(self) -> Money | None:
        """What the creator gets of the flat fee."""
        terms = self.terms_of_flat_fee
        return terms.split(self.flat_fee)[0] if terms and self.flat_fee else None
