"""Payouts and runs as operators see them, and what they may decide."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.money import Money
from marketplace.parties.creator import Creator
from marketplace.payouts import destination as destinations
from marketplace.payouts import leaving, returning
from marketplace.payouts import opening as runs
from marketplace.payouts.payout import Payout
from marketplace.payouts.run import PayoutRun
from marketplace.processors.base import IDEMPOTENCY_ERROR, Verdict
from marketplace.web import operator_dry_run
from marketplace.webhooks import converge
from tests.make import (
    do_runs,
    earn_matured,
    make_creator,
    make_destination,
    make_payout,
    make_paypal_destination,
    make_returned,
    run_after_maturity,
    transfer_of,
)
from tests.web.operating import Operating, answer, operating
from tests.within import locked, money_tables

__all__ = ["operating"]

REASON = "asked for by the creator"


def reserved(operating: Operating) -> Payout:
    return operating.within(lambda: make_payout(make_creator("ines").creator))


def held(operating: Operating) -> Payout:
    payout = reserved(operating)
    operating.within(lambda: answer(Verdict.REJECTED, "balance_insufficient"))
    return payout


def status(operating: Operating, payout: Payout) -> str:
    return operating.within(lambda: db.session.get_one(Payout, payout.id).status)


def available(operating: Operating, payout: Payout) -> Money:
    account = postings.creator_available(payout.creator_owner)
    return operating.within(lambda: balances.balance(account, "USD"))


def decide(operating: Operating, payout: Payout, decision: str, reason: str = REASON) -> str:
    path = f"/operator/payouts/{payout.id}/decide"
    reply = operating.send(path, decision=decision, reason=reason)
    assert reply.status_code == 303, reply.text
    return operating.see(reply.location)


def test_a_payout_that_was_not_sent_is_canceled_and_the_money_is_the_creators_again(
    operating: Operating,
) -> None:
    payout = reserved(operating)
    page = operating.see(f"/operator/payouts/{payout.id}")
    assert "Cancel the payout" in page
    assert "End the hold" not in page
    assert available(operating, payout) == Money(0, "USD")

    page = decide(operating, payout, "cancel")
    assert "The payout is canceled." in page
    assert REASON in page
    assert operating.person.name in page, "the trace says who decided"
    assert (status(operating, payout), available(operating, payout)) == (
        "canceled",
        Money(15_000, "USD"),
    )


def test_a_hold_is_ended_and_the_processor_asked_under_a_new_key(operating: Operating) -> None:
    payout = held(operating)
    page = operating.see(f"/operator/payouts/{payout.id}")
    assert "Our balance at the processor is too low" in page
    page = decide(operating, payout, "release")
    assert "The hold is over." in page
    assert status(operating, payout) == "reserved"
    assert "Attempt 2" in page
    assert REASON in page


def test_a_held_payout_may_be_canceled(operating: Operating) -> None:
    payout = held(operating)
    decide(operating, payout, "cancel")
    assert status(operating, payout) == "canceled"
    assert available(operating, payout) == Money(15_000, "USD")


@pytest.mark.parametrize("decision", ["cancel", "release"])
def test_a_decision_that_comes_too_late_changes_nothing_and_says_so(
    operating: Operating, decision: str
) -> None:
    payout = reserved(operating)

    def send() -> None:
        leaving.may_send(locked(Payout, payout.id), clock.now())
        db.session.commit()

    operating.within(send)
    page = decide(operating, payout, decision)
    assert "This has moved on meanwhile" in page
    assert status(operating, payout) == "sending"


def test_a_decision_needs_a_reason_and_keeps_what_was_typed(operating: Operating) -> None:
    payout = reserved(operating)
    path = f"/operator/payouts/{payout.id}/decide"
    without = operating.send(path, decision="cancel", reason="  ")
    assert without.status_code == 422
    assert 'value="cancel" checked' in without.text
    unknown = operating.send(path, decision="pay", reason=REASON)
    assert unknown.status_code == 422
    assert REASON in unknown.text
    assert status(operating, payout) == "reserved"


def test_what_an_operator_found_at_paypal_is_looked_up_by_its_number(operating: Operating) -> None:
    def in_review() -> Payout:
        creator = make_creator("ines").creator
        make_paypal_destination(creator)
        return make_payout(creator)

    payout = operating.within(in_review)
    operating.within(lambda: answer(Verdict.REJECTED, IDEMPOTENCY_ERROR))
    page = operating.see(f"/operator/payouts/{payout.id}")
    assert "It was made: look it up" in page
    path = f"/operator/payouts/{payout.id}/decide"
    for wrong in ("", "P-1/../2", "lot n\u00b0 5"):
        refused = operating.send(path, decision="look_up", reason=REASON, remote_id=wrong)
        assert refused.status_code == 422
        assert "its number there: letters and digits" in refused.text
        assert REASON in refused.text
    reply = operating.send(path, decision="look_up", reason=REASON, remote_id="P1")
    assert "asked for what you found" in operating.see(reply.location)
    assert status(operating, payout) == "unknown"


def test_what_a_processor_can_be_asked_for_needs_no_number(operating: Operating) -> None:
    payout = reserved(operating)
    operating.within(lambda: answer(Verdict.REJECTED, IDEMPOTENCY_ERROR))
    assert "look it up" not in operating.see(f"/operator/payouts/{payout.id}")


def test_a_payout_that_came_back_says_so_until_and_after_its_creator_confirmed(
    operating: Operating,
) -> None:
    payout = operating.within(lambda: make_returned(make_creator("ines").creator))
    path = f"/operator/payouts/{payout.id}"
    page = operating.see(path)
    assert "the processor reversed the transfer" in page
    assert "Payout came back" in page
    assert "Decide" not in page, "nothing is to be decided about it"
    assert str(payout.id) in operating.see("/operator/payouts?status=returned")

    def confirm() -> None:
        returning.confirm(locked(Payout, payout.id), "user:1", clock.now())
        db.session.commit()

    operating.within(confirm)
    assert "The creator confirmed on" in operating.see(path)


def test_payouts_are_listed_by_status(operating: Operating) -> None:
    first = held(operating)
    second = operating.within(lambda: make_payout(make_creator("tom").creator))
    everything = operating.see("/operator/payouts")
    only_held = operating.see("/operator/payouts?status=held")
    assert str(first.id) in everything
    assert str(second.id) in everything
    assert str(first.id) in only_held
    assert str(second.id) not in only_held
    assert operating.see("/operator/payouts?status=nonsense").count("/operator/payouts/0") == 2
    assert "No such payouts" in operating.see("/operator/payouts?status=paid")


def test_a_run_says_of_every_balance_what_became_of_it(operating: Operating) -> None:
    def make() -> PayoutRun:
        for handle, amount, connected in (
            ("paid", "150.00 USD", True),
            ("small", "99.99 USD", True),
            ("nowhere", "150.00 USD", False),
        ):
            creator = make_creator(handle).creator
            earn_matured(creator, amount)
            if connected:
                make_destination(creator)
        do_runs(run_after_maturity(creator))
        return db.session.query(PayoutRun).one()

    run = operating.within(make)
    listed = operating.see("/operator/payouts/runs")
    assert run.period in listed
    assert "Europe/Paris" in listed
    page = operating.see(f"/operator/payouts/runs/{run.id}")
    assert "$150.00" in page
    assert "$0.01 missing to the threshold." in page
    assert "The creator has connected no destination." in page
    included = operating.see(f"/operator/payouts/runs/{run.id}?state=included")
    assert "@paid" in included
    assert "@small" not in included
    for odd in ("x", "0" * 32, "0" * 32 + "-USD", "g" * 32 + "-USD"):
        path = f"/operator/payouts/runs/{run.id}?after={odd}"
        assert operating.client.get(path).status_code in (200, 400)


def test_a_run_that_is_not_done_is_an_alarm(operating: Operating) -> None:
    def make() -> None:
        creator = make_creator().creator
        earn_matured(creator, "150.00 USD")
        runs.open_due(run_after_maturity(creator) + timedelta(hours=1))
        db.session.commit()

    operating.within(make)
    assert "Payout runs that are not done" in operating.see("/operator")


def test_a_dry_run_says_whom_the_next_run_would_pay_and_changes_nothing(
    operating: Operating,
) -> None:
    def make() -> None:
        for handle, amount, connected in (
            ("paid", "150.00 USD", True),
            ("small", "99.99 USD", True),
            ("nowhere", "150.00 USD", False),
        ):
            creator = make_creator(handle).creator
            earn_matured(creator, amount)
            if connected:
                make_destination(creator)

    operating.within(make)
    before = operating.within(money_tables)
    assert "Dry run of the next" in operating.see("/operator/payouts/runs")
    page = operating.see("/operator/payouts/runs/next")
    assert operating.within(money_tables) == before
    assert "$150.00" in page
    assert "$0.01 missing to the threshold" in page
    assert "The creator has connected no destination." in page
    assert "$300.00" not in page, "who is excluded is not in the total"


def test_a_dry_run_that_lists_few_creators_sums_up_all(
    operating: Operating, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make() -> None:
        for handle in ("first", "second", "third"):
            creator = make_creator(handle).creator
            earn_matured(creator, "4000.00 USD")
            make_destination(creator)

    operating.within(make)
    monkeypatch.setattr(operator_dry_run, "CREATORS_MAX", 1)
    page = operating.see("/operator/payouts/runs/next")
    assert "@first" in page
    assert "@second" not in page
    assert "Only the first 1 creators are listed; every sum is of all of them." in page
    assert "$12,000.00" in page, "what it needs"
    assert "An operator will have to approve it" in page, "4,000.00 alone need nobody"


def test_a_dry_run_compares_everybody_with_the_run_before(
    operating: Operating, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were paid, so that neither is gone; one is paid elsewhere by now."""

    def make() -> None:
        at = clock.now()
        for handle in ("first", "second"):
            creator = make_creator(handle).creator
            earn_matured(creator, "150.00 USD")
            make_destination(creator)
        do_runs(at)
        for payout in db.session.query(Payout).all():
            assert leaving.may_send(locked(Payout, payout.id), at)
            converge.apply(transfer_of(payout), at)
        db.session.commit()
        destinations.retire(payout.creator_id, "user:1", clock.now())
        for creator in db.session.query(Creator).order_by(Creator.id):
            earn_matured(creator, "150.00 USD")
            if creator.id == payout.creator_id:
                make_destination(creator)

    operating.within(make)
    monkeypatch.setattr(operator_dry_run, "CREATORS_MAX", 1)
    page = operating.see("/operator/payouts/runs/next")
    assert "Gone" not in page
    assert page.count("Other destination") == 1


