"""One of our client processes: posts as told on stdin, by the journal and a session commit."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from random import Random

from marketplace import clock, create_app
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.ledger import journal, postings
from marketplace.ledger.draft import Cause, Draft
from marketplace.money import Money
from tests.harness import Ports, settings_for_tests

PAIRS = 100
BATCH = 1000


def brand(n: int) -> str:
    return f"brand:{n:032x}"


def campaign(n: int) -> str:
    return f"campaign:{n:032x}"


def deposit(n: int, minor: int) -> Draft:
    """Touches the processor's account, which every deposit does, and one brand's."""
    id = new_id()
    why = Cause("deposit", id)
    return postings.deposit_received(
        "stripe", brand(n), Money(minor, "USD"), id.hex, why, clock.now()
    )


def reservation(n: int, m: int, minor: int) -> Draft:
    id = new_id()
    amount, key = Money(minor, "USD"), f"campaign_reserved:{id.hex}"
    return postings.campaign_reserved(
        brand(n), campaign(m), amount, key, Cause("campaign", id), clock.now()
    )


def fill() -> None:
    """Enough money on every account for all benches, in the caller's application context."""
    journal.post_many([deposit(n, 10**12) for n in range(PAIRS)])
    db.session.commit()


def cases(number: int, chance: Random) -> dict[str, Callable[[], int]]:
    """What a client can be asked for: each posts, commits, and tells how many postings it made."""

    def single() -> int:
        n, m = chance.randrange(PAIRS), chance.randrange(PAIRS)
        journal.post(reservation(n, m, chance.randint(1, 10**5)))
        db.session.commit()
        return 1

    def hot() -> int:
        journal.post(deposit(chance.randrange(PAIRS), chance.randint(1, 10**5)))
        db.session.commit()
        return 1

    def batch() -> int:
        mine = range(1000 * (number + 1), 1000 * (number + 1) + PAIRS)
        journal.post_many(
            [deposit(chance.choice(mine), chance.randint(1, 10**5)) for _ in range(BATCH)]
        )
        db.session.commit()
        return BATCH

    return {"single": single, "hot": hot, "batch": batch}


def main(database_url: str, number: int) -> None:
    """Answer each line 'case seconds' with postings per second."""
    app = create_app(settings_for_tests(database_url, Ports(web=1, sandbox=1)))
    with app.app_context():
        act = cases(number, Random(number))
        for line in sys.stdin:
            case, seconds = line.split()
            made, started = 0, time.perf_counter()
            while time.perf_counter() - started < float(seconds):
                made += act[case]()
            print(made / (time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    gc.freeze()  # as the worker does
    main(sys.argv[1], int(sys.argv[2]))
