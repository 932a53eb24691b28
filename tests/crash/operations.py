"""The operations of money out, each brought to just before it; and the matrix of where they die.

The columns are eight moments of any operation. Which of them an operation has is read from
`marketplace.failpoints.FAILPOINTS`; what it has not is n/a, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from marketplace import clock
from marketplace.database.lock import lock
from marketplace.extensions import db
from marketplace.failpoints import (
    DECIDE_PAYOUT,
    DECIDE_RUN,
    FAILPOINTS,
    POSTING,
    WEBHOOK,
    Point,
)
from marketplace.payouts import approval, bank_making, creator_hold, dispatch, opening
from marketplace.payouts.creator_hold import CreatorHold
from marketplace.payouts.run import PayoutRun
from marketplace.processors.outbox import ProcessorRequest
from tests.crash.world import OperatorsBrowser, Payee, World

UNANSWERED = "unanswered"  # killed from outside, while the sandbox holds its answer back
OPERATOR = "system"  # nobody in particular: pages look up who it was
RECOVERY = "recovery"  # killed, and killed again where the next process had come as far

COLUMNS = (
    Point.BEGIN,
    Point.WRITTEN,
    Point.BEFORE_COMMIT,
    Point.BEFORE_CALL,
    UNANSWERED,
    Point.ANSWERED,
    Point.RECORDED,
    RECOVERY,
)
ASKS_NOBODY = "it asks nobody outside"
ONE_FLUSH = "what it writes goes out in one piece, with the commit"
ONE_STATEMENT = "it is one statement, which commits itself"

Act = Callable[[], bool]  # what a person does at the web server; False if that died


@dataclass(frozen=True)
class Scene:
    """A payout just before the operation; who must act for it to begin, if not the worker."""

    mine: Payee
    act: Act | None = None


@dataclass(frozen=True)
class Operation:
    """One row of the matrix. `call`: what it asks of the sandbox; `posts`: it writes the books."""

    name: str
    unit: str
    ends: str
    prepare: Callable[[World], Scene]
    call: str | None = None
    posts: bool = False

    @property
    def points(self) -> dict[Point, str]:
        """The failpoints that this operation comes by."""
        named = {point: f"{self.unit}: {point}" for point in FAILPOINTS[self.unit]}
        if self.posts:
            named[Point.WRITTEN] = f"{POSTING}: {Point.WRITTEN}"
        if self.call is None:
            named.pop(Point.BEFORE_CALL, None)
            named.pop(Point.ANSWERED, None)
        return named

    def cells(self) -> Iterator[tuple[str, str | None, str]]:
        """Per column: its name, the failpoint (None = n/a), and why it is n/a."""
        for column in COLUMNS:
            if column == UNANSWERED:
                yield column, self.call, ASKS_NOBODY
            elif column == RECOVERY:
                yield column, self.points[self._furthest()], ""
            else:
                yield column, self.points.get(Point(column)), self._lacking(Point(column))

    def _furthest(self) -> Point:
        """The last point at which nothing of it is committed."""
        far = (Point.ANSWERED, Point.BEFORE_COMMIT, Point.BEGIN)
        return next(point for point in far if point in self.points)

    def _lacking(self, point: Point) -> str:
        if point in (Point.BEFORE_CALL, Point.ANSWERED):
            return ASKS_NOBODY
        return ONE_STATEMENT if Point.BEFORE_COMMIT not in self.points else ONE_FLUSH


# ---- the worker's own jobs


def _up_to(job: Callable[..., bool]) -> Callable[[World], Scene]:
    """A payout run, done up to this job."""

    def prepare(world: World) -> Scene:
        mine = world.payee()
        world.do_run(before=job)
        return Scene(mine)

    return prepare


def to_send(world: World) -> Scene:
    mine = world.payee()
    world.do_run()
    return Scene(mine)


def to_send_by_paypal(world: World) -> Scene:
    mine = world.payee(address="ada@example.com")
    world.do_run()
    return Scene(mine)


def to_file(world: World) -> Scene:
    mine = world.payee_at_bank()
    world.do_run(before=bank_making.make_next)
    return Scene(mine)


def to_finish(world: World) -> Scene:
    mine = world.payee()
    world.do_run(before=dispatch.finish_next)
    world.send()
    return Scene(mine)


def rejected(world: World) -> Scene:
    mine = world.payee("10000.00 USD")
    world.do_run()
    run = lock(PayoutRun, world.payout(mine).run_id)
    assert run is not None
    approval.reject(run, OPERATOR, "not this month", clock.now())
    db.session.commit()
    return Scene(mine)


def held_by_an_operator(world: World) -> Scene:
    """A hold on the creator, placed when the payout was just to leave."""
    mine = world.payee()
    world.do_run()
    at = clock.now()
    creator_hold.place(mine.creator_id, "a closer look", at + timedelta(days=9), OPERATOR, at)
    db.session.commit()
    return Scene(mine)


def lifted(world: World) -> Scene:
    """The same after the hold was lifted: it goes on."""
    scene = held_by_an_operator(world)
    world.send()
    found = creator_hold.active(scene.mine.creator_id)
    locked = lock(CreatorHold, found.id) if found else None
    assert locked is not None
    creator_hold.lift(locked, OPERATOR, "all is well", clock.now())
    db.session.commit()
    return scene


def refused(world: World) -> Scene:
    """The account at Stripe can no longer be paid, and we have not heard of it."""
    mine = world.payee()
    world.do_run()
    world.sandbox.call("PUT", "faults", [{"on": "webhook.*", "fault": "lost", "times": None}])
    world.sandbox.fail_onboarding(mine.account)
    return Scene(mine)


# ---- what the processor tells


def _told(word: str, status: str) -> Callable[[World], Scene]:
    """A payout by PayPal; the event of its item's end is stored, and nobody has handled it."""

    def prepare(world: World) -> Scene:
        mine, batch = _at_paypal(world, word)
        world.sandbox.move_paypal(batch, status)
        world.store()
        return Scene(mine)

    return prepare