def test_without_creators_no_run_is_coming(operating: Operating) -> None:
    assert "No run is coming" in operating.see("/operator/payouts/runs/next")


def big_run(operating: Operating) -> PayoutRun:
    """A run of 12,000.00 USD, which waits for an operator."""

    def make() -> PayoutRun:
        creator = make_creator("ines").creator
        earn_matured(creator, "12000.00 USD")
        make_destination(creator)
        do_runs(run_after_maturity(creator))
        return db.session.query(PayoutRun).one()

    return operating.within(make)


def test_a_run_above_the_limit_is_an_alarm_and_is_approved_on_its_page(
    operating: Operating,
) -> None:
    run = big_run(operating)
    path = f"/operator/payouts/runs/{run.id}"
    assert "Payout runs that wait for approval" in operating.see("/operator")
    page = operating.see(path)
    assert "Nothing of it is sent before an operator has approved it" in page
    assert "What it needs, and what is there" in page
    assert "short" in page, "the processor's fee is missing"
    reply = operating.send(f"{path}/decide", decision="approve", reason="as every week")
    assert reply.status_code == 303
    page = operating.see(reply.location)
    assert "The run is approved." in page
    assert "as every week" in page
    again = operating.send(f"{path}/decide", decision="reject", reason="too late")
    assert "This has moved on meanwhile" in operating.see(again.location)


