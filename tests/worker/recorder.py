"""A domain that only writes down what it is told, and may crash or refuse on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from marketplace.processors.base import Outcome, Verdict
from marketplace.processors.outbox import ProcessorRequest


class Crash(BaseException):
    """The process dies here: nothing catches it, nothing is committed after it."""


class Recorder:
    """What the domain was asked and told."""

    def __init__(self) -> None:
        self.asked: list[str] = []  # keys, before they leave for the first time
        self.told: list[tuple[str, Verdict, str | None]] = []
        self.allows: Callable[[ProcessorRequest], bool] = lambda request: True
        self.on_answer: Callable[[ProcessorRequest, Outcome], None] = lambda request, outcome: None

        self.crashes_before = self.crashes_after = False

    def before_send(self, request: ProcessorRequest, at: datetime) -> bool:
        if self.crashes_before:
            raise Crash
        self.asked.append(request.idem_key)
        return self.allows(request)

    def answered(self, request: ProcessorRequest, outcome: Outcome, at: datetime) -> None:
        if self.crashes_after:
            raise Crash
        self.on_answer(request, outcome)
        self.told.append((request.idem_key, outcome.verdict, outcome.code))
