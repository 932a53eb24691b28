"""A storm: rounds in which everybody acts at once on fresh things, and what was wrong after each.

    scene(random) -> acts, is_right      what is there, who acts at one moment, how it may end

The same storm with a guard removed is its control: one that shows nothing there proves nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask

from marketplace.extensions import db
from marketplace.statuses import StatusChange
from tests.books import broken_invariants, empty_tables
from tests.harness import record_proof, trials
from tests.within import at_once, refusals

CONTROL_ROUNDS = 10

Act = Callable[[], object]
IsRight = Callable[[list[Any]], bool]
Scene = Callable[[random.Random], tuple[list[Act], IsRight]]


class Storm:
    """Rounds of one scene; counts what is not as it must be."""

    def __init__(self, app: Flask, engine: sa.Engine, scene: Scene, seed: int) -> None:
        self.app, self.engine, self.scene = app, engine, scene
        self.random = random.Random(seed)

    def violations(self, rounds: int) -> int:
        """Rounds that ended wrongly, invariants that broke, and acts that stumbled."""
        # A connection for the checks alone: what empties tables drops the plans of its connection.
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as checking:
            return sum(self._one(checking) for _ in range(rounds))

    def _one(self, checking: sa.Connection) -> int:
        db.session.remove()
        with self.engine.begin() as connection:
            empty_tables(connection)
        acts, is_right = self.scene(self.random)
        db.session.remove()
        results = at_once(self.app, *acts)
        try:
            refusals(results)
            stumbled = 0
        except Exception:
            stumbled = 1
        wrong = stumbled + (not is_right(results))
        db.session.remove()
        return wrong + len(broken_invariants(checking))


def place_of(thing_id: UUID, event: str) -> int:
    """The place of a thing's one move of this name among all moves."""
    return db.session.query(StatusChange).filter_by(thing_id=thing_id, event=event).one().id


def prove(
    id: str,
    app: Flask,
    database_url: str,
    scenes: Sequence[tuple[Scene, AbstractContextManager[None]]],
    *,
    seed: int,
    full: int = 100,
) -> None:
    """Go through each scene, then through it with its guard removed; record both, and judge."""
    rounds = trials(10, full)
    engine = sa.create_engine(database_url)
    violations, controls = 0, []
    for scene, without_its_guard in scenes:
        storm = Storm(app, engine, scene, seed)
        violations += storm.violations(rounds)
        with without_its_guard:
            controls.append(storm.violations(min(rounds, CONTROL_ROUNDS)))
    engine.dispose()
    record_proof(
        id,
        trials=rounds * len(scenes),
        violations=violations,
        control_violations=sum(controls),
        seed=seed,
    )
    assert violations == 0
    assert all(controls), "without its guard the same storm must go wrong"
