"""Rules: campaigns with a flat fee and a rate, places in them, work and its review."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from marketplace import clock
from marketplace.campaigns import acceptance, ending
from marketplace.campaigns import application as applications
from marketplace.campaigns import deliverable as deliverables
from marketplace.campaigns.agreement import Agreement as AgreementRow
from marketplace.campaigns.application import Application as ApplicationRow
from marketplace.campaigns.campaign import Campaign as CampaignRow
from marketplace.commissions import code as codes
from marketplace.commissions.code import PromoCode
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, WrongState
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from tests.make import make_campaign
from tests.path.machine import PICK, Path, pick
from tests.path.model import Earner
from tests.whole.model import ASKED, AWAITED, LATE, Agreement, Application, Campaign, Whole
from tests.within import locked

DAYS = 30
LINK = "https://social.example/@ines/video/7301"


def agree(application_id: object) -> AgreementRow:
    """Accept and give the creator what to sell by, as the pages' joint does."""
    application = db.session.get_one(ApplicationRow, application_id)
    agreement = acceptance.accept(application.id, "user:1", clock.now())
    terms = agreement.terms_of_commission
    assert terms is not None
    assert agreement.commission_bps is not None
    codes.issue(
        agreement.id,
        agreement.creator_id,
        agreement.campaign.brand_id,
        agreement.campaign.ledger_owner,
        agreement.commission_bps,
        terms,
        agreement.currency,
        clock.now(),
    )
    return agreement


class Working(Path):
    """What a brand and its creators do with a campaign."""

    model: Whole

    @rule(
        fee=st.integers(100, 900),
        places=st.integers(1, 2),
        status=st.sampled_from(["awaiting_funds", "in_review"]),
        rate_bps=st.sampled_from([100, 1_250, 4_000]),
        for_sales=st.integers(0, 1_500),
    )
    def begin_campaign(
        self,
        fee: int,
        places: int,
        status: str = "awaiting_funds",
        rate_bps: int = 1_250,
        for_sales: int = 600,
    ) -> None:
        budget = fee * places + for_sales
        made = make_campaign(
            self.team,
            status=status,
            flat_fee_minor=fee,
            commission_bps=rate_bps,
            places=places,
            budget_minor=budget,
            days=DAYS,
        )
        campaign = Campaign(made.id, budget, 0, status, fee, places, rate_bps)
        self.model.campaigns.append(campaign)

    def _campaign(self, n: int) -> Campaign:
        """One that is open, if one is."""
        every = self.model.campaigns
        one = pick([it for it in every if it.status == "open"] or every, n)
        assert isinstance(one, Campaign)
        return one

    # ---- places

    @precondition(lambda self: self.model.campaigns)
    @rule(n=PICK, who=PICK, over=st.booleans())
    def apply(self, n: int, who: int, over: bool = False) -> None:
        campaign = self._campaign(n)
        if over:
            any_of_them = pick(self.model.campaigns, n)
            assert isinstance(any_of_them, Campaign)
            campaign = any_of_them
        earner = pick(self.model.earners, who)
        made: list[ApplicationRow] = []

        def act() -> None:
            creator = db.session.get_one(Creator, earner.id)
            row = locked(CampaignRow, campaign.id)
            made.append(
                applications.apply(
                    row, creator, "Me.", form_key=new_id(), actor="user:3", at=clock.now()
                )
            )

        refusal = None if self._may_apply(campaign, earner) else BadInput
        if self.expect(refusal, act):
            asked = Application(made[0].id, campaign, earner, made[0].answer_by)
            self.model.applications.append(asked)

    def _may_apply(self, campaign: Campaign, earner: Earner) -> bool:
        asked = any(
            it.campaign is campaign and it.earner is earner and it.status == ASKED
            for it in self.model.applications
        )
        has_place = any(it.earner is earner for it in self.model.living(campaign))
        return campaign.status == "open" and not asked and not has_place

    @precondition(lambda self: self.model.applications)
    @rule(n=PICK, again=st.booleans())
    def accept(self, n: int, again: bool = False) -> None:
        asked = [it for it in self.model.applications if it.status == ASKED]
        application = pick(self.model.applications if again or not asked else asked, n)
        campaign = application.campaign
        refusal: type[Exception] | None = None
        if application.status != ASKED:
            refusal = WrongState
        elif not self._has_room(campaign):
            refusal = BadInput
        made: list[AgreementRow] = []
        if self.expect(refusal, lambda: made.append(agree(application.id))):
            application.status = "accepted"
            (row,) = made
            work = deliverables.of_agreement(row.id)
            code = db.session.query(PromoCode).filter_by(agreement_id=row.id).one().code
            self.model.agreements.append(
                Agreement(row.id, work.id, campaign, application.earner, code, work.due_at)
            )

    def _has_room(self, campaign: Campaign) -> bool:
        has_place = len(self.model.living(campaign)) < campaign.places
        return has_place and self.model.spare(campaign) >= campaign.fee

    # ---- work

    def _agreement(self, n: int, *works: str) -> Agreement:
        """One whose work stands like that, if one does."""
        every = self.model.agreements
        return pick([it for it in every if it.work in works] or every, n)

    @precondition(lambda self: self.model.agreements)
    @rule(n=PICK)
    def submit(self, n: int) -> None:
        agreement = self._agreement(n, *AWAITED)
        refusal = None if agreement.work in AWAITED else WrongState
        if self.expect(
            refusal,
            lambda: deliverables.submit(agreement.work_id, LINK, "", "user:3", clock.now()),
        ):
            agreement.work = "submitted"
            agreement.review_by = deliverables.of_agreement(agreement.id).review_by

    @precondition(lambda self: self.model.agreements)
    @rule(n=PICK)
    def request_revision(self, n: int) -> None:
        agreement = self._agreement(n, "submitted")
        refusal: type[Exception] | None = None
        if agreement.work != "submitted":
            refusal = WrongState
        elif agreement.revisions == 2:
            refusal = BadInput
        at = clock.now()
        if self.expect(
            refusal,
            lambda: deliverables.request_revision(agreement.work_id, "Closer.", "user:1", at),
        ):
            agreement.work, agreement.review_by = "revision_due", None
            agreement.revisions += 1
            agreement.due_at = max(agreement.due_at, at + timedelta(days=3))

    @precondition(lambda self: self.model.agreements)
    @rule(n=PICK, again=st.booleans())
    def approve(self, n: int, again: bool = False) -> None:
        agreement = self._agreement(n, "approved" if again else "submitted")
        if self.expect(
            None if agreement.work == "submitted" else WrongState,
            lambda: deliverables.approve(agreement.work_id, "user:1", clock.now()),
        ):
            self.model.approves(agreement)

    @precondition(lambda self: self.model.agreements)
    @rule(n=PICK)
    def give_up(self, n: int) -> None:
        agreement = self._agreement(n, *AWAITED)
        at = clock.now()
        refusal: type[Exception] | None = None
        if agreement.work not in AWAITED:
            refusal = WrongState
        elif agreement.due_at + LATE > at:
            refusal = BadInput
        if self.expect(refusal, lambda: ending.give_up(agreement.work_id, "user:1", at)):
            self.model.gives_up(agreement)
