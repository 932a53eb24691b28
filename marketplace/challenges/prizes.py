"""Who gets what, to the cent. Pure: scores in, ranks and prizes out.

    ranked         a table of prizes; equal scores pool the prizes of their ranks
    pooled         one pool, shared in proportion to the scores
    split_equally  one pool, in equal parts

Whatever cannot be divided goes to the earliest entries, one minor unit each. What is handed out
never exceeds what there is; only a table with more prizes than entries leaves something over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from marketplace.money import Money, zero


@dataclass(frozen=True)
class Scored:
    """A valid entry with its score: authentic views, or 0-100 from the brand."""

    entry_id: UUID
    entered_at: datetime
    score: int


@dataclass(frozen=True)
class Placed:
    """What an entry came to. `rank` counts from 1, equal scores share one; None = not ranked."""

    entry_id: UUID
    rank: int | None
    score: int
    prize: Money


def ranked(prizes: Sequence[Money], entries: Sequence[Scored]) -> list[Placed]:
    """Award `prizes`, the first rank's first, to the best scores; best first.

    Entries with the same score pool the prizes of the ranks they take and split them equally. A
    prize of a rank that no entry takes is not awarded.

    Raises:
        ValueError: there is no prize.
    """
    if not prizes:
        raise ValueError("a table of prizes has at least one")
    none = zero(prizes[0].currency)
    placed: list[Placed] = []
    for score, group in groupby(_best_first(entries), key=lambda entry: entry.score):
        tied = list(group)
        first = len(placed)
        together = sum(prizes[first : first + len(tied)], none)
        placed += [
            Placed(entry.entry_id, first + 1, score, prize)
            for entry, prize in zip(tied, together.split([1] * len(tied)), strict=True)
        ]
    return placed


def pooled(pool: Money, entries: Sequence[Scored]) -> list[Placed]:
    """Share the pool in proportion to the scores, by largest remainder; best first.

    If nobody scored anything, it is split equally.
    """
    if not any(entry.score for entry in entries):
        return split_equally(pool, entries)
    in_order = sorted(entries, key=_by_entry)
    shares = pool.split([entry.score for entry in in_order])
    prize = {entry.entry_id: share for entry, share in zip(in_order, shares, strict=True)}
    best = _best_first(entries)
    ranks = {entry.score: rank for rank, entry in reversed(list(enumerate(best, start=1)))}
    return [Placed(it.entry_id, ranks[it.score], it.score, prize[it.entry_id]) for it in best]


def split_equally(pool: Money, entries: Sequence[Scored]) -> list[Placed]:
    """Share the pool in equal parts; nobody is ranked. The earliest entry first."""
    if not entries:
        return []
    in_order = sorted(entries, key=_by_entry)
    shares = pool.split([1] * len(in_order))
    return [
        Placed(it.entry_id, None, it.score, share)
        for it, share in zip(in_order, shares, strict=True)
    ]


def left_over(pool: Money, placed: Sequence[Placed]) -> Money:
    """What of the pool is not awarded."""
    return pool - sum((it.prize for it in placed), zero(pool.currency))


def _by_entry(entry: Scored) -> tuple[datetime, UUID]:
    return entry.entered_at, entry.entry_id


def _best_first(entries: Sequence[Scored]) -> list[Scored]:
    return sorted(entries, key=lambda entry: (-entry.score, *_by_entry(entry)))
