"""Who is eligible: decided and explained by one function, and the same in SQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.extensions import db
from marketplace.metrics.facts import CreatorFacts, facts_of
from marketplace.metrics.profile import Facts, age_years, as_json, born_by, from_json
from marketplace.program import eligible
from marketplace.program.rules import (
    Criteria,
    criteria_json,
    criteria_of,
    judge,
    verdict_json,
    verdict_of,
)
from marketplace.program.versions import rules_of
from tests.make import make_creator
from tests.within import within

__all__ = ["within"]

PROGRAM = Criteria(18, 10_000, 100_000, good_standing=True)
FULL = Facts(10_000, 100_000, age_years=18)
TODAY = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_the_rules_of_the_program_are_those_that_were_published() -> None:
    assert judge(FULL, PROGRAM).eligible


def test_each_rule_says_what_it_wants_what_there_is_and_what_is_missing() -> None:
    facts = Facts(9_999, 40_000, age_years=17, standing="suspended")
    said = [(it.rule, it.required, it.actual, it.missing) for it in judge(facts, PROGRAM).missed]
    assert said == [
        ("age", 18, 17, 1),
        ("followers", 10_000, 9_999, 1),
        ("authentic_views_30d", 100_000, 40_000, 60_000),
        ("standing", "good", "suspended", None),
    ]


def test_what_is_not_known_is_not_met_and_no_number_is_made_up() -> None:
    (age,) = judge(Facts(), Criteria(min_age_years=18)).requirements
    assert (age.actual, age.missing, age.met) == (None, None, False)


def test_nothing_asked_is_always_met() -> None:
    assert judge(Facts(), Criteria()).requirements == ()
    assert judge(Facts(), Criteria()).eligible


def test_one_of_the_countries_and_at_least_one_of_the_categories_is_enough() -> None:
    asked = Criteria(countries=("FR", "BE"), categories=("food", "travel"))
    assert judge(Facts(country="BE", categories=("gaming", "travel")), asked).eligible
    missed = judge(Facts(country="DE", categories=("gaming",)), asked).missed
    assert [it.rule for it in missed] == ["country", "categories"]


def test_the_rules_that_hold_are_those_of_the_latest_version_in_effect() -> None:
    assert rules_of(TODAY).criteria == PROGRAM
    assert rules_of(TODAY).version == 1


days = st.dates(date(1930, 1, 1), date(2060, 12, 31))


@given(days, days, st.integers(0, 90))
def test_old_enough_by_age_and_by_day_of_birth_is_the_same(
    born_on: date, on: date, years: int
) -> None:
    assert (age_years(born_on, on) >= years) == (born_on <= born_by(years, on))


numbers = st.one_of(st.none(), st.integers(0, 3))
codes = st.lists(st.sampled_from(["FR", "DE", "US"]), unique=True).map(tuple)
topics = st.lists(st.sampled_from(["food", "tech", "travel"]), unique=True).map(tuple)
criteria = st.builds(
    Criteria,
    min_age_years=st.one_of(st.none(), st.integers(16, 19)),
    min_followers=numbers,
    min_authentic_views_30d=numbers,
    min_engagement_bps=numbers,
    countries=codes,
    categories=topics,
    good_standing=st.booleans(),
)
births = st.one_of(
    st.none(), st.integers(-40, 40).map(lambda shift: date(2008, 11, 23) + timedelta(days=shift))
)
rows = st.fixed_dictionaries(
    {
        "followers": st.integers(0, 3),
        "authentic_views_30d": st.integers(0, 3),
        "views_30d": st.integers(0, 3),
        "engagement_bps": st.integers(0, 3),
        "country": st.sampled_from(["FR", "DE", "US"]),
        "categories": topics.map(list),
        "born_on": births,
        "standing": st.sampled_from(["good", "suspended"]),
    }
)


@pytest.fixture
def six_creators(within: object) -> list[UUID]:
    return [make_creator().creator.id for _ in range(6)]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(rows, min_size=1, max_size=6), criteria)
def test_the_rules_in_sql_choose_whom_the_rules_in_python_choose(
    six_creators: list[UUID], rows: list[dict[str, object]], asked: Criteria
) -> None:
    ids = six_creators
    for id, row in zip(ids, rows, strict=False):
        db.session.merge(
            CreatorFacts(creator_id=id, as_of=TODAY.date(), measured_on=None, member=False, **row)
        )
    db.session.flush()
    in_sql = eligible.matching(asked, TODAY.date())
    statement = f"SELECT f.creator_id FROM creator_facts f WHERE {in_sql.sql}"
    chosen = set(db.session.connection().exec_driver_sql(statement, in_sql.values).scalars())
    judged = {id for id in ids[: len(rows)] if judge(facts_of(id, TODAY), asked).eligible}
    db.session.rollback()
    assert chosen == judged


@given(criteria)
def test_what_is_kept_of_a_decision_reads_back_as_it_was(asked: Criteria) -> None:
    facts = Facts(country="FR", measured_on=TODAY.date(), categories=("food",), age_years=20)
    verdict = judge(facts, asked)
    assert criteria_of(criteria_json(asked)) == asked
    assert verdict_of(verdict_json(verdict)) == verdict
    assert from_json(as_json(facts)) == facts
