"""What a bench found, as a table and as var/bench.json."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from marketplace.config import REPOSITORY

RECORDS = REPOSITORY / "var" / "bench.json"


@dataclass(frozen=True)
class Figure:
    """One bench's outcome.

    Attributes:
        value: ours, the median of the rounds, in `unit`.
        against: what was measured in the same rounds, in turn with ours.
        ratio: ours / theirs, the median of the rounds' own ratios; `spread` is lowest and highest.
        goal: what the ratio should reach; `met` tells whether it does.
    """

    id: str
    what: str
    value: float
    unit: str
    against: str
    ratio: float
    spread: tuple[float, float]
    goal: float
    met: bool


def figure(
    id: str,
    what: str,
    unit: str,
    against: str,
    rounds: Sequence[tuple[float, float]],
    goal: float,
    *,
    lower_is_better: bool = False,
) -> Figure:
    """Judge the rounds, each our value and theirs."""
    ratios = sorted(ours / theirs for ours, theirs in rounds)
    ratio = median(ratios)
    return Figure(
        id=id,
        what=what,
        value=round(median(ours for ours, _ in rounds), 3),
        unit=unit,
        against=f"{against} ({median(theirs for _, theirs in rounds):,.3g} {unit})",
        ratio=round(ratio, 2),
        spread=(round(ratios[0], 2), round(ratios[-1], 2)),
        goal=goal,
        met=ratio <= goal if lower_is_better else ratio >= goal,
    )


def line(it: Figure) -> str:
    """One row of the table."""
    low, high = it.spread
    verdict = "met" if it.met else "NOT MET"
    return (
        f"{it.id:24} {it.value:>12,.1f} {it.unit:11} {it.ratio:>8.2f} [{low:.2f}..{high:.2f}]"
        f"  goal {it.goal:g} {verdict}; {it.what}, against {it.against}"
    )


def record(figures: Iterable[Figure]) -> None:
    """Merge into var/bench.json, beside the figures of other benches."""
    RECORDS.parent.mkdir(exist_ok=True)
    with RECORDS.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = json.loads(RECORDS.read_text()) if RECORDS.exists() else []
        records = {figure["id"]: figure for figure in known} | {it.id: asdict(it) for it in figures}
        unfinished = RECORDS.with_suffix(".unfinished")
        unfinished.write_text(json.dumps([records[id] for id in sorted(records)], indent=1) + "\n")
        unfinished.replace(RECORDS)
