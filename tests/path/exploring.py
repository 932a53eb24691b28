"""How a state machine is explored, and how a bug is planted for it to find."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.path.machine import Path
from tests.scripted import Scripted

# A failed assertion, and what `pytest.raises` does when nothing is raised.
STUMBLES = (Exception, pytest.fail.Exception)

Plant = Callable[[pytest.MonkeyPatch], None]
Machine = TypeVar("Machine", bound=Path)


@contextlib.contextmanager
def bound(machine: type[Machine], scripted: Scripted, database_url: str) -> Iterator[type[Machine]]:
    """The machine on this test process's database."""
    engine = sa.create_engine(database_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as checking:
        its = {"adapter": scripted, "owner": engine, "checking": checking}
        yield type("Bound", (machine,), its)
    engine.dispose()


def explore(machine: type[Path], examples: int, steps: int) -> None:
    """Try so many sequences of at most so many steps, the same ones each time."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def finds(machine: type[Path], plant: Plant, examples: int, steps: int) -> bool:
    """Does the machine stumble over a planted bug?"""
    with pytest.MonkeyPatch.context() as monkeypatch:
        plant(monkeypatch)
        try:
            explore(machine, examples, steps)
        except STUMBLES:
            return True
    return False
