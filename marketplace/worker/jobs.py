"""The kinds of work. The rows are the queue: a job finds its next due row by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from marketplace.campaigns import application, deliverable, ending
from marketplace.challenges import judging
from marketplace.earnings import hold as contests
from marketplace.earnings import maturity
from marketplace.funding import debt
from marketplace.metrics import facts
from marketplace.payouts import (
    approval,
    bank_making,
    claiming,
    closing,
    dispatch,
    hold,
    opening,
    rest,
)
from marketplace.webhooks import inbox, orders
from marketplace.worker import codes, measuring, polling, post, reconciling, sender


def _never() -> datetime | None:
    return None


@dataclass(frozen=True)
class Job:
    """One kind of work.

    `run_one` does one due thing at an instant of domain time; False if nothing was due. The worker
    commits after it, or undoes what it left half done. It commits itself only where it must ask the
    network, which happens with no transaction open.

    `next_due` is the earliest instant of domain time at which something will fall due, or None. The
    demo clock stops there.
    """

    name: str
    run_one: Callable[[datetime], bool]
    next_due: Callable[[], datetime | None] = _never


# In this order by turns: answers first, so that the others see them.
JOBS: tuple[Job, ...] = (
    Job(sender.JOB, sender.send_next),
    Job("orders of shops", inbox.handle_orders),
    Job(inbox.JOB, inbox.handle_next),
    Job("deposits to ask about", polling.deposits),
    Job("refunds to ask about", polling.refunds),
    Job("disputes to ask about", polling.disputes),
    Job("destinations to ask about", polling.destinations),
    Job("payouts to ask about", polling.payouts),
    Job("brands' debts", debt.repay_next),
    Job("facts of a new day", facts.roll_due),  # one count makes up for any number of days
    Job("sales that lacked money", orders.fund_next),
    Job("maturity", maturity.mature_due, maturity.next_maturity),
    Job("contests nobody decided", contests.release_due, contests.next_review),
    Job("silent brands", deliverable.approve_due, deliverable.next_silence),
    Job("unanswered applications", application.expire_due, application.next_expiry),
    Job("campaign windows", ending.end_due, ending.next_end),
    Job("codes of what is over", codes.end_next),
    Job("work that never came", ending.give_up_due, ending.next_give_up),
    Job("challenges", judging.act_due, judging.next_due),
    Job("unclaimed payouts", claiming.remind_due, claiming.next_reminder),
    Job("held payouts", hold.release_due, hold.next_review),
    Job("solvency", measuring.measure_due),
    Job("payout runs", opening.open_due, opening.next_run_at),
    Job("payout run lines", opening.decide_next),
    Job("decided payout runs", approval.lock_next_run),
    Job("approved payout runs", dispatch.begin_next),
    Job("payouts to ask for", dispatch.ask_next),
    Job(bank_making.JOB, bank_making.make_next),
    Job("payouts of rejected runs", dispatch.give_back_next),
    Job("finished payout runs", dispatch.finish_next),
    Job("reconciliation", reconciling.reconcile_next),
    Job("accounts that close", closing.close_due),
    Job("rests that no rail can send", rest.look_next),
    Job("mail", post.deliver_next),
)
