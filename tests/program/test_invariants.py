"""The invariants of facts and program see the violation they are for, and nothing else does."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from marketplace import clock
from marketplace.extensions import db
from marketplace.program import application as applications
from marketplace.program import membership
from marketplace.program.application import ProgramApplication
from marketplace.program.membership import ProgramMembership
from tests.make import import_days, make_application, make_creator, make_member
from tests.test_invariants import of, seen, unguarded
from tests.within import locked, within

__all__ = ["unguarded", "within"]

MEMBER = "(SELECT creator_id FROM program_membership WHERE status = 'active' LIMIT 1)"
SUSPENDED = "(SELECT creator_id FROM program_membership WHERE status = 'suspended')"

PLANTS: dict[str, tuple[str, set[str]]] = {
    "followers that no import brought": (
        f"UPDATE creator_facts SET followers = followers + 1 WHERE creator_id = {MEMBER}",
        {"F1"},
    ),
    "a day that was changed behind the facts": (
        "UPDATE channel_day SET authentic_views = authentic_views - 1",
        {"F1"},
    ),
    "a window that did not roll": ("UPDATE creator_facts SET as_of = as_of + 40", {"F1"}),
    "a channel whose creator has no facts": (
        "DELETE FROM creator_facts WHERE NOT member AND standing = 'good'",
        {"F1"},
    ),
    "a refused line that is not named": ("DELETE FROM metric_import_line", {"F2"}),
    "a member by a rejected application": (
        "UPDATE program_membership SET application_id ="
        f" {of('program_application', 'status = ' + chr(39) + 'rejected' + chr(39))}"
        " WHERE status = 'active'",
        {"M1", "M2"},
    ),
    "a member by somebody else's application": (
        "UPDATE program_application SET creator_id = gen_random_uuid() WHERE status = 'approved'",
        {"M1"},
    ),
    "a member decided on no facts": (
        "UPDATE program_application SET decided_facts = NULL WHERE status = 'approved'",
        {"M1"},
    ),
    "a member who did not meet a rule": (
        "UPDATE program_application SET decided_verdict ="
        " jsonb_set(decided_verdict, '{1,met}', 'false') WHERE status = 'approved'",
        {"M1"},
    ),
    "an approval that made nobody a member": (
        f"DELETE FROM program_membership WHERE creator_id = {MEMBER}",
        {"M2", "M3"},
    ),
    "somebody who counts as a member and is none": (
        "UPDATE creator_facts SET member = true WHERE NOT member AND standing = 'good'",
        {"M3"},
    ),
    "a suspension that the facts do not know": (
        f"UPDATE creator_facts SET standing = 'good' WHERE creator_id = {SUSPENDED}",
        {"M3"},
    ),
}
for thing in ("program_application", "program_membership"):
    moved = of("status_change", f"thing = '{thing}' AND from_status IS NOT NULL")
    begun = f"(SELECT thing_id FROM status_change WHERE id = {moved})"
    PLANTS |= {
        f"a {thing} whose beginning is missing": (
            "DELETE FROM status_change WHERE event = 'create'"
            f" AND thing = '{thing}' AND thing_id = {begun}",
            {f"A1.{thing}"},
        ),
        f"a {thing} whose last move is missing": (
            f"DELETE FROM status_change WHERE id = {moved}",
            {f"A2.{thing}"},
        ),
        f"a {thing} that made an impossible move": (
            f"UPDATE status_change SET event = 'nonsense' WHERE id = {moved}",
            {f"A3.{thing}"},
        ),
    }


@pytest.fixture
def lively() -> None:
    """Applications and memberships in every status, and an import with a refused line."""
    for creator in (make_creator().creator, make_creator().creator):
        member = make_member(creator)
    membership.suspend(locked(ProgramMembership, member.id), "policy", "", "user:1", clock.now())
    rejected = make_application(make_creator().creator)
    applications.reject(
        locked(ProgramApplication, rejected.id), "content", "", "never", "user:1", clock.now()
    )
    make_application(make_creator().creator)
    import_days(["nobody,tiktok,x,2026-01-01,1,1,1,1"])
    db.session.commit()


@pytest.mark.usefixtures("lively")
def test_a_planted_violation_is_seen_by_its_checks_and_by_no_other(
    unguarded: psycopg.Connection[Any], subtests: pytest.Subtests
) -> None:
    assert seen(unguarded) == set()
    for name, (planting, expected) in PLANTS.items():
        with subtests.test(name):
            unguarded.execute("SAVEPOINT before")
            assert unguarded.execute(planting).rowcount > 0, "nothing was planted"
            assert seen(unguarded) == expected
        unguarded.execute("ROLLBACK TO SAVEPOINT before")


def test_every_check_of_facts_and_program_is_planted() -> None:
    """Named here one by one, for the test that asks whether any check is forgotten."""
    ids = {"F1", "F2", "M1", "M2", "M3"}
    ids |= {"A1.program_application", "A2.program_application", "A3.program_application"}
    ids |= {"A1.program_membership", "A2.program_membership", "A3.program_membership"}
    assert set().union(*(expected for _, expected in PLANTS.values())) == ids
