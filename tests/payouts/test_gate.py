"""The gate: a balance leaves exactly when nothing blocks it, and every blocker is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.money import Money
from marketplace.payouts.destination import DestinationStatus
from marketplace.payouts.gate import (
    BANK_FILE,
    RUN_APPROVAL,
    UNCLAIMED,
    Blocker,
    Facts,
    Lift,
    Reason,
    decide,
    matured,
)
from marketplace.payouts.payout import HoldReason

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


PAYABLE = Facts(
    available=usd(10_000),
    pending=(),
    in_payout=usd(0),
    threshold=usd(10_000),
    debt=usd(0),
    destination_status="active",
    next_run_at=AT,
)


def blockers(**changes: Any) -> tuple[Blocker, ...]:
    return decide(replace(PAYABLE, **changes)).blockers


def reasons(**changes: Any) -> list[Reason]:
    return [blocker.reason for blocker in blockers(**changes)]


# ---- the threshold (A12)


def test_one_hundred_across_kinds_is_payable() -> None:
    gifts, fund, prize = usd(2_000), usd(3_500), usd(4_500)
    assert decide(replace(PAYABLE, available=gifts + fund + prize)).payable


def test_a_cent_less_is_blocked_and_says_so() -> None:
    decision = decide(replace(PAYABLE, available=usd(9_999)))
    assert not decision.payable
    assert decision.blockers == (Blocker(Reason.BELOW_THRESHOLD, on="time", missing=usd(1)),)
    assert decision.missing() == usd(1)


def test_a_contested_part_says_how_much_is_contested_and_how_much_is_missing() -> None:
    """A13: 45.00 of A12's 100.00 are contested."""
    assert blockers(available=usd(5_500), contested=[(usd(4_500), AT)]) == (
        Blocker(Reason.CONTESTED, on="operator", until=AT, amount=usd(4_500)),
        Blocker(Reason.BELOW_THRESHOLD, on="time", missing=usd(4_500)),
    )


def test_other_money_fills_the_gap_of_what_is_contested_as_well() -> None:
    """A13: with 45.00 from elsewhere it is payable, and what is contested still is."""
    facts = replace(PAYABLE, available=usd(5_500), contested=[(usd(4_500), AT)])
    assert not decide(facts).payable
    assert decide(replace(facts, available=facts.available + usd(4_500))).payable


def test_what_is_contested_does_not_keep_the_rest_from_leaving() -> None:
    assert decide(replace(PAYABLE, contested=[(usd(4_500), AT)])).payable


def test_what_is_payable_misses_nothing() -> None:
    assert decide(PAYABLE).missing() is None


@pytest.mark.parametrize("lift", Lift)
def test_a_lifted_threshold_lets_one_cent_go_and_says_why(lift: Lift) -> None:
    decision = decide(replace(PAYABLE, available=usd(1), lifted_for=lift))
    assert decision.payable
    assert decision.lifted_for is lift


def test_what_reaches_the_threshold_is_no_exception_although_it_is_lifted() -> None:
    assert decide(replace(PAYABLE, lifted_for=Lift.CLOSING)).lifted_for is None


def test_what_is_blocked_is_no_exception_either() -> None:
    facts = replace(PAYABLE, available=usd(1), lifted_for=Lift.CLOSING, held_for="a look")
    assert decide(facts).lifted_for is None


def test_less_than_the_rail_can_pay_waits_for_an_operator_once_the_threshold_is_lifted() -> None:
    few = {"available": usd(99), "step_minor": 100}
    assert reasons(**few) == [Reason.BELOW_THRESHOLD]
    assert blockers(**few, lifted_for=Lift.CLOSING) == (
        Blocker(Reason.BELOW_RAIL_MINIMUM, on="operator", missing=usd(1)),
    )


# ---- when there is enough


def test_what_has_matured_by_then_is_available_and_the_rest_still_pending() -> None:
    later = AT + timedelta(days=2)
    facts = replace(PAYABLE, available=usd(9_000), pending=[(usd(1_000), AT), (usd(5), later)])
    foreseen = matured(facts, AT)
    assert foreseen.available == usd(10_000)
    assert foreseen.pending == [(usd(5), later)]
    assert not decide(facts).payable
    assert decide(foreseen).payable


