"""Run the benches: `python -m tests.bench [ONLY]`, where ONLY is the beginning of their ids.

A bench is a module of this folder with BENCHES: id -> function of the scene that returns a Figure.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench.figures import Figure, line, record
from tests.bench.scene import Scene, scene

Bench = Callable[[Scene], Figure]


def found(only: str) -> dict[str, Bench]:
    """Every bench whose id begins with `only`."""
    benches: dict[str, Bench] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if not module.ispkg and module.name != "__main__":
            imported = importlib.import_module(f"tests.bench.{module.name}")
            benches |= getattr(imported, "BENCHES", {})
    return {id: bench for id, bench in sorted(benches.items()) if id.startswith(only)}


def main(only: str = "") -> int:
    """Measure, print and record; 1 if a goal was missed, 2 if there is no such bench."""
    benches = found(only)
    if not benches:
        print(f"no bench begins with {only!r}; there are: {', '.join(found(''))}")
        return 2
    figures = []
    with scene() as stage:
        for bench in benches.values():
            figures.append(bench(stage))
            print(line(figures[-1]), flush=True)
    record(figures)
    return 0 if all(it.met for it in figures) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