def test_a_rejection_needs_a_reason_and_gives_the_money_back(operating: Operating) -> None:
    run = big_run(operating)
    path = f"/operator/payouts/runs/{run.id}"
    without = operating.send(f"{path}/decide", decision="reject")
    assert without.status_code == 422
    assert "Say why: the creators read it." in without.text
    reply = operating.send(f"{path}/decide", decision="reject", reason="a wrong import")
    assert "The run is rejected." in operating.see(reply.location)
    operating.within(lambda: do_runs(clock.now()))
    payout = operating.within(lambda: db.session.query(Payout).one())
    assert available(operating, payout) == Money(1_200_000, "USD")


def test_who_may_not_approve_is_told_why_and_keeps_what_was_typed(operating: Operating) -> None:
    def make() -> PayoutRun:
        creator = make_creator("ines").creator
        earn_matured(creator, "12000.00 USD")
        make_destination(creator)
        at = run_after_maturity(creator)
        runs.open_due(at, maker=f"user:{operating.person.id.hex}")
        db.session.commit()
        do_runs(at)
        return db.session.query(PayoutRun).one()

    run = operating.within(make)
    path = f"/operator/payouts/runs/{run.id}"
    said = f"{operating.person.name} opened this run: another operator must approve it."
    assert said in operating.see(path)
    reply = operating.send(f"{path}/decide", decision="approve", reason="my own work")
    assert reply.status_code == 422
    assert said in reply.text
    assert "my own work" in reply.text


def test_a_creators_payouts_are_held_and_the_creator_reads_why(operating: Operating) -> None:
    payout = reserved(operating)
    path = f"/operator/creators/{payout.creator_id}/hold"
    assert path in operating.see(f"/operator/payouts/{payout.id}")
    soon = (clock.now() + timedelta(days=10)).date().isoformat()
    reply = operating.send(path, reason="we ask about an order", review_on="2020-01-01")
    assert reply.status_code == 422
    assert "A day to come, within 30 days." in reply.text
    assert "we ask about an order" in reply.text
    reply = operating.send(path, reason="we ask about an order", review_on=soon)
    assert "Nothing leaves to this creator" in operating.see(reply.location)
    assert "we ask about an order" in operating.see("/operator/payouts/holds")
    assert operating.send(path, reason="once more", review_on=soon).status_code == 422
    reply = operating.send(f"{path}/lift", reason="all in order")
    assert "The hold is over." in operating.see(reply.location)
    assert operating.client.get(f"/operator/creators/{payout.id}/hold").status_code == 404