def test_money_that_matures_says_when_the_gap_is_filled() -> None:
    days = [AT + timedelta(days=n) for n in range(4)]
    pending = [(usd(1_000), days[1]), (usd(3_999), days[2]), (usd(1), days[3])]
    (blocker,) = blockers(available=usd(5_000), pending=pending)
    assert (blocker.missing, blocker.until) == (usd(5_000), days[3])
    (blocker,) = blockers(available=usd(5_001), pending=pending)
    assert blocker.until == days[2]
    (blocker,) = blockers(available=usd(4_999), pending=pending)
    assert blocker.until is None


def test_nothing_available_waits_for_what_matures_first() -> None:
    later = AT + timedelta(days=1)
    assert blockers(available=usd(0), pending=[(usd(99_999), later)]) == (
        Blocker(Reason.NOTHING_AVAILABLE, on="time", until=later),
    )
    assert blockers(available=usd(0)) == (Blocker(Reason.NOTHING_AVAILABLE, on="time"),)


# ---- where it goes


def test_without_a_destination_the_creator_must_act() -> None:
    assert blockers(destination_status=None) == (Blocker(Reason.NO_DESTINATION, on="creator"),)


@pytest.mark.parametrize(
    ("status", "on"),
    [("requested", "processor"), ("onboarding", "creator"), ("restricted", "creator")],
)
def test_a_destination_that_is_not_ready_says_what_is_needed(status: str, on: str) -> None:
    assert blockers(destination_status=status, destination_requirements=["a passport"]) == (
        Blocker(Reason.DESTINATION_NOT_READY, on=on, details=("a passport",)),
    )


def test_a_new_destination_waits_for_time() -> None:
    assert blockers(destination_cools_until=AT) == (
        Blocker(Reason.DESTINATION_COOLING, on="time", until=AT),
    )


def test_a_payout_whose_run_is_not_approved_waits_for_an_operator() -> None:
    assert blockers(in_payout=usd(1), payout_approval_by=AT) == (
        Blocker(Reason.PAYOUT_UNDER_WAY, on="operator", until=AT, details=(RUN_APPROVAL,)),
    )


def test_a_payout_that_nobody_fetched_is_the_creators_turn_until_it_comes_back() -> None:
    assert blockers(in_payout=usd(1), payout_claim_by=AT) == (
        Blocker(Reason.PAYOUT_UNDER_WAY, on="creator", until=AT, details=(UNCLAIMED,)),
    )


def test_a_payout_in_a_bank_file_waits_for_an_operator_to_say_what_the_bank_says() -> None:
    assert blockers(in_payout=usd(1), payout_executed_at=AT) == (
        Blocker(Reason.PAYOUT_UNDER_WAY, on="operator", until=AT, details=(BANK_FILE,)),
    )


def test_only_an_active_destination_receives() -> None:
    """One that was refused or replaced is none: nothing asks the gate about one."""
    ready = [it for it in DestinationStatus if not reasons(destination_status=it)]
    assert ready == [DestinationStatus.ACTIVE]


def test_a_payout_under_way_waits_for_the_processor() -> None:
    assert blockers(in_payout=usd(1)) == (Blocker(Reason.PAYOUT_UNDER_WAY, on="processor"),)


@pytest.mark.parametrize(
    ("held_for", "on"),
    [("processor_funds", "marketplace"), ("destination", "creator"), ("review", "operator")],
)
def test_a_held_payout_says_why_on_whom_and_until_when(held_for: str, on: str) -> None:
    held = blockers(in_payout=usd(1), payout_held_for=held_for, payout_review_at=AT)
    assert held == (Blocker(Reason.PAYOUT_UNDER_WAY, on=on, until=AT, details=(held_for,)),)


def test_every_reason_to_hold_a_payout_says_on_whom_it_waits() -> None:
    for held_for in HoldReason:
        assert reasons(in_payout=usd(1), payout_held_for=held_for) == [Reason.PAYOUT_UNDER_WAY]


