"""Who gets what, to the cent: the worked examples, and what holds for every sheet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.challenges.prizes import (
    Placed,
    Scored,
    left_over,
    pooled,
    ranked,
    split_equally,
)
from marketplace.money import Money

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def scored(*scores: int) -> list[Scored]:
    """Entries one minute apart, the first the earliest."""
    return [
        Scored(UUID(int=number), BEGIN + timedelta(minutes=number), score)
        for number, score in enumerate(scores)
    ]


TABLE = [usd(100_000), usd(50_000), usd(25_000)]


def prizes(placed: Sequence[Placed]) -> list[int]:
    return [it.prize.minor for it in placed]


def ranks(placed: Sequence[Placed]) -> list[int | None]:
    return [it.rank for it in placed]


# ---- worked examples


def test_a_tie_on_ranks_2_and_3_pools_their_prizes() -> None:
    """A6."""
    placed = ranked(TABLE, scored(90, 70, 70))
    assert prizes(placed) == [100_000, 37_500, 37_500]
    assert ranks(placed) == [1, 2, 2]


def test_a_three_way_tie_shares_everything_and_the_cent_goes_to_the_earliest() -> None:
    """A7."""
    placed = ranked(TABLE, scored(80, 80, 80))
    assert prizes(placed) == [58_334, 58_333, 58_333]
    assert [it.entry_id.int for it in placed] == [0, 1, 2]


def test_a_team_of_three_would_get_equal_parts() -> None:
    """A8."""
    assert prizes(split_equally(usd(100_000), scored(0, 0, 0))) == [33_334, 33_333, 33_333]


def test_an_unawarded_pool_is_split_equally() -> None:
    """A9."""
    placed = split_equally(usd(175_000), scored(3, 9, 0, 4))
    assert prizes(placed) == [43_750] * 4
    assert ranks(placed) == [None] * 4


def test_without_the_winner_everybody_moves_up_a_rank() -> None:
    """A10."""
    entries = scored(90, 80, 70, 60)
    assert prizes(ranked(TABLE, entries)) == [100_000, 50_000, 25_000, 0]
    moved_up = ranked(TABLE, entries[1:])
    assert [it.entry_id.int for it in moved_up] == [1, 2, 3]
    assert (ranks(moved_up), prizes(moved_up)) == ([1, 2, 3], [100_000, 50_000, 25_000])


def test_a_pool_is_shared_by_largest_remainder() -> None:
    placed = pooled(usd(1_000_000), scored(700, 200, 101))
    assert prizes(placed) == [699_301, 199_800, 100_899]


# ---- corners


def test_a_tie_across_the_end_of_the_table_shares_what_is_left_of_it() -> None:
    placed = ranked(TABLE, scored(90, 80, 70, 70))
    assert prizes(placed) == [100_000, 50_000, 12_500, 12_500]


def test_prizes_without_an_entry_are_not_awarded() -> None:
    placed = ranked(TABLE, scored(50))
    assert prizes(placed) == [100_000]
    assert left_over(usd(175_000), placed) == usd(75_000)


def test_a_remainder_tie_of_a_pool_goes_to_the_earliest_not_to_the_largest() -> None:
    placed = pooled(usd(100), scored(1, 1, 1))
    assert {it.entry_id.int: it.prize.minor for it in placed} == {0: 34, 1: 33, 2: 33}
    assert ranks(placed) == [1, 1, 1]


def test_a_pool_that_nobody_viewed_is_split_equally() -> None:
    assert prizes(pooled(usd(101), scored(0, 0))) == [51, 50]


def test_the_best_stands_first_and_equal_scores_by_the_time_of_entry() -> None:
    placed = pooled(usd(100), scored(1, 7, 1))
    assert [(it.entry_id.int, it.rank) for it in placed] == [(1, 1), (0, 2), (2, 2)]


def test_without_entries_nobody_gets_anything() -> None:
    assert ranked(TABLE, []) == pooled(usd(5), []) == split_equally(usd(5), []) == []


def test_a_table_has_a_prize() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ranked([], scored(1))


# ---- what holds for every sheet

pools = st.integers(1, 10**12)
scores = st.lists(st.integers(0, 10**9), min_size=1, max_size=30)
tables = st.lists(st.integers(1, 10**9), min_size=1, max_size=12).map(
    lambda prizes: sorted(prizes, reverse=True)
)


@given(pools, scores)
def test_a_shared_pool_is_handed_out_to_the_cent(pool: int, given: list[int]) -> None:
    for share in (pooled, split_equally):
        placed = share(usd(pool), scored(*given))
        assert sum(prizes(placed)) == pool
        assert left_over(usd(pool), placed) == usd(0)
        assert min(prizes(placed)) >= 0
        assert {it.entry_id.int for it in placed} == set(range(len(given)))


@given(pools, scores)
def test_a_share_is_within_a_cent_of_its_part_and_more_views_never_get_less(
    pool: int, given: list[int]
) -> None:
    placed = pooled(usd(pool), scored(*given))
    total = sum(given)
    for it in placed if total else ():
        assert abs(it.prize.minor * total - pool * it.score) < total
    for better, worse in zip(placed, placed[1:], strict=False):
        assert better.score >= worse.score
        assert better.prize >= worse.prize


@given(tables, scores)
def test_a_table_is_awarded_from_the_top_and_nothing_is_made_or_lost(
    table: list[int], given: list[int]
) -> None:
    placed = ranked([usd(it) for it in table], scored(*given))
    assert sum(prizes(placed)) == sum(table[: len(given)])
    for better, worse in zip(placed, placed[1:], strict=False):
        assert better.score >= worse.score
        assert better.prize >= worse.prize
        assert (better.score == worse.score) == (better.rank == worse.rank)
        if better.score == worse.score:
            assert better.prize.minor - worse.prize.minor in (0, 1)
    for place, it in enumerate(placed, start=1):
        assert it.rank is not None
        assert it.rank <= place


@given(tables, scores, st.randoms())
def test_the_order_in_which_entries_come_does_not_matter(
    table: list[int], given: list[int], random: object
) -> None:
    entries = scored(*given)
    mixed = list(entries)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    money = [usd(it) for it in table]
    assert ranked(money, mixed) == ranked(money, entries)
    pool = usd(sum(table))
    assert pooled(pool, mixed) == pooled(pool, entries)
    assert split_equally(pool, mixed) == split_equally(pool, entries)
