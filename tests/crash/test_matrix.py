"""Each operation of money out dies at each of eight moments, is started again, and comes right."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from marketplace.config import REPOSITORY
from marketplace.extensions import db
from marketplace.failpoints import FAILPOINTS, POSTING, Point, failpoint
from marketplace.ledger import journal
from marketplace.processors import sending
from marketplace.webhooks import inbox
from marketplace.worker import sender
from marketplace.worker.jobs import JOBS
from tests.crash import children
from tests.crash.children import until
from tests.crash.operations import OPERATIONS, RECOVERY, UNANSWERED, Operation, Scene
from tests.crash.world import World
from tests.harness import Ports, record_proof, settings_for_tests, trials
from tests.sandbox.server import SandboxServer
from tests.webhooks.sender import PATHS
from tests.within import within
from tests.worker.joining import join

__all__ = ["within"]

Cell = tuple[Operation, str, str]  # row, column, the failpoint or what the sandbox holds back

GRID = REPOSITORY / "var" / "crash_matrix.json"
CONTROL_PATIENCE_S = 5  # it never comes right
# Jobs that move payouts, beside those of the package `payouts` itself.
SHARED = {sender.JOB, inbox.JOB, "payouts to ask about"}
# A reminder, the end of an account, and whose turn it is to end it.
MOVES_NO_PAYOUT = {"unclaimed payouts", "accounts that close", "rests that no rail can send"}


@pytest.fixture
def world(
    app: Flask, database_url: str, ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    settings = settings_for_tests(database_url, ports)
    with SandboxServer(
        tmp_path,
        port=ports.sandbox,
        webhook_base=settings.base_url + PATHS["platform"],
        paypal_webhook=settings.base_url + PATHS["paypal"],
    ) as sandbox:
        stripe = join(app, sandbox, monkeypatch)
        world = World(app, settings, sandbox, stripe, ports.web)
        yield world
        world.close()


def cells() -> list[Cell]:
    """Every cell that has a meaning, row by row."""
    return [
        (operation, column, name)
        for operation in OPERATIONS
        for column, name, _ in operation.cells()
        if name is not None
    ]


def write_grid(took_s: dict[tuple[str, str], float], wrong: set[tuple[str, str]]) -> None:
    """Write every cell to var/crash_matrix.json: ok or wrong and its seconds, or why it is n/a.

    A cell that these reduced counts left out is null.
    """
    grid: dict[str, dict[str, str | None]] = {}
    for operation in OPERATIONS:
        row = grid.setdefault(operation.name, {})
        for column, name, reason in operation.cells():
            cell, took = (operation.name, str(column)), took_s.get((operation.name, str(column)))
            said = None if took is None else f"{'WRONG' if cell in wrong else 'ok'}, {took:.1f} s"
            row[str(column)] = said if name else f"n/a: {reason}"
    GRID.parent.mkdir(exist_ok=True)
    GRID.write_text(json.dumps(grid, indent=1) + "\n")


def goes_wrong(world: World, operation: Operation, column: str, name: str) -> list[str]:
    """Let one operation die at one point, start it again, and say what is not as it must be."""
    world.empty()
    scene = operation.prepare(world)
    if not _dies(world, scene, column, name):
        return ["it did not die there"]
    if column == RECOVERY:
        world.waits_are_over()
        if not _dies(world, scene, column, name):
            return ["it did not die there again"]
    world.sandbox.call("PUT", "faults", [])
    if world.web.is_dead():
        world.restart_web()
        assert scene.act is None or scene.act()
    found = [] if world.converge(lambda: _ended(world, scene, operation)) else ["it is stuck"]
    return found + world.wrong(scene.mine, operation.ends)


def _ended(world: World, scene: Scene, operation: Operation) -> bool:
    return not world.wrong(scene.mine, operation.ends)


def _dies(world: World, scene: Scene, column: str, name: str) -> bool:
    if column == UNANSWERED:
        return _dies_unanswered(world, name)
    if scene.act is None:
        return world.worker(name).died_by_itself()
    world.restart_web(name)
    scene.act()
    return until(world.web.is_dead)


def _dies_unanswered(world: World, call: str) -> bool:
    """The sandbox did what it was asked and holds its answer back: then the worker is killed."""
    held = {"on": call, "fault": "timeout_after_success", "hold_s": 60}
    world.sandbox.call("PUT", "faults", [held])
    worker = world.worker()
    asked = until(lambda: bool(world.sandbox.faults()["fired"]))
    worker.kill()
    return asked


# ---- the controls: guards taken out in the processes that are killed


def torn() -> None:
    """A posting is committed by itself, not together with what it is for."""

    def commit_first(unit: str, point: Point) -> None:
        db.session.commit()
        failpoint(unit, point)

    vars(journal)["failpoint"] = commit_first


def forgetful() -> None:
    """Each try goes out under a key of its own."""
    claim_due = sending.claim_due

    def anew() -> sending.Claim | None:
        claim = claim_due()
        if claim is None:
            return None
        key = f"{claim.request.key}:{claim.lease_until.timestamp()}"
        return replace(claim, request=replace(claim.request, key=key))

    vars(sending)["claim_due"] = anew


def controls() -> Iterator[tuple[children.Spoil, Cell]]:
    for operation, column, name in cells():
        if operation.name == "reserved" and column == Point.WRITTEN:
            yield torn, (operation, column, name)
        if operation.name.startswith("submitted") and column == UNANSWERED:
            yield forgetful, (operation, column, name)


@pytest.mark.proof
@pytest.mark.usefixtures("broken_on_purpose")
def test_whatever_dies_wherever_each_payout_takes_effect_once(world: World) -> None:
    tried = cells()[:: trials(48, 1)]
    wrong, took_s = {}, {}
    for operation, column, name in tried:
        place, began = (operation.name, str(column)), time.monotonic()
        if found := goes_wrong(world, operation, column, name):
            wrong[place] = found
        took_s[place] = time.monotonic() - began
    write_grid(took_s, set(wrong))
    control = []
    world.patience_s = CONTROL_PATIENCE_S
    for spoil, cell in controls():
        world.spoil = spoil
        control.append(goes_wrong(world, *cell))
    record_proof(
        "crash.payout",
        trials=len(tried),
        violations=len(wrong),
        control_violations=sum(map(bool, control)),
        seed=0,
    )
    assert wrong == {}
    assert all(control), "without its guards the same crashes must do harm"


# ---- the matrix is whole


def test_every_failpoint_is_in_the_matrix_and_every_cell_is_a_failpoint_or_says_why_not() -> None:
    matrix = {name for _, column, name in cells() if column not in (UNANSWERED, RECOVERY)}
    listed = {f"{unit}: {point}" for unit, points in FAILPOINTS.items() for point in points}
    assert matrix == listed
    for operation in OPERATIONS:
        columns = list(operation.cells())
        assert len(columns) == 8
        assert all(name or reason for _, name, reason in columns), operation.name


def test_the_documents_say_how_many_cells_there_are_and_how_many_are_not_for_which_reason() -> None:
    text = " ".join((REPOSITORY / "docs" / "proofs.md").read_text().split())
    reasons = Counter(reason for it in OPERATIONS for _, name, reason in it.cells() if not name)
    assert f"{len(OPERATIONS)} operations × 8 moments, {len(cells())} cells" in text
    for reason, count in reasons.items():
        assert f"{reason} ({count}: moment" in text


def test_every_job_that_moves_payouts_has_failpoints_and_an_operation() -> None:
    own = {job.name for job in JOBS if job.run_one.__module__.startswith("marketplace.payouts.")}
    own -= MOVES_NO_PAYOUT
    units = {operation.unit for operation in OPERATIONS}
    assert {job.name for job in JOBS} >= SHARED
    assert (own | SHARED) - set(FAILPOINTS) == set()
    assert set(FAILPOINTS) - {POSTING} == units
