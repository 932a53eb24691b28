"""Rules: contests that a brand funds, creators enter, and the brand or time decides."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from marketplace import clock
from marketplace.challenges import entry as entries
from marketplace.challenges import judging, pool
from marketplace.challenges.challenge import Challenge
from marketplace.challenges.entry import Entry as EntryRow
from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, InsufficientFunds, WrongState
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit as DepositRow
from marketplace.parties.creator import Creator
from tests.challenges.make import link_of, make_challenge
from tests.path import model as path
from tests.path.machine import PICK, pick
from tests.whole.model import APPEAL, Contest, Entry
from tests.whole.selling import Selling
from tests.within import locked

FUNDED = ("open", "judging", "provisional")


class Contesting(Selling):
    """Two creators, so that every tie is of all of them."""

    @rule(prizes=st.lists(st.integers(50, 12_001), min_size=1, max_size=3))
    def begin_contest(self, prizes: list[int]) -> None:
        table = tuple(sorted(prizes, reverse=True))
        made = make_challenge(self.team, status="awaiting_funds", prizes=table)
        contest = Contest(made.id, sum(table), prizes=table, due=made.closes_at)
        self.model.contests.append(contest)

    def _contest(self, n: int, *status: str) -> Contest:
        """One that stands like that, if one does."""
        every = self.model.contests
        return pick([it for it in every if it.status in status] or every, n)

    @precondition(lambda self: self.model.contests)
    @rule(n=PICK, by_card=st.booleans())
    def fund_contest(self, n: int, by_card: bool) -> None:
        contest = self._contest(n, "awaiting_funds")
        if by_card:
            self._ask_for(contest)
            return
        refusal: type[Exception] | None = None
        if contest.status != "awaiting_funds":
            refusal = WrongState
        elif contest.missing > self.model.free:
            refusal = InsufficientFunds
        if self.expect(
            refusal,
            lambda: pool.fund_from_balance(locked(Challenge, contest.id), "user:1", clock.now()),
        ):
            self.model.free -= contest.missing
            contest.reserved, contest.status = contest.budget, "open"

    def _ask_for(self, contest: Contest) -> None:
        """The payment itself may arrive later, or never."""
        refusal: type[Exception] | None = None
        if contest.status != "awaiting_funds":
            refusal = WrongState
        elif contest.missing < 100 or pool.open_deposit(locked(Challenge, contest.id)) is not None:
            refusal = BadInput
        asked: list[DepositRow] = []

        def act() -> None:
            asked.append(
                pool.top_up(
                    locked(Challenge, contest.id),
                    payer_id=self.team.user.id,
                    payer_email="payer@example.com",
                    form_key=new_id(),
                    site_url="http://127.0.0.1:8000/brand",
                    at=clock.now(),
                )
            )

        if self.expect(refusal, act):
            self.model.deposits.append(path.Deposit(asked[0].id, contest.missing, contest))

    @precondition(lambda self: self.model.contests)
    @rule(n=PICK)
    def cancel_contest(self, n: int) -> None:
        contest = self._contest(n, "awaiting_funds", "open")
        may = contest.status in ("awaiting_funds", "open") and not contest.entries
        if self.expect(
            None if may else WrongState,
            lambda: judging.cancel(locked(Challenge, contest.id), "user:1", "no", clock.now()),
        ):
            self.model.calls_off(contest)

    @precondition(lambda self: self.model.contests)
    @rule(n=PICK, who=PICK)
    def enter(self, n: int, who: int) -> None:
        contest, earner = self._contest(n, "open"), pick(self.model.earners, who)
        refusal: type[Exception] | None = None
        if contest.status != "open":
            refusal = WrongState
        elif any(it.earner is earner for it in contest.entries):
            refusal = BadInput
        made: list[EntryRow] = []

        def act() -> None:
            creator = db.session.get_one(Creator, earner.id)
            made.append(
                entries.enter(
                    locked(Challenge, contest.id),
                    creator,
                    link_of(creator),
                    actor="user:3",
                    at=clock.now(),
                )
            )

        if self.expect(refusal, act):
            contest.entries.append(Entry(made[0].id, earner))

    @precondition(lambda self: any(it.entries for it in self.model.contests))
    @rule(n=PICK, points=st.sampled_from([0, 70, 70, 90, 101]))
    def score(self, n: int, points: int) -> None:
        contest, entry = self._entry(n, "judging")
        refusal: type[Exception] | None = None
        if contest.status != "judging":
            refusal = WrongState
        elif points > 100:
            refusal = BadInput
        if self.expect(
            refusal,
            lambda: entries.score(
                locked(Challenge, contest.id), locked(EntryRow, entry.id), points
            ),
        ):
            entry.score = points

    def _entry(self, n: int, *status: str) -> tuple[Contest, Entry]:
        every = [(one, it) for one in self.model.contests for it in one.entries]
        return pick([it for it in every if it[0].status in status] or every, n)

    @precondition(lambda self: any(it.entries for it in self.model.contests))
    @rule(n=PICK, by_operator=st.booleans())
    def disqualify(self, n: int, by_operator: bool) -> None:
        contest, entry = self._entry(n, *FUNDED)
        until = FUNDED if by_operator else FUNDED[:2]
        may = contest.status in until and entry.valid
        at = clock.now()
        if self.expect(
            None if may else WrongState,
            lambda: judging.disqualify(
                locked(Challenge, contest.id),
                locked(EntryRow, entry.id),
                "bought views",
                "user:2",
                at,
                by_operator=by_operator,
            ),
        ):
            entry.valid = False
            if contest.status == "provisional":
                contest.due = at + APPEAL

    @precondition(lambda self: any(not e.valid for it in self.model.contests for e in it.entries))
    @rule(n=PICK)
    def reinstate(self, n: int) -> None:
        out = [(one, it) for one in self.model.contests for it in one.entries if not it.valid]
        contest, entry = pick(out, n)
        at = clock.now()
        if self.expect(
            None if contest.status in FUNDED else WrongState,
            lambda: judging.reinstate(
                locked(Challenge, contest.id),
                locked(EntryRow, entry.id),
                "they were real",
                "user:2",
                at,
                points=40,
            ),
        ):
            entry.valid = True
            if contest.status == "provisional":
                contest.due = at + APPEAL
                if entry.score is None and not contest.is_split:
                    entry.score = 40

    @precondition(lambda self: self.model.contests)
    @rule(n=PICK)
    def name_winners(self, n: int) -> None:
        contest = self._contest(n, "judging")
        refusal: type[Exception] | None = None
        if contest.status != "judging":
            refusal = WrongState
        elif not contest.valid or any(it.score is None for it in contest.valid):
            refusal = BadInput
        at = clock.now()
        if self.expect(
            refusal, lambda: judging.publish(locked(Challenge, contest.id), "user:1", at)
        ):
            contest.status, contest.due = "provisional", at + APPEAL

    @precondition(lambda self: self.model.contests)
    @rule(n=PICK)
    def award_at_the_wrong_time(self, n: int) -> None:
        """Time awards what is due at once: whoever asks is too early, or too late."""
        contest = self._contest(n, "provisional", "awarded")
        self.expect(
            BadInput if contest.status == "provisional" else WrongState,
            lambda: judging.award(locked(Challenge, contest.id), "user:1", clock.now()),
        )