def _at_paypal(world: World, word: str) -> tuple[Payee, str]:
    mine = world.payee(address=f"{word}@example.com")
    world.do_run()
    world.send()
    made = db.session.query(ProcessorRequest).filter_by(subject_id=world.payout(mine).id).one()
    batch = made.remote_id
    db.session.remove()
    assert batch is not None
    return mine, batch


def never_told(world: World) -> Scene:
    """It succeeded at PayPal, and the event of it is lost."""
    mine, batch = _at_paypal(world, "pending")
    lost = {"on": "webhook.*", "fault": "lost", "times": None}
    world.sandbox.call("PUT", "faults", [lost])
    world.sandbox.move_paypal(batch, "SUCCESS")
    world.waits_are_over()
    return Scene(mine)


def arrived_late(world: World) -> Scene:
    """It failed and its money was given back; then PayPal tells that it arrived after all."""
    mine, batch = _at_paypal(world, "pending")
    world.sandbox.move_paypal(batch, "FAILED")
    world.hear()
    assert world.payout(mine).status == "failed"
    db.session.remove()
    world.sandbox.move_paypal(batch, "SUCCESS")
    world.store()
    return Scene(mine)


def about_to_be_told(world: World) -> Scene:
    """PayPal brings it to its end when told to, and posts the event to our web server."""
    mine, batch = _at_paypal(world, "pending")

    def act() -> bool:
        world.sandbox.move_paypal(batch, "SUCCESS")
        return True

    return Scene(mine, act)


def came_back(world: World) -> Scene:
    """Paid by Stripe, and reversed; the event is stored."""
    mine = world.payee()
    world.do_run()
    world.send()
    transfer = world.payout(mine).transfer_ref
    db.session.remove()
    assert transfer is not None
    world.sandbox.reverse(transfer)
    world.store()
    return Scene(mine)


# ---- what an operator decides


def to_approve(world: World) -> Scene:
    mine = world.payee("10000.00 USD")
    world.do_run()
    run_id = world.payout(mine).run_id
    browser = OperatorsBrowser(world)
    page = f"/operator/payouts/runs/{run_id}"
    return Scene(mine, lambda: browser.press(page, decision="approve", reason="looked at"))


def to_cancel(world: World) -> Scene:
    """A payout that is held, and that an operator calls off."""
    scene = held_by_an_operator(world)
    world.send()
    payout_id = world.payout(scene.mine).id
    browser = OperatorsBrowser(world)
    page = f"/operator/payouts/{payout_id}"
    return Scene(
        scene.mine, lambda: browser.press(page, decision="cancel", reason="asked for by them")
    )


TRANSFER, BATCH = "transfers.create", "paypal.payouts.create"
FETCH, FETCH_BATCH = "transfers.retrieve", "paypal.payouts.retrieve"
ASKING = "payouts to ask about"

OPERATIONS = (
    Operation("run opened", "payout runs", "paid", _up_to(opening.open_due)),
    Operation("reserved", "payout run lines", "paid", _up_to(opening.decide_next), posts=True),
    Operation("run locked", "decided payout runs", "paid", _up_to(approval.lock_next_run)),
    Operation("approved by an operator", DECIDE_RUN, "paid", to_approve),
    Operation("run sent", "approved payout runs", "paid", _up_to(dispatch.begin_next)),
    Operation("asked for", "payouts to ask for", "paid", _up_to(dispatch.ask_next)),
    Operation("submitted to Stripe", "processor requests", "paid", to_send, TRANSFER),
    Operation("submitted to PayPal", "processor requests", "paid", to_send_by_paypal, BATCH),
    Operation("put into a bank file", bank_making.JOB, "sending", to_file),
    Operation("webhook taken", WEBHOOK, "paid", about_to_be_told),
    Operation(
        "settled by webhook",
        "webhook events",
        "paid",
        _told("pending", "SUCCESS"),
        FETCH_BATCH,
        posts=True,
    ),
    Operation("settled by asking", ASKING, "paid", never_told, FETCH_BATCH),
    Operation("posted by asking", ASKING, "paid", never_told, FETCH_BATCH, posts=True),
    Operation("returned", "webhook events", "returned", came_back, FETCH, posts=True),
    Operation(
        "never claimed",
        "webhook events",
        "returned",
        _told("unclaimed", "RETURNED"),
        FETCH_BATCH,
    ),
    Operation(
        "given back unclaimed",
        "webhook events",
        "returned",
        _told("unclaimed", "RETURNED"),
        FETCH_BATCH,
        posts=True,
    ),
    Operation("arrived late", "webhook events", "paid", arrived_late, FETCH_BATCH, posts=True),
    Operation(
        "failed", "webhook events", "failed", _told("pending", "FAILED"), FETCH_BATCH, posts=True
    ),
    Operation("run rejected", "payouts of rejected runs", "canceled", rejected, posts=True),
    Operation("canceled by an operator", DECIDE_PAYOUT, "canceled", to_cancel, posts=True),
    Operation("held by a refusal", "processor requests", "held", refused, TRANSFER),
    Operation("held when it leaves", "processor requests", "held", held_by_an_operator),
    Operation("released", "held payouts", "paid", lifted),
    Operation("run finished", "finished payout runs", "paid", to_finish),
)
