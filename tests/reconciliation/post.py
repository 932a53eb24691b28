"""A postman from hell: the sandbox's own events, really signed, and what becomes of them.

Of all events 5 % are lost, most of them in a row as in an outage; 30 % come several times, 20 % out
of order; 2 % are forged first; 1 % are authentic but wrong: signed by who may sign, and not so.
What is not lost and what happens to it is drawn apart, so that each share is of all events.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.sandbox.server import SandboxServer
from tests.webhooks.sender import SECRETS, Sender, signature

LOST, DUPLICATED, REORDERED, FORGED, WRONG = 0.05, 0.30, 0.20, 0.02, 0.01
OUTAGE = 10  # events that are lost in a row
WINDOW = 50  # how far an event is moved at most
COPIES = (2, 3, 4)
STALE_S = 600
ENDPOINTS = {"own": "platform", "connect": "connect", "thin": "thin"}
HANDLED_EVERY = 20


@dataclass(frozen=True)
class Letter:
    """One event to be delivered: where, what, and whether it is what it should be."""

    endpoint: str
    body: bytes
    kind: str = "true"  # or 'forged', 'wrong'


@dataclass
class Postman:
    """Delivers what the sandbox owes, badly; `answers` counts what we said to it."""

    sandbox: SandboxServer
    deliver: Sender
    random: random.Random
    answers: dict[tuple[str, int], int] = field(default_factory=dict)

    def events(self) -> list[Letter]:
        """Every event so far, in the order in which it happened."""
        with self.sandbox.world.act() as act:
            rows = act.sql.execute("SELECT endpoint, body FROM delivery ORDER BY id").fetchall()
        return [Letter(ENDPOINTS[row["endpoint"]], row["body"].encode()) for row in rows]

    def deliver_all(self, letters: list[Letter], handle: Callable[[], object]) -> None:
        """Deliver these, and let them be handled meanwhile."""
        for number, letter in enumerate(self._plan(letters)):
            self._post(letter)
            if number % HANDLED_EVERY == 0:
                handle()
        handle()

    def _plan(self, letters: list[Letter]) -> list[Letter]:
        lost = self._lost(len(letters))
        delivered = [place for place in range(len(letters)) if place not in lost]

        def some(share: float) -> set[int]:
            """So many of all events, drawn from those that arrive."""
            count = max(round(share * len(letters)), 1)
            return set(self.random.sample(delivered, count))

        twice, moved, forged, wrong = map(some, (DUPLICATED, REORDERED, FORGED, WRONG))
        placed: list[tuple[float, Letter]] = []
        for place, letter in enumerate(letters):
            if place in forged:
                placed.append((place - 0.5, Letter(letter.endpoint, letter.body, "forged")))
            if place in lost:
                continue
            if place in wrong:
                letter = Letter(letter.endpoint, self._bent(letter.body), "wrong")
            for _ in range(self.random.choice(COPIES) if place in twice else 1):
                shift = self.random.uniform(0, WINDOW) if place in moved or place in twice else 0
                placed.append((place + shift, letter))
        return [letter for _, letter in sorted(placed, key=lambda it: it[0])]

    def _lost(self, count: int) -> set[int]:
        """Which are lost: whole outages, and some here and there."""
        wanted, lost = round(LOST * count), set[int]()
        while len(lost) + OUTAGE <= wanted:
            start = self.random.randrange(count - OUTAGE)
            lost |= set(range(start, start + OUTAGE))
        while len(lost) < wanted:
            lost.add(self.random.randrange(count))
        return lost

    def _bent(self, body: bytes) -> bytes:
        """Another amount, another currency, live instead of test, or about something else."""
        event = json.loads(body)
        thing: dict[str, Any] = event.get("data", {}).get("object") or event["related_object"]
        match self.random.choice(("amount", "currency", "livemode", "object")):
            case "amount":
                thing["amount"] = 10 * int(thing.get("amount", 1))
            case "currency":
                thing["currency"] = "eur"
            case "livemode":
                event["livemode"] = True
            case "object":
                thing["id"] = thing["id"][:-4] + "none"
        return json.dumps(event).encode()

    def _post(self, letter: Letter) -> None:
        body, secret = letter.body, SECRETS[letter.endpoint]
        header: str | None = signature(body, secret)
        if letter.kind == "forged":
            match self.random.choice(("secret", "byte", "stale", "none")):
                case "secret":
                    header = signature(body, "whsec_of_somebody_else")
                case "byte":
                    body = body.replace(b"evt_", b"evT_", 1)
                case "stale":
                    header = signature(body, secret, age_s=STALE_S)
                case "none":
                    header = None
        status = self.deliver(body, header, letter.endpoint)
        key = letter.kind, status
        self.answers[key] = self.answers.get(key, 0) + 1
