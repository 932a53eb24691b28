"""Eligible creators for a brief, best first with the exact total, against reading the table once.

100,000 creators with log-normal audiences; whoever has the program's 100,000 authentic views and
10,000 followers is a member. A brief asks for a size, an engagement, countries and categories.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from statistics import median, quantiles

import psycopg
from sqlalchemy import text

from marketplace import clock
from marketplace.extensions import db
from marketplace.matching.search import creators_for
from marketplace.metrics.channel import CATEGORIES
from marketplace.program.rules import Criteria
from tests.bench.figures import Figure, figure
from tests.bench.scene import Scene

CREATORS = 100_000
BRIEFS = 100
ROUNDS = 5
SHOWN = 50
GOAL = 1.0
COUNTRIES = [f"{a}{b}" for a in "ABCDEF" for b in "ABCDE"]


def _fill(owner: psycopg.Connection[object], chance: Random) -> None:
    owner.execute(
        'INSERT INTO "user" (id, email, name, password_hash, created_at, locale, is_operator)'
        " SELECT gen_random_uuid(), 'creator' || n || '@example.com', 'Creator ' || n, '', now(),"
        " 'en', false FROM generate_series(1, %s) n",
        [CREATORS],
    )
    owner.execute(
        "INSERT INTO creator (id, user_id, handle, name, country, time_zone, payout_rhythm,"
        " payout_rhythm_at, created_at) SELECT u.id, u.id, 'c' || row_number() OVER (), u.name,"
        " 'FR', 'Europe/Paris', 'monthly', now(), now() FROM \"user\" u"
    )
    ids = [row[0] for row in owner.execute("SELECT id FROM creator ORDER BY id")]  # type: ignore[index]
    with owner.cursor().copy(
        "COPY creator_facts (creator_id, followers, authentic_views_30d, views_30d, engagement_bps,"
        " measured_on, as_of, categories, country, born_on, member, standing) FROM STDIN"
    ) as rows:
        for id in ids:
            rows.write_row((id, *_facts(chance)))
    owner.commit()
    owner.autocommit = True
    owner.execute("VACUUM ANALYZE")


def _facts(chance: Random) -> tuple[object, ...]:
    followers, today = int(chance.lognormvariate(8.6, 1.7)), clock.now().date()
    views = int(followers * chance.lognormvariate(0.6, 1.1))
    often = range(len(CATEGORIES), 0, -1)  # the first are the commonest
    topics = sorted(set(chance.choices(CATEGORIES, often, k=chance.randint(1, 5))))
    country = chance.choices(COUNTRIES, range(len(COUNTRIES), 0, -1))[0]
    member = followers >= 10_000 and views >= 100_000
    return (
        *(followers, views, 2 * views, int(chance.triangular(0, 1500, 400)), today, today),
        *(topics, country, today.replace(year=today.year - 25, day=1), member, "good"),
    )


def _brief(chance: Random) -> Criteria:
    return Criteria(
        min_followers=chance.choice((None, 20_000, 50_000, 200_000)),
        min_authentic_views_30d=chance.choice((None, 200_000, 1_000_000)),
        min_engagement_bps=chance.choice((None, 100, 300)),
        countries=tuple(chance.sample(COUNTRIES, chance.randint(0, 4))),
        categories=tuple(chance.sample(CATEGORIES, chance.randint(0, 4))),
    )


def _ms(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    took = time.perf_counter() - started
    db.session.rollback()
    return 1000 * took


def _scan() -> None:
    db.session.execute(text("SELECT sum(followers) FROM creator_facts"))


def measure(scene: Scene) -> Figure:
    chance, today = Random(11), clock.now().date()
    with scene.app("matching").app_context():
        with psycopg.connect(scene.server.conninfo("matching")) as owner:
            _fill(owner, chance)
        briefs = [_brief(chance) for _ in range(BRIEFS)]
        rounds = []
        for _ in range(ROUNDS):
            ours, scans = [], []
            for brief in briefs:
                ours.append(_ms(lambda brief=brief: creators_for(brief, today, limit=SHOWN)))  # type: ignore[misc]
                scans.append(_ms(_scan))
            rounds.append((quantiles(ours, n=20)[-1], median(scans)))
        db.engine.dispose()
    return figure(
        "match.brief.vs_scan",
        f"p95 of {BRIEFS} briefs over {CREATORS:,} creators, {SHOWN} best and the exact total",
        "ms",
        "one sequential scan of the same table",
        rounds,
        GOAL,
        lower_is_better=True,
    )


BENCHES = {"match.brief.vs_scan": measure}
