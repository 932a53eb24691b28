"""The Stripe adapter, the real library over HTTP: what it sends, reads, and makes of errors."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.errors import ProcessorUnavailable
from marketplace.processors.base import Op, Outcome, Request, Verdict
from marketplace.processors.listing import Cash
from marketplace.processors.stripe import API_VERSION, Stripe
from tests.processors.canned import Answer, CannedServer
from tests.processors.make import (
    checkout_intent,
    funded,
    payee,
    recipient_intent,
    refund_intent,
    request_for,
    settings_towards,
    transfer_intent,
    usd,
)
from tests.sandbox.server import SandboxServer


def test_a_checkout_becomes_its_payment_once_it_is_completed(
    sandbox: SandboxServer, stripe: Stripe
) -> None:
    intent = checkout_intent(usd(12_345))
    made = stripe.execute(request_for(stripe, intent))

    assert made.verdict is Verdict.DONE
    assert made.remote_request_id is not None
    assert made.snapshot is not None
    assert (made.snapshot.kind, made.snapshot.state) == ("checkout", "open")
    assert made.snapshot.our_ref == intent.subject_id.hex
    assert made.snapshot.amount == usd(12_345)
    assert (made.snapshot.url or "").startswith(sandbox.url)

    before = stripe.fetch("checkout", made.snapshot.remote_id, None)
    assert (before.kind, before.state) == ("checkout", "open")
    sandbox.pay(made.snapshot.remote_id)
    payment = stripe.fetch("checkout", made.snapshot.remote_id, None)

    assert (payment.kind, payment.state) == ("payment", "succeeded")
    assert payment.our_ref == intent.subject_id.hex
    assert payment.amount == usd(12_345)
    assert payment.charge_ref is not None
    assert payment.fee is not None
    assert 0 < payment.fee.minor < 12_345
    assert payment.fee_ref is not None
    assert not payment.livemode
    assert stripe.fetch("payment", payment.remote_id, None) == payment


def test_a_declined_card_is_a_failed_payment_of_an_open_checkout(
    sandbox: SandboxServer, stripe: Stripe
) -> None:
    made = stripe.execute(request_for(stripe, checkout_intent())).snapshot
    assert made is not None
    sandbox.decline(made.remote_id)

    checkout = stripe.fetch("checkout", made.remote_id, None)

    assert (checkout.kind, checkout.state) == ("checkout", "open")
    if checkout.payment_ref is not None:
        assert stripe.fetch("payment", checkout.payment_ref, None).state == "failed"


def test_a_recipient_is_pending_until_it_gave_what_is_missing(
    sandbox: SandboxServer, stripe: Stripe
) -> None:
    intent = recipient_intent()
    made = stripe.execute(request_for(stripe, intent)).snapshot
    assert made is not None
    assert (made.kind, made.our_ref) == ("recipient", intent.subject_id.hex)
    assert made.state != "active"
    assert made.requirements != ()

    sandbox.complete_onboarding(made.remote_id)
    active = stripe.fetch("recipient", made.remote_id, None)
    assert (active.state, active.requirements) == ("active", ())

    sandbox.fail_onboarding(made.remote_id)
    again = stripe.fetch("recipient", made.remote_id, None)
    assert again.state == "restricted"
    assert again.requirements != ()


def test_every_onboarding_link_is_a_new_one(stripe: Stripe) -> None:
    made = stripe.execute(request_for(stripe, recipient_intent())).snapshot
    assert made is not None
    links = {
        stripe.onboarding_link(made.remote_id, "http://a.example/back", "http://a.example/again")
        for _ in range(3)
    }
    assert len(links) == 3


def test_a_transfer_is_paid_and_found_by_our_subject(
    sandbox: SandboxServer, stripe: Stripe
) -> None:
    funded(sandbox, stripe)
    intent = transfer_intent(payee(sandbox, stripe))
    request = request_for(stripe, intent)
    assert stripe.find(request).code == "not_found"

    made = stripe.execute(request)

    assert made.snapshot is not None
    assert (made.snapshot.kind, made.snapshot.state) == ("transfer", "paid")
    assert made.snapshot.our_ref == intent.subject_id.hex
    assert made.snapshot.account == intent.remote_account
    assert made.snapshot.amount == usd(4_000)
    found = stripe.find(request)
    assert found.verdict is Verdict.DONE
    assert found.snapshot == made.snapshot
    assert stripe.fetch("transfer", made.snapshot.remote_id, None) == made.snapshot
    other = request_for(stripe, transfer_intent(intent.remote_account))
    assert stripe.find(other).code == "not_found"


def test_a_transfer_says_whether_all_of_it_or_a_part_came_back(
    sandbox: SandboxServer, stripe: Stripe
) -> None:
    funded(sandbox, stripe)
    made = stripe.execute(request_for(stripe, transfer_intent(payee(sandbox, stripe)))).snapshot
    assert made is not None
    reversals = sandbox.client().v1.transfers.reversals
    reversals.create(made.remote_id, {"amount": 1}, {"idempotency_key": "in part"})
    assert stripe.fetch("transfer", made.remote_id, None).state == "partly_reversed"
    reversals.create(made.remote_id, {}, {"idempotency_key": "the rest"})
    whole = stripe.fetch("transfer", made.remote_id, None)
    assert (whole.state, whole.amount) == ("reversed", usd(4_000))


def test_a_refund_is_found_among_others_of_its_charge(
    sandbox: SandboxServer, stripe: Stripe
) -> None:
    charge = funded(sandbox, stripe)
    requests = [request_for(stripe, refund_intent(charge, usd(100 + n))) for n in range(3)]
    assert [stripe.find(request).code for request in requests] == ["not_found"] * 3

    made = [stripe.execute(request).snapshot for request in requests]

    assert [it.amount for it in made if it] == [usd(100), usd(101), usd(102)]
    found = [stripe.find(request).snapshot for request in requests]
    assert [it.remote_id for it in found if it] == [it.remote_id for it in made if it]
    assert made[1] is not None
    assert (made[1].kind, made[1].state, made[1].charge_ref) == ("refund", "succeeded", charge)


def test_the_same_key_brings_the_same_object(sandbox: SandboxServer, stripe: Stripe) -> None:
    funded(sandbox, stripe)
    request = request_for(stripe, transfer_intent(payee(sandbox, stripe)))

    first, second = stripe.execute(request), stripe.execute(request)

    assert (first.replayed, second.replayed) == (False, True)
    assert first.snapshot == second.snapshot
    assert len(sandbox.books()["transfers"]) == 1


@pytest.mark.parametrize(
    ("fault", "verdict", "status"),
    [
        ("timeout_before", Verdict.UNKNOWN, None),
        ("timeout_after_success", Verdict.UNKNOWN, None),
        ("reset_before", Verdict.UNKNOWN, None),
        ("reset_after", Verdict.UNKNOWN, None),
        ("e500_after_success", Verdict.UNKNOWN, 500),
        ("e500_stored", Verdict.UNKNOWN, 500),
        ("e503", Verdict.UNKNOWN, 503),
        ("e409", Verdict.BUSY, 409),
        ("e429", Verdict.BUSY, 429),
    ],
)
def test_each_fault_has_its_verdict(
    sandbox: SandboxServer, fault: str, verdict: Verdict, status: int | None
) -> None:
    stripe = Stripe(settings_towards(sandbox.url, processor_timeout_s=1.0))
    funded(sandbox, stripe)
    request = request_for(stripe, transfer_intent(payee(sandbox, stripe)))
    sandbox.fault("transfers.create", fault, hold_s=1.5)

    outcome = stripe.execute(request)

    assert (outcome.verdict, outcome.http_status) == (verdict, status)
    assert outcome.code is not None
    assert outcome.snapshot is None


def test_a_refusal_names_stripes_code(sandbox: SandboxServer, stripe: Stripe) -> None:
    account = payee(sandbox, stripe)
    poor = stripe.execute(request_for(stripe, transfer_intent(account)))
    assert (poor.verdict, poor.code) == (Verdict.REJECTED, "balance_insufficient")

    nobody = stripe.execute(request_for(stripe, transfer_intent("acct_nobody")))
    assert (nobody.verdict, nobody.code) == (Verdict.REJECTED, "resource_missing")


def test_a_key_with_another_body_is_flagged(sandbox: SandboxServer, stripe: Stripe) -> None:
    funded(sandbox, stripe)
    request = request_for(stripe, transfer_intent(payee(sandbox, stripe)))
    stripe.execute(request)
    changed = Request(**{**vars(request), "body": {**request.body, "amount": 1}})

    outcome = stripe.execute(changed)

    assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "idempotency_error")


def test_a_wrong_key_of_the_account_is_busy_not_refused(sandbox: SandboxServer) -> None:
    stripe = Stripe(settings_towards(sandbox.url, stripe_secret_key="sk_test_revoked"))
    outcome = stripe.execute(request_for(stripe, checkout_intent()))
    assert (outcome.verdict, outcome.http_status) == (Verdict.BUSY, 401)


ERROR = {"error": {"type": "invalid_request_error", "code": "whatever", "message": "No."}}


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(400, ERROR), Verdict.REJECTED),
        (Answer(402, {"error": {"type": "card_error", "code": "x"}}), Verdict.REJECTED),
        (Answer(403, {"error": {"type": "invalid_request_error"}}), Verdict.REJECTED),
        (Answer(404, ERROR), Verdict.REJECTED),
        (Answer(400, "<html>a proxy between us</html>"), Verdict.UNKNOWN),
        (Answer(404, "<html>a proxy between us</html>"), Verdict.UNKNOWN),
        (Answer(502, "<html>bad gateway</html>"), Verdict.UNKNOWN),
        (Answer(504, ""), Verdict.UNKNOWN),
        (Answer(200, ""), Verdict.UNKNOWN),
        (Answer(200, '{"id": "tr_1", "object": "trans'), Verdict.UNKNOWN),
        (Answer(200, []), Verdict.UNKNOWN),
        (Answer(200, {"id": "tr_1", "object": "transfer"}), Verdict.UNKNOWN),
        (Answer(301, ""), Verdict.UNKNOWN),
        (Answer(401, {"error": {"type": "invalid_request_error"}}), Verdict.BUSY),
        (Answer(409, {"error": {"type": "idempotency_error"}}), Verdict.BUSY),
        (Answer(429, {"error": {"type": "rate_limit_error"}}), Verdict.BUSY),
    ],
    ids=lambda it: f"{it.status} {str(it.body)[:30]}" if isinstance(it, Answer) else str(it),
)
def test_only_stripes_own_refusal_is_definitive(
    canned: CannedServer, answer: Answer, verdict: Verdict
) -> None:
    stripe = Stripe(settings_towards(canned.url))
    canned.answer = answer

    outcome = stripe.execute(request_for(stripe, transfer_intent("acct_1")))

    assert outcome.verdict is verdict
    assert len(canned.seen) == 1  # the library itself never tries again


def test_a_look_up_that_fails_is_no_proof_of_absence(canned: CannedServer) -> None:
    stripe = Stripe(settings_towards(canned.url))
    request = request_for(stripe, transfer_intent("acct_1"))
    for answer in (
        *(Answer(status, ERROR) for status in (400, 403, 500)),
        Answer(200, {"object": "list"}),
        Answer(200, "no JSON"),
    ):
        canned.answer = answer
        outcome: Outcome = stripe.find(request)
        assert outcome.verdict is Verdict.UNKNOWN, "neither made nor surely not made"
        assert outcome.code != "not_found"


def test_every_call_carries_our_key_and_the_pinned_version(canned: CannedServer) -> None:
    stripe = Stripe(settings_towards(canned.url))
    for intent in (checkout_intent(), refund_intent("ch_1"), transfer_intent("acct_1")):
        stripe.execute(request_for(stripe, intent))
    stripe.execute(request_for(stripe, recipient_intent()))

    assert [method for method, *_ in canned.seen] == ["POST"] * 4
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in canned.seen]
    assert [key.split(":")[0] for key in keys] == [
        Op.CHECKOUT,
        Op.REFUND,
        Op.TRANSFER,
        Op.RECIPIENT,
    ]
    assert {headers["Stripe-Version"] for _, _, headers, _ in canned.seen} == {API_VERSION}


def test_a_question_without_an_answer_says_so(canned: CannedServer) -> None:
    stripe = Stripe(settings_towards(canned.url))
    for answer in (Answer(500, ERROR), Answer(404, ERROR), Answer(200, {}), Answer(200, "no JSON")):
        canned.answer = answer
        with pytest.raises(ProcessorUnavailable):
            stripe.fetch("transfer", "tr_1", None)
        with pytest.raises(ProcessorUnavailable):
            stripe.cash()
        with pytest.raises(ProcessorUnavailable):
            stripe.onboarding_link("acct_1", "http://a.example/", "http://a.example/")


def test_the_available_balance_is_what_can_be_transferred(
    sandbox: SandboxServer, stripe: Stripe
) -> None:
    assert stripe.cash() == {"USD": Cash(usd(0), usd(0))}
    funded(sandbox, stripe, usd(10_000))
    cash = stripe.cash()["USD"]
    assert 0 < cash.available.minor < 10_000  # less the processor fee
    assert cash.pending == usd(0)


def test_money_that_is_not_available_yet_is_cash_all_the_same(
    sandbox: SandboxServer, stripe: Stripe
) -> None:
    sandbox.settings(funds_delay_s=86_400)
    funded(sandbox, stripe, usd(10_000))
    cash = stripe.cash()["USD"]
    assert cash.available == usd(0)
    assert cash.total == cash.pending == usd(10_000 - 320)


def test_what_happened_can_be_asked_for_afterwards(sandbox: SandboxServer, stripe: Stripe) -> None:
    started = clock.wall_now() - timedelta(seconds=5)
    funded(sandbox, stripe)
    request = request_for(stripe, transfer_intent(payee(sandbox, stripe)))
    made = stripe.execute(request).snapshot
    assert made is not None

    refs = [ref for ref, _ in stripe.changes(started).rows]

    assert ("transfer", made.remote_id) in [(ref.kind, ref.remote_id) for ref in refs]
    assert len({ref.event_id for ref in refs}) == len(refs)
    assert list(stripe.changes(clock.wall_now() + timedelta(hours=1)).rows) == []


def test_what_cannot_be_paid_is_said_before_it_is_tried(stripe: Stripe) -> None:
    assert stripe.supports("US", "USD") is None
    assert stripe.supports("FR", "EUR", usd(1)) is None
    assert stripe.supports("BR", "USD") == "country"
    assert stripe.supports("US", "IQD") == "amount"
