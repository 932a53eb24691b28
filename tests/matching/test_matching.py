"""Who suits whom: one statement of SQL and plain Python give the same answer, in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from marketplace.campaigns.campaign import Campaign, CampaignStatus
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.matching.score import score
from marketplace.matching.search import EVERYBODY, Filter, creators_for, search
from marketplace.matching.suggestions import campaigns_for
from marketplace.metrics.channel import CATEGORIES, category_bits
from marketplace.metrics.facts import CreatorFacts, facts_of
from marketplace.metrics.profile import Facts
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.program.rules import Criteria, judge
from tests.make import BrandTeam, make_brand
from tests.within import within

__all__ = ["within"]

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOW.date()
CREATORS, CAMPAIGNS, QUERIES = 400, 120, 100
COUNTRIES = ("FR", "DE", "US", "JP")
TOPICS = ("food", "tech", "travel", "beauty", "gaming")


@pytest.fixture
def chance() -> Random:
    return Random(11)


@pytest.fixture
def team() -> BrandTeam:
    return make_brand()


@pytest.fixture
def creators(team: BrandTeam, chance: Random) -> Iterator[list[UUID]]:
    """Members and others with facts of all sizes; gone after the test."""
    ids = [new_id() for _ in range(CREATORS)]
    for number, id in enumerate(ids):
        user = User(
            email=f"{number}@example.com",
            name=f"Creator {number}",
            password_hash="",
            created_at=NOW,
        )
        db.session.add(user)
        db.session.flush()
        db.session.add(
            Creator(
                id=id, user_id=user.id, handle=f"c{number}", name=user.name, country="FR",
                time_zone="Europe/Paris", payout_rhythm_at=NOW, created_at=NOW,
            )
        )  # fmt: skip
    db.session.flush()
    db.session.add_all(_facts(id, chance) for id in ids)
    db.session.flush()
    yield ids
    db.session.rollback()


def _facts(creator_id: UUID, chance: Random) -> CreatorFacts:
    views = int(chance.lognormvariate(11, 1.5))
    known = chance.random() < 0.9
    return CreatorFacts(
        creator_id=creator_id,
        followers=int(chance.lognormvariate(9, 1.5)),
        authentic_views_30d=views,
        views_30d=2 * views,
        engagement_bps=chance.randint(0, 900),
        measured_on=TODAY - timedelta(days=chance.randint(0, 14)) if known else None,
        as_of=TODAY,
        categories=sorted(chance.sample(TOPICS, chance.randint(0, 3))),
        country=chance.choice(COUNTRIES),
        born_on=TODAY - timedelta(days=chance.randint(16, 40) * 365) if known else None,
        member=chance.random() < 0.7,
        standing="good",
    )


def _criteria(chance: Random) -> Criteria:
    return Criteria(
        min_age_years=chance.choice((None, 18, 21)),
        min_followers=chance.choice((None, 1_000, 20_000)),
        min_authentic_views_30d=chance.choice((None, 10_000, 150_000)),
        min_engagement_bps=chance.choice((None, 200, 500)),
        countries=tuple(chance.sample(COUNTRIES, chance.randint(0, 2))),
        categories=tuple(chance.sample(TOPICS, chance.randint(0, 3))),
        good_standing=chance.random() < 0.5,
    )


def test_the_search_finds_whom_plain_python_finds_best_first_with_the_exact_total(
    creators: list[UUID], chance: Random
) -> None:
    facts = {id: facts_of(id, NOW) for id in creators}
    members = {id for id in creators if db.session.get_one(CreatorFacts, id).member}
    totals = []
    for _ in range(QUERIES):
        criteria, limit, offset = _criteria(chance), chance.randint(1, 30), chance.randint(0, 20)
        fit = [id for id in members if judge(facts[id], criteria).eligible]
        scores = {id: score(facts[id], criteria, TODAY) for id in fit}
        ranked = sorted(fit, key=lambda id: (-scores[id].points, id))
        found = creators_for(criteria, TODAY, limit=limit, offset=offset)
        assert [it.creator_id for it in found.rows] == ranked[offset : offset + limit]
        assert [it.score for it in found.rows] == [scores[it.creator_id] for it in found.rows]
        rows = search(criteria, TODAY, EVERYBODY, limit=limit, offset=offset)
        assert [it.points for it in rows] == [it.score.points for it in found.rows]
        assert found.total == len(fit)
        totals.append(found.total)
    assert min(totals) < 5, "a narrow brief was among them"
    assert max(totals) > 100, "and a broad one"


def test_every_category_that_is_known_is_one_bit_of_the_facts(creators: list[UUID]) -> None:
    said = [*([it] for it in CATEGORIES), list(CATEGORIES), ["knitting"], []]
    for id, names in zip(creators, said, strict=False):
        db.session.get_one(CreatorFacts, id).categories = names
    db.session.flush()
    db.session.expire_all()
    for id, names in zip(creators, said, strict=False):
        assert db.session.get_one(CreatorFacts, id).category_bits == category_bits(names)
    assert category_bits(CATEGORIES) == 2 ** len(CATEGORIES) - 1
    assert category_bits(["knitting"]) == 0


def test_a_category_that_nobody_can_have_is_asked_in_vain(creators: list[UUID]) -> None:
    assert not creators_for(Criteria(categories=("knitting",)), TODAY, limit=1).rows
    half = Criteria(categories=("knitting", TOPICS[0]))
    found = creators_for(half, TODAY, limit=1000)
    assert found.rows
    assert {it.score.parts[2].points for it in found.rows} == {10}


def test_a_filter_narrows_the_rows_and_the_total(creators: list[UUID]) -> None:
    everybody = creators_for(Criteria(), TODAY, limit=1000).rows
    only = Filter(words="@C1", category=TOPICS[0], min_followers=2_000)
    fit = [
        it
        for it in everybody
        if it.handle.startswith("c1")
        and TOPICS[0] in it.facts.categories
        and it.facts.followers >= 2_000
    ]
    found = creators_for(Criteria(), TODAY, only, limit=1000)
    assert list(found.rows) == fit
    assert 0 < found.total < len(everybody)


def test_suggestions_are_what_plain_python_finds_best_first(
    team: BrandTeam, creators: list[UUID], chance: Random
) -> None:
    made = []
    for number in range(CAMPAIGNS):
        made.append(
            Campaign(
                id=new_id(), brand_id=team.brand.id, form_key=new_id(), title=str(number),
                brief="x", currency="USD", criteria=_criteria(chance), flat_fee_minor=100, places=1,
                budget_minor=100, opens_on=TODAY, closes_on=TODAY, closes_at=NOW, created_at=NOW,
                status_at=NOW,
                status=CampaignStatus.OPEN if number % 5 else CampaignStatus.AWAITING_FUNDS,
            )
        )  # fmt: skip
    db.session.add_all(made)
    db.session.flush()
    open_ones = [it for it in made if it.status == CampaignStatus.OPEN]
    found = 0
    for id in chance.sample(creators, QUERIES):
        facts, limit = facts_of(id, NOW), chance.randint(1, 30)
        fit = [it for it in open_ones if judge(facts, it.criteria).eligible]
        points = {it.id: score(facts, it.criteria, TODAY).points for it in fit}
        ranked = sorted(
            sorted(fit, key=lambda it: it.id, reverse=True), key=lambda it: -points[it.id]
        )
        suggested = campaigns_for(facts, TODAY, limit=limit)
        assert [it.campaign.id for it in suggested] == [it.id for it in ranked[:limit]]
        assert [it.score.points for it in suggested] == [points[it.campaign.id] for it in suggested]
        found += len(suggested)
    assert found > QUERIES


def test_every_part_says_of_how_many_points_it_is() -> None:
    facts = Facts(authentic_views_30d=10**9, engagement_bps=900, measured_on=TODAY)
    best = score(facts, Criteria(), TODAY)
    assert {part.name: part.most for part in best.parts} == {
        "reach": 40,
        "engagement": 30,
        "topics": 20,
        "freshness": 10,
    }
    assert best.points == 99, "reach never quite comes to all of it"


def test_a_creator_of_whom_nothing_is_known_gets_no_points_but_for_what_nobody_asked() -> None:
    assert score(Facts(), Criteria(), TODAY).points == 20
    assert score(Facts(), Criteria(categories=("food",)), TODAY).points == 0