def test_a_payout_that_came_back_waits_for_the_creator_and_names_it() -> None:
    assert blockers(returned_payout="0a") == (
        Blocker(Reason.LAST_PAYOUT_RETURNED, on="creator", details=("0a",)),
    )


def test_everything_that_blocks_is_named_in_a_fixed_order() -> None:
    everything = {"in_payout": usd(1), "available": usd(0), "destination_status": None}
    assert reasons(**everything, contested=[(usd(1), AT)], returned_payout="0a") == [
        Reason.PAYOUT_UNDER_WAY,
        Reason.CONTESTED,
        Reason.NOTHING_AVAILABLE,
        Reason.NO_DESTINATION,
        Reason.LAST_PAYOUT_RETURNED,
    ]


def test_what_the_rail_cannot_do_blocks_with_its_word() -> None:
    assert decide(replace(PAYABLE, rail_refusal="country")).blockers == (
        Blocker(Reason.RAIL_CANNOT, on="creator", details=("country",)),
    )


def test_a_rail_pays_its_maximum_and_not_one_cent_more() -> None:
    most = decide(PAYABLE).parts.paid
    assert decide(replace(PAYABLE, most=most)).payable
    assert decide(replace(PAYABLE, most=most - usd(1))).blockers == (
        Blocker(Reason.RAIL_CANNOT, on="creator", details=("most",)),
    )


def test_what_our_cash_does_not_cover_waits_for_the_marketplace() -> None:
    assert blockers(short=usd(70), short_until=AT) == (
        Blocker(Reason.NOT_COVERED, on="marketplace", until=AT, amount=usd(70)),
    )


def test_the_total_is_all_that_is_owed() -> None:
    pending = [(usd(3), AT), (usd(4), AT)]
    contested = [(usd(6), AT)]
    facts = replace(PAYABLE, pending=pending, contested=contested, in_payout=usd(5))
    assert decide(facts).total == usd(10_018)


# ---- for any facts

amounts = st.sampled_from([0, 1, 99, 9_999, 10_000, 10_001, 500_000]).map(usd)
facts = st.builds(
    Facts,
    available=amounts,
    pending=st.lists(st.tuples(amounts, st.just(AT)), max_size=3),
    in_payout=amounts,
    threshold=st.sampled_from([1, 10_000, 10_001]).map(usd),
    debt=amounts,
    destination_status=st.sampled_from([None, "requested", "onboarding", "active", "restricted"]),
    destination_requirements=st.sampled_from([(), ("a passport",)]),
    next_run_at=st.sampled_from([None, AT]),
    payout_held_for=st.sampled_from([None, *HoldReason]),
    payout_review_at=st.sampled_from([None, AT]),
    payout_approval_by=st.sampled_from([None, AT]),
    payout_claim_by=st.sampled_from([None, AT]),
    payout_executed_at=st.sampled_from([None, AT]),
    destination_cools_until=st.sampled_from([None, AT]),
    held_for=st.sampled_from([None, "a look"]),
    held_until=st.sampled_from([None, AT]),
    returned_payout=st.sampled_from([None, "0a"]),
    rail_refusal=st.sampled_from([None, "country"]),
    # Never below a threshold; and far from what a debt takes off of the largest amount.
    most=st.sampled_from([None, 10_001, 300_000]).map(lambda minor: minor and usd(minor)),
    contested=st.lists(st.tuples(amounts, st.just(AT)), max_size=2),
    step_minor=st.sampled_from([1, 10, 100]),
    short=st.sampled_from([None, usd(1)]),
    lifted_for=st.sampled_from([None, *Lift]),
)

