"""Alarms: what may be true for a while and should not stay so, with the age of the oldest.

What must never be true is no alarm but an invariant: `flask ledger verify` proves those.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from flask import url_for
from flask_babel import gettext
from sqlalchemy import and_, not_, select

from marketplace import clock
from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.challenges.challenge import JUDGE_WITHIN, Challenge, ChallengeStatus, RankedBy
from marketplace.commissions.sale import Sale, SaleStatus
from marketplace.earnings.earning import Earning, EarningStatus
from marketplace.extensions import db
from marketplace.funding.dispute import Dispute
from marketplace.notifications.mail import Mail
from marketplace.payouts.creator_hold import CreatorHold, CreatorHoldStatus
from marketplace.payouts.payout import Payout, PayoutStatus
from marketplace.payouts.run import PayoutRun, RunStatus
from marketplace.processors.outbox import ProcessorRequest
from marketplace.program.application import ApplicationStatus, ProgramApplication
from marketplace.reconciliation.difference import Difference, DifferenceStatus
from marketplace.reconciliation.run import ReconciliationRun
from marketplace.web import bank_alarms, closing_alarms, solvency_alarms
from marketplace.web.alarm import Alarm
from marketplace.web.alarm import alarm as _alarm
from marketplace.web.alarm import oldest as _oldest
from marketplace.webhooks.event import WebhookEvent

LATE = timedelta(hours=6)  # a look at a processor's lists takes minutes


def alarms() -> list[Alarm]:
    """Everything that needs a look, what somebody must act on first."""
    found = [
        *_reviews(),
        *_applications(),
        *_contests(),
        *_disputes(),
        *bank_alarms.alarms(),
        *_payouts(),
        *_events(),
        *_requests(),
        *_reconciliation(),
        *_holds(),
        *_runs(),
        *solvency_alarms.alarms(),
        *closing_alarms.alarms(),
        *_sales(),
        *_judging(),
        *_mail(),
    ]
    return sorted(found, key=lambda alarm: (alarm.tone != "bad", -alarm.age))


def _reviews() -> Iterator[Alarm]:
    in_review = Campaign.status == CampaignStatus.IN_REVIEW
    first = db.session.scalar(
        select(Campaign).where(in_review).order_by(Campaign.status_at).limit(1)
    )
    is_late = first is not None and first.review_due_at <= clock.now()
    yield from _alarm(
        _oldest(Campaign.status_at, in_review),
        clock.now(),
        tone="bad" if is_late else "wait",
        icon="megaphone",
        title=gettext("Campaigns in review"),
        text=gettext("Brands wait for an answer: three business days at most."),
        url=url_for("operator.campaigns"),
    )


def _applications() -> Iterator[Alarm]:
    waits = ProgramApplication.status == ApplicationStatus.SUBMITTED
    late = and_(waits, ProgramApplication.due_at <= clock.now())
    yield from _alarm(
        _oldest(ProgramApplication.created_at, late),
        clock.now(),
        tone="bad",
        icon="alarm-clock",
        title=gettext("Applications past their due time"),
        text=gettext("Creators were promised an answer within three business days."),
        url=url_for("operator.applications_queue"),
    )
    yield from _alarm(
        _oldest(ProgramApplication.created_at, and_(waits, not_(late))),
        clock.now(),
        tone="wait",
        icon="user-round-check",
        title=gettext("Applications to the program"),
        text=gettext("They wait for a decision; each says until when."),
        url=url_for("operator.applications_queue"),
    )


def _contests() -> Iterator[Alarm]:
    yield from _alarm(
        _oldest(Earning.status_at, Earning.status == EarningStatus.CONTESTED),
        clock.now(),
        tone="bad",
        icon="scale",
        title=gettext("Contested earnings"),
        text=gettext("They are held until somebody decides; each says until when."),
        url=url_for("operator.contested"),
    )


def _disputes() -> Iterator[Alarm]:
    yield from _alarm(
        _oldest(Dispute.created_at, Dispute.status.in_(("inquiry", "needs_response"))),
        clock.now(),
        tone="bad",
        icon="scale",
        title=gettext("Disputes to be answered"),
        text=gettext("Evidence is taken until a day that each of them names; then it is lost."),
        url=url_for("operator.disputes"),
    )


def _payouts() -> Iterator[Alarm]:
    yield from _alarm(
        _oldest(Payout.status_at, Payout.status == PayoutStatus.UNKNOWN),
        clock.now(),
        tone="bad",
        icon="circle-question-mark",
        title=gettext("Payouts without an answer"),
        text=gettext("The money may have left. Do not pay another way: it is looked up again."),
        url=url_for("operator.payouts", status=PayoutStatus.UNKNOWN),
    )
    yield from _alarm(
        _oldest(Payout.status_at, Payout.status == PayoutStatus.HELD),
        clock.now(),
        tone="wait",
        icon="hand",
        title=gettext("Held payouts"),
        text=gettext("The money is set aside. Each says what it waits for."),
        url=url_for("operator.payouts", status=PayoutStatus.HELD),
    )
    returned = and_(Payout.status == PayoutStatus.RETURNED, Payout.return_seen_at.is_(None))
    yield from _alarm(
        _oldest(Payout.status_at, returned),
        clock.now(),
        tone="wait",
        icon="undo-2",
        title=gettext("Payouts that came back"),
        text=gettext("Their creators must confirm their account before they are paid again."),
        url=url_for("operator.payouts", status=PayoutStatus.RETURNED),
    )


def _events() -> Iterator[Alarm]:
    kinds = (
        ("quarantined", "bad", "shield-alert", gettext("Quarantined events")),
        ("parked", "bad", "octagon-pause", gettext("Parked events")),
        ("retry", "wait", "refresh-cw", gettext("Events that are tried again")),
    )
    texts = {
        "quarantined": gettext("Authentic, but they do not fit our rows. Nothing was applied."),
        "parked": gettext("Handling failed too often. Replay them once the cause is gone."),
        "retry": gettext("Handling failed; the next try comes by itself."),
    }
    for state, tone, icon, title in kinds:
        yield from _alarm(
            _oldest(WebhookEvent.received_at, WebhookEvent.state == state),
            clock.wall_now(),
            tone=tone,
            icon=icon,
            title=title,
            text=texts[state],
            url=url_for("operator.webhooks", state=state),
        )


def _requests() -> Iterator[Alarm]:
    yield from _alarm(
        _oldest(ProcessorRequest.created_at, ProcessorRequest.state == "needs_review"),
        clock.wall_now(),
        tone="bad",
        icon="file-exclamation-point",
        title=gettext("Requests that need review"),
        text=gettext("What the processor made does not fit what we asked for."),
        url=url_for("operator.requests", state="needs_review"),
    )


def _reconciliation() -> Iterator[Alarm]:
    yield from _alarm(
        _oldest(Difference.first_seen_at, Difference.status == DifferenceStatus.OPEN),
        clock.now(),
        tone="bad",
        icon="scale",
        title=gettext("Differences to the processors"),
        text=gettext("Books, processor and inbox do not say the same. Nobody explained it yet."),
        url=url_for("operator.compared", status=DifferenceStatus.OPEN),
    )
    late = and_(
        ReconciliationRun.state != "done", ReconciliationRun.started_at <= clock.now() - LATE
    )
    yield from _alarm(
        _oldest(ReconciliationRun.started_at, late),
        clock.now(),
        tone="bad",
        icon="alarm-clock",
        title=gettext("A comparison that is late"),
        text=gettext("It does not end: see whether the processor answers, and a worker runs."),
        url=url_for("operator.compared"),
    )


def _holds() -> Iterator[Alarm]:
    overdue = and_(
        CreatorHold.status == CreatorHoldStatus.ACTIVE, CreatorHold.review_at <= clock.now()
    )
    yield from _alarm(
        _oldest(CreatorHold.status_at, overdue),
        clock.now(),
        tone="bad",
        icon="hand",
        title=gettext("Holds past their review"),
        text=gettext("Creators were told a day on which somebody decides about their payouts."),
        url=url_for("operator.holds"),
    )


def _runs() -> Iterator[Alarm]:
    first = db.session.scalar(
        select(PayoutRun)
        .where(PayoutRun.status == RunStatus.LOCKED)
        .order_by(PayoutRun.status_at)
        .limit(1)
    )
    is_late = first is not None and first.approval_due_at <= clock.now()
    yield from _alarm(
        _oldest(PayoutRun.status_at, PayoutRun.status == RunStatus.LOCKED),
        clock.now(),
        tone="bad" if is_late else "wait",
        icon="users",
        title=gettext("Payout runs that wait for approval"),
        text=gettext("Creators wait for an operator: three business days at most."),
        url=url_for("operator.runs"),
    )
    under_way = (RunStatus.LOCKING, RunStatus.APPROVED, RunStatus.SENDING)
    yield from _alarm(
        _oldest(PayoutRun.due_at, PayoutRun.status.in_(under_way)),
        clock.now(),
        tone="wait",
        icon="loader",
        title=gettext("Payout runs that are not done"),
        text=gettext("The worker decides line by line. If this stays, see whether it runs."),
        url=url_for("operator.runs"),
    )


def _sales() -> Iterator[Alarm]:
    yield from _alarm(
        _oldest(Sale.status_at, Sale.status == SaleStatus.UNFUNDED),
        clock.now(),
        tone="wait",
        icon="shopping-bag",
        title=gettext("Sales that lack money"),
        text=gettext("A commission is due, but the campaign's reserved money does not cover it."),
        url=url_for("operator.changes", thing="sale"),
    )


def _judging() -> Iterator[Alarm]:
    late = and_(
        Challenge.status == ChallengeStatus.JUDGING,
        Challenge.ranked_by == RankedBy.SCORES,
        Challenge.closes_at <= clock.now() - JUDGE_WITHIN,
    )
    yield from _alarm(
        _oldest(Challenge.status_at, late),
        clock.now(),
        tone="bad",
        icon="gavel",
        title=gettext("Contests whose judging is late"),
        text=gettext("The brand should have named the winners; the pool is split in the end."),
        url=url_for("operator.challenges", status=ChallengeStatus.JUDGING),
    )


def _mail() -> Iterator[Alarm]:
    yield from _alarm(
        _oldest(Mail.created_at, Mail.state == "parked"),
        clock.now(),
        tone="bad",
        icon="mail-warning",
        title=gettext("Parked mail"),
        text=gettext("The mail server refused it too often. See SMTP_URL and its log."),
        url=None,
    )
