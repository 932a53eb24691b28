"""Each invariant of challenges sees the violation it is for, and nothing else does."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from marketplace import clock
from marketplace.challenges import judging
from marketplace.challenges.challenge import Kind
from marketplace.challenges.invariants import CHECKS
from marketplace.extensions import db
from tests.challenges.make import act, judged, make_challenge, make_entries, make_entry
from tests.make import make_brand
from tests.test_invariants import of, seen, unguarded
from tests.within import within

__all__ = ["unguarded", "within"]

AWARDED = of("challenge", "status = 'awarded'")
OPEN = of("challenge", "status = 'open'")
WINNER = "(SELECT entry_id FROM result_row WHERE place = 1 LIMIT 1)"

PLANTS: dict[str, tuple[str, set[str]]] = {
    "a prize that nobody is owed": (
        "UPDATE earning SET source_ref = 'nothing' WHERE kind = 'prize' AND gross_minor = 100000",
        {"K1.challenge"},
    ),
    "a prize that no sheet awards": (
        "UPDATE earning SET source_ref = source_ref || '0' WHERE kind = 'prize'",
        {"K1.challenge"},
    ),
    "a prize of another amount than the sheet": (
        "UPDATE result_row SET prize_minor = prize_minor - 1 WHERE place = 1",
        {"K1.challenge", "K4.challenge"},
    ),
    "a prize of somebody else": (
        f"UPDATE challenge_entry SET creator_id = gen_random_uuid() WHERE id = {WINNER}",
        {"K1.challenge"},
    ),
    "an open challenge that is not funded": (
        f"UPDATE challenge SET status = 'open' WHERE id = {of('challenge', 'status = $$draft$$')}",
        {"K2.challenge", "A2.challenge"},
    ),
    "a funded challenge that is not open": (
        f"UPDATE challenge SET status = 'canceled' WHERE id = {OPEN}",
        {"K2.challenge", "A2.challenge"},
    ),
    "rules that were changed after the opening": (
        "UPDATE challenge SET rules = replace(rules, 'contest', 'contest ')"
        " WHERE kind = 'contest' AND rules IS NOT NULL",
        {"K3.challenge"},
    ),
    "a window that the rules do not say": (
        f"UPDATE challenge SET closes_on = closes_on + 1 WHERE id = {OPEN}",
        {"K3.challenge"},
    ),
    "a first day that the rules do not say": (
        f"UPDATE challenge SET opens_on = opens_on - 1 WHERE id = {OPEN}",
        {"K3.challenge"},
    ),
    "an end of the window that the rules do not say": (
        f"UPDATE challenge SET closes_at = closes_at + interval '1 h' WHERE id = {OPEN}",
        {"K3.challenge"},
    ),
    "a platform fee that the rules do not say": (
        f"UPDATE challenge SET platform_fee_bps = 1 WHERE id = {OPEN}",
        {"K3.challenge"},
    ),
    "a maturity that the rules do not say": (
        f"UPDATE challenge SET maturity_days = maturity_days + 1 WHERE id = {OPEN}",
        {"K3.challenge"},
    ),
    "a pool that the rules do not say": (
        f"UPDATE challenge SET pool_minor = pool_minor + 1 WHERE id = {OPEN}",
        {"K2.challenge", "K3.challenge"},
    ),
    "a prize that the rules do not say": (
        f"UPDATE challenge SET prizes_minor = prizes_minor || 1::bigint WHERE id = {AWARDED}",
        {"K3.challenge"},
    ),
    "criteria that the rules do not say": (
        f"UPDATE challenge SET criteria = '{{\"min_followers\": 1}}' WHERE id = {OPEN}",
        {"K3.challenge"},
    ),
    "money that the sheet lost": (
        "UPDATE result_sheet SET returned_minor = returned_minor - 1",
        {"K4.challenge"},
    ),
    "a winner whose entry does not count": (
        f"UPDATE challenge_entry SET status = 'disqualified' WHERE id = {WINNER}",
        {"K5.challenge", "A2.challenge_entry"},
    ),
    "a valid entry that the sheet leaves out": (
        "INSERT INTO result_sheet (id, challenge_id, version, method, returned_minor, because,"
        " made_at) SELECT gen_random_uuid(), id, 2, 'ranked', pool_minor, '', now()"
        f" FROM challenge WHERE id = {AWARDED}",
        {"K1.challenge", "K5.challenge"},
    ),
}

# The trace of both lifecycles.
for thing in ("challenge", "challenge_entry"):
    moved = of("status_change", f"thing = '{thing}' AND from_status IS NOT NULL")
    last = f"(SELECT max(id) FROM status_change WHERE thing = '{thing}')"
    PLANTS |= {
        f"a {thing} whose beginning is missing": (
            f"DELETE FROM status_change WHERE thing = '{thing}' AND event = 'create'"
            f" AND thing_id = (SELECT thing_id FROM status_change WHERE id = {moved})",
            {f"A1.{thing}"},
        ),
        f"a {thing} whose last move is missing": (
            f"DELETE FROM status_change WHERE id = {last}",
            {f"A2.{thing}"},
        ),
        f"a {thing} that made an impossible move": (
            f"UPDATE status_change SET event = 'nonsense' WHERE id = {moved}",
            {f"A3.{thing}"},
        ),
    }


@pytest.fixture
def lively() -> None:
    """An awarded contest with something back, an open challenge, a draft, a ruled-out entry."""
    team = make_brand()
    awarded = make_challenge(team)
    make_entries(awarded, 2)
    act(judged(awarded, [80, 60]) + timedelta(days=3))
    running = make_challenge(team, kind=Kind.CHALLENGE)
    judging.disqualify(running, make_entry(running), "off topic", "user:1", clock.now())
    db.session.commit()
    make_challenge(team, status="draft")
    db.session.remove()  # no lock is left behind


@pytest.mark.usefixtures("lively")
def test_a_planted_violation_is_seen_by_its_checks_and_by_no_other(
    unguarded: psycopg.Connection[object], subtests: pytest.Subtests
) -> None:
    assert seen(unguarded) == set()
    for name, (planting, expected) in PLANTS.items():
        with subtests.test(name):
            unguarded.execute("SAVEPOINT before")
            assert unguarded.execute(planting).rowcount > 0, "nothing was planted"
            assert seen(unguarded) == expected
        unguarded.execute("ROLLBACK TO SAVEPOINT before")


def test_every_check_of_challenges_has_a_planted_violation() -> None:
    planted = set().union(*(expected for _, expected in PLANTS.values()))
    kept = {"A1.challenge", "A2.challenge", "A3.challenge"}
    kept |= {"A1.challenge_entry", "A2.challenge_entry", "A3.challenge_entry"}
    assert (
        {check.id for check in CHECKS}
        == planted
        == kept | {"K1.challenge", "K2.challenge", "K3.challenge", "K4.challenge", "K5.challenge"}
    )