# The field that each reason is about. Several may be about one: a balance is nothing or too little,
# and what is contested is named only where the rest is not enough without it.
FIELDS = {
    Reason.PAYOUT_UNDER_WAY: "in_payout",
    Reason.CONTESTED: "available",
    Reason.NOTHING_AVAILABLE: "available",
    Reason.BELOW_THRESHOLD: "available",
    Reason.NO_DESTINATION: "destination_status",
    Reason.DESTINATION_NOT_READY: "destination_status",
    Reason.DESTINATION_COOLING: "destination_cools_until",
    Reason.LAST_PAYOUT_RETURNED: "returned_payout",
    Reason.RAIL_CANNOT: "rail_refusal",
    Reason.ON_HOLD: "held_for",
    Reason.NOT_COVERED: "short",
    Reason.BELOW_RAIL_MINIMUM: "available",
}
# By the word of the rail, where it is about another field than what the rail refuses.
FIELDS_OF_WORDS = {"most": "most"}
# What puts a field right, and nothing else.
CURES: dict[str, Callable[[Facts], Any]] = {
    "in_payout": lambda _: usd(0),
    "available": lambda it: max(it.available, it.least),
    "destination_status": lambda _: "active",
    "destination_cools_until": lambda _: None,
    "returned_payout": lambda _: None,
    "rail_refusal": lambda _: None,
    "most": lambda _: None,
    "held_for": lambda _: None,
    "short": lambda _: None,
}


def named(facts: Facts) -> set[str]:
    """The fields that the blockers of these facts are about."""
    return {field_of(blocker) for blocker in decide(facts).blockers}


def field_of(blocker: Blocker) -> str:
    words = [FIELDS_OF_WORDS[it] for it in blocker.details if it in FIELDS_OF_WORDS]
    return words[0] if blocker.reason is Reason.RAIL_CANNOT and words else FIELDS[blocker.reason]


def cured(facts: Facts, fields: Iterable[str]) -> Facts:
    """The same facts with just these fields put right."""
    return replace(facts, **{field: CURES[field](facts) for field in fields})


def subsets(fields: Iterable[str]) -> Iterator[tuple[str, ...]]:
    known = list(fields)
    return chain.from_iterable(combinations(known, n) for n in range(len(known) + 1))


def test_every_reason_is_about_a_field_that_can_be_put_right() -> None:
    assert set(FIELDS) == set(Reason)
    assert {*FIELDS.values(), *FIELDS_OF_WORDS.values()} == set(CURES)


@given(facts)
def test_curing_exactly_the_named_blockers_makes_it_payable_and_nothing_less(facts: Facts) -> None:
    wrong = named(facts)
    for some in subsets(wrong):
        decision = decide(cured(facts, some))
        assert decision.payable is (len(some) == len(wrong))
        # What was cured is gone, what was not is still named.
        assert named(decision.facts) == wrong - set(some)


@given(facts)
def test_curing_what_was_not_named_helps_nothing(facts: Facts) -> None:
    wrong = named(facts)
    for some in subsets(CURES.keys() - wrong):
        assert named(cured(facts, some)) == wrong


@given(facts)
def test_every_blocker_says_who_must_act_and_a_decision_depends_on_nothing_else(
    facts: Facts,
) -> None:
    decision = decide(facts)
    assert decision == decide(facts)
    on = {"creator", "time", "processor", "marketplace", "operator"}
    assert {it.on for it in decision.blockers} <= on
    # Neither debt, nor what is pending, nor when the next run is opens or shuts the gate.
    # No day on which somebody must act does either.
    aside = replace(
        facts,
        debt=usd(0),
        pending=(),
        next_run_at=None,
        payout_review_at=None,
        payout_approval_by=None,
        payout_claim_by=None,
        payout_executed_at=None,
        held_until=None,
    )
    assert [it.reason for it in decide(aside).blockers] == [it.reason for it in decision.blockers]


@given(facts)
def test_what_is_payable_pays_something_in_whole_steps(facts: Facts) -> None:
    decision = decide(facts)
    if decision.payable:
        paid = decision.parts.paid.minor
        assert paid > 0
        assert paid % facts.step_minor == 0


@given(facts)
def test_what_is_missing_is_exactly_enough(facts: Facts) -> None:
    missing = decide(facts).missing()
    if missing is None:
        return
    enough = replace(facts, available=facts.available + missing)
    assert decide(enough).missing() is None
    short = replace(facts, available=enough.available - usd(1))
    assert not decide(short).payable


@given(facts, amounts)
def test_more_money_never_blocks_what_was_payable(facts: Facts, more: Money) -> None:
    """Unless it is more than the rail pays at once."""
    if decide(facts).payable:
        blocked = named(replace(facts, available=facts.available + more))
        assert blocked <= ({"most"} if facts.most else set())
