"""People and money as tests need them, made by the same domain calls that the pages make."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from argon2 import PasswordHasher
from flask.testing import FlaskClient

from marketplace import clock
from marketplace.campaigns import campaign as campaigns
from marketplace.campaigns import ending, review
from marketplace.campaigns.campaign import Campaign
from marketplace.database.identifier import new_id
from marketplace.database.lock import lock
from marketplace.earnings.clawback import Clawback, claw_back
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.earnings.maturity import mature_due
from marketplace.extensions import db
from marketplace.funding import deposit as deposits
from marketplace.funding import moving
from marketplace.funding.deposit import Deposit, Purpose
from marketplace.income.importing import IncomeImport, import_income
from marketplace.ledger import postings
from marketplace.metrics import reading
from marketplace.metrics.importing import MetricImport, import_metrics
from marketplace.money import Money
from marketplace.parties import brand as brands
from marketplace.parties import creator as creators
from marketplace.parties.brand import Brand
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.payouts import approval, bank_account, bank_making, dispatch, leaving, receiver
from marketplace.payouts import destination as destinations
from marketplace.payouts import opening as runs
from marketplace.payouts import payout as payouts
from marketplace.payouts.destination import Destination
from marketplace.payouts.payout import Payout, Wanted
from marketplace.payouts.recovery import Parts
from marketplace.payouts.run import PayoutRun
from marketplace.payouts.schedule import next_due
from marketplace.payouts.threshold import currencies
from marketplace.processors.base import Snapshot
from marketplace.program import application as applications
from marketplace.program.application import ProgramApplication
from marketplace.program.membership import ProgramMembership
from marketplace.program.rules import Criteria
from marketplace.reconciliation import difference as differences
from marketplace.reconciliation import run as reconciliations
from marketplace.reconciliation.difference import Difference, Gap, Leg
from marketplace.reconciliation.run import ReconciliationRun
from marketplace.webhooks import converge

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)
# As cheap to check as can be: nothing of ours but the log-in itself is about the price of a guess.
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


class BrandTeam(NamedTuple):
    """A brand and the person who acts for it."""

    user: User
    brand: Brand


class CreatorSelf(NamedTuple):
    """A creator and the person they are."""

    user: User
    creator: Creator


def make_user(email: str | None = None, *, operator: bool = False) -> User:
    """A person whose address is confirmed."""
    number = next(_numbers)
    user = User(
        id=new_id(),
        email=email or f"person{number}@example.com",
        name=f"Person {number}",
        password_hash=_HASH,
        is_operator=operator,
        confirmed_at=clock.now(),
        created_at=clock.now(),
    )
    db.session.add(user)
    db.session.commit()
    return user


def make_operator() -> User:
    """An operator."""
    return make_user(operator=True)


def make_brand(name: str = "Northwind Coffee", time_zone: str = "Europe/Paris") -> BrandTeam:
    """A brand with one member."""
    user = make_user()
    brand = brands.found(user, name, time_zone, clock.now())
    db.session.commit()
    return BrandTeam(user, brand)


def make_creator(
    handle: str | None = None,
    *,
    time_zone: str = "Europe/Paris",
    rhythm: str = "weekly",
    since: datetime | None = None,
) -> CreatorSelf:
    """A creator, on their schedule for a year already unless `since` says otherwise."""
    user = make_user()
    at = since or clock.now() - timedelta(days=365)
    creator = creators.join(user, handle or f"creator{next(_numbers)}", "FR", time_zone, at)
    creator.choose_rhythm(rhythm, at)
    db.session.commit()
    return CreatorSelf(user, creator)


def make_campaign(
    team: BrandTeam,
    *,
    status: str = "draft",
    title: str = "Slow mornings",
    flat_fee_minor: int | None = 10_000,
    commission_bps: int | None = None,
    places: int = 3,
    budget_minor: int | None = None,
    days: int = 30,
    currency: str = "USD",
    criteria: Criteria = Criteria(),  # noqa: B008 - frozen
) -> Campaign:
    """A campaign of this brand in one of its statuses; an open one is really paid in.

    Its budget is what its flat fees cost, or 100.00 a place if it pays none.
    """
    actor, at = f"user:{team.user.id.hex}", clock.now()
    campaign = campaigns.draft(team.brand, title, currency, form_key=new_id(), actor=actor, at=at)
    campaigns.edit(
        campaign,
        brief="Show the kit in use.",
        criteria=criteria,
        flat_fee_minor=flat_fee_minor,
        commission_bps=commission_bps,
        places=places,
        budget_minor=budget_minor or (flat_fee_minor or 10_000) * places,
        opens_on=at.date(),
        closes_on=(at + timedelta(days=days)).date(),
    )
    if status != "draft":
        campaigns.submit(campaign, actor, at)
    if status == "rejected":
        review.reject(campaign, "system", "not for our creators", at)
    elif status not in ("draft", "in_review"):
        review.approve(campaign, "system", at)
    if status in ("open", "closed"):
        assert campaign.budget
        pay(make_deposit(team, campaign))
    db.session.commit()
    locked = lock(Campaign, campaign.id)
    assert locked is not None
    if status == "closed":
        ending.close(locked, at)
    if status == "canceled":
        ending.cancel(locked, actor, "no longer wanted", at)
    db.session.commit()
    return locked


def make_deposit(team: BrandTeam, campaign: Campaign, amount: Money | None = None) -> Deposit:
    """A requested deposit for what a campaign costs, or for another amount."""
    assert campaign.budget
    deposit = deposits.request(
        Purpose.CAMPAIGN,
        amount or campaign.budget,
        requested_by=team.user.id,
        payer_email=team.user.email,
        form_key=new_id(),
        site_url="http://127.0.0.1:8000/brand",
        description=campaign.title,
        at=clock.now(),
        brand_id=team.brand.id,
        campaign_id=campaign.id,
    )
    db.session.commit()
    return deposit


def fill_pool(kind: EarningKind, amount: Money) -> Deposit:
    """Money in the fund's or the gifts' pool, from an operator."""
    operator = make_operator()
    purpose = Purpose.FUND_POOL if kind == EarningKind.FUND else Purpose.GIFT_POOL
    deposit = deposits.request(
        purpose,
        amount,
        requested_by=operator.id,
        payer_email=operator.email,
        form_key=new_id(),
        site_url="http://127.0.0.1:8000/operator",
        description="Pool",
        at=clock.now(),
    )
    db.session.commit()
    return pay(deposit)


def payment_of(deposit: Deposit, **changes: object) -> Snapshot:
    """What the processor says of a deposit that was paid; no processor is asked."""
    told: dict[str, object] = {
        "kind": "payment",
        "remote_id": f"pi_{deposit.id.hex}",
        "our_ref": deposit.id.hex,
        "state": "succeeded",
        "livemode": False,
        "amount": deposit.amount,
        "fee": Money(30 + deposit.amount_minor * 29 // 1000, deposit.currency),
        "fee_ref": f"txn_{deposit.id.hex}",
        "charge_ref": f"ch_{deposit.id.hex}",
    }
    return Snapshot(**(told | changes))  # type: ignore[arg-type]


def pay(deposit: Deposit) -> Deposit:
    """Apply the payment of a deposit as the worker does once it has fetched it."""
    from marketplace.webhooks import converge

    converge.apply(payment_of(deposit), clock.now())
    db.session.commit()
    return db.session.get_one(Deposit, deposit.id)


def make_destination(
    creator: Creator, account: str | None = None, *, cooled: bool = True
) -> Destination:
    """An active destination, as the processor would report it; it has cooled off unless told so."""
    made = destinations.connect(creator.id, "pay@example.com", "USD", "system", clock.now())
    locked = lock(Destination, made.id)
    assert locked is not None
    snapshot = Snapshot(
        kind="recipient",
        remote_id=account or f"acct_{made.id.hex}",
        our_ref=made.id.hex,
        state="active",
        livemode=False,
    )
    since = clock.now() - 2 * destinations.COOLING if cooled else clock.now()
    destinations.converge(locked, snapshot, since)
    db.session.commit()
    return locked


def import_rows(
    kind: EarningKind, rows: list[str], operator: User | None = None, header: bool = True
) -> IncomeImport:
    """Import lines 'reference,handle,amount,currency,earned_on'."""
    head = ["reference,handle,amount,currency,earned_on"] if header else []
    brought = import_income(
        kind,
        "income.csv",
        "\n".join([*head, *rows]).encode(),
        uploaded_by=(operator or make_operator()).id,
        form_key=new_id(),
        currencies=currencies(clock.now()),
        at=clock.now(),
    )
    db.session.commit()
    return brought


def earn(creator: Creator, amount: str, kind: EarningKind = EarningKind.FUND) -> None:
    """Fill the pool with just that much and import it for one creator; it is pending then."""
    number, currency = amount.split()
    minor = int(number.replace(".", ""))
    fill_pool(kind, Money(max(minor, 100), currency))
    day = clock.now().date()
    import_rows(kind, [f"R-{next(_numbers)},{creator.handle},{number},{currency},{day}"])


def csrf_token(client: FlaskClient, path: str = "/login") -> str:
    """The token that a form on this page carries."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).text)
    assert found, f"no form on {path}"
    return found[1]


def log_in(client: FlaskClient, user: User) -> str:
    """Log this browser in; return a CSRF token for its further forms."""
    token = csrf_token(client)
    reply = client.post(
        "/login", data={"email": user.email, "password": PASSWORD, "csrf_token": token}
    )
    assert reply.status_code == 303, reply.text
    return token


def earn_matured(creator: Creator, amount: str, kind: EarningKind = EarningKind.FUND) -> None:
    """Let a creator earn this, and let it mature; domain time does not move."""
    earn(creator, amount, kind)
    while mature_due(clock.now() + timedelta(days=8)):
        db.session.commit()
    db.session.rollback()


def run_after_maturity(creator: Creator) -> datetime:
    """When the first run that is not open yet falls due after what they earn now matured."""
    schedule = creator.payout_rhythm, creator.time_zone
    due = next_due(*schedule, clock.now() + timedelta(days=8))
    while (
        db.session.query(PayoutRun)
        .filter_by(rhythm=schedule[0], time_zone=schedule[1], period=due.period)
        .first()
    ):
        due = next_due(*schedule, due.at)
    return due.at


RUN_JOBS: tuple[Callable[[datetime], bool], ...] = (
    runs.open_due,
    runs.decide_next,
    approval.lock_next_run,
    dispatch.begin_next,
    dispatch.ask_next,
    bank_making.make_next,
    dispatch.give_back_next,
    dispatch.finish_next,
)


def do_runs(at: datetime) -> None:
    """Open, decide, lock and send every payout run that is due at `at`, as the worker does."""
    for job in RUN_JOBS:
        while job(at):
            db.session.commit()
        db.session.rollback()


def make_paypal_destination(
    creator: Creator, address: str = "ada@example.com", *, cooled: bool = True
) -> Destination:
    """A confirmed address at PayPal; it has cooled off unless told so."""
    destination = receiver.name(creator.id, address, "user:1", clock.now())
    since = clock.now() - 2 * destinations.COOLING if cooled else clock.now()
    receiver.confirm(destination, since)
    db.session.commit()
    return destination


IBAN = "FR1420041010050500013M02606"


def make_bank_destination(
    creator: Creator, iban: str = IBAN, *, cooled: bool = True, holder: str = "Ada Lovelace"
) -> Destination:
    """A bank account that an operator accepted; it has cooled off unless told so."""
    destination = bank_account.name(
        creator.id, holder, iban, f"user:{creator.user_id.hex}", clock.now()
    )
    since = clock.now() - 2 * destinations.COOLING if cooled else clock.now()
    bank_account.accept(destination, make_operator(), "The names match.", since)
    db.session.commit()
    return destination


def fund_bank(amount: Money, reference: str = "first") -> None:
    """Our own money arrives on our bank account, in our books."""
    moving.move("stripe", "bank", amount, reference, f"user:{make_operator().id.hex}", clock.now())
    db.session.commit()


def make_payout(creator: Creator, amount: str = "150.00 USD") -> Payout:
    """A payout that a run has just reserved and that nobody has sent yet."""
    earn_matured(creator, amount)
    if destinations.current(creator.id) is None:
        make_destination(creator)
    do_runs(run_after_maturity(creator))
    newest = db.session.query(Payout).filter_by(creator_id=creator.id)
    return newest.order_by(Payout.created_at.desc(), Payout.id.desc()).limit(1).one()


def reserve(
    creator_id: UUID, destination: Destination, run_id: UUID, parts: Parts, at: datetime
) -> Payout:
    """Set one payout's money aside, past the gate."""
    (payout,) = payouts.reserve_all([Wanted(creator_id, destination.id, run_id, parts)], at)
    return payout


def transfer_of(payout: Payout, state: str = "paid") -> Snapshot:
    """The processor's transfer for a payout, as it is shown to us."""
    account = db.session.get_one(Destination, payout.destination_id).remote_account
    name = payout.transfer_ref or f"tr_{payout.id.hex}"
    return Snapshot(
        "transfer", name, payout.id.hex, state, False, amount=payout.amount, account=account
    )


def make_returned(creator: Creator, amount: str = "150.00 USD") -> Payout:
    """A payout that was sent and paid and then came back; its creator has not confirmed it."""
    payout = make_payout(creator, amount)
    locked = lock(Payout, payout.id)
    assert locked is not None
    assert leaving.may_send(locked, clock.now())
    for state in ("paid", "reversed"):
        converge.apply(transfer_of(locked, state), clock.now())
    db.session.commit()
    db.session.refresh(payout)
    return payout


def import_days(rows: list[str], *, videos: bool = False, categories: bool = False) -> MetricImport:
    """Import lines of channel days 'handle,platform,channel,day,followers,views,authentic_views,
    engagements' and perhaps ',categories', or of video days."""
    columns = reading.VIDEO_COLUMNS if videos else reading.CHANNEL_COLUMNS
    header = [*columns, reading.CATEGORIES_COLUMN] if categories else columns
    content = "\n".join([",".join(header), *rows]).encode()
    brought = import_metrics(
        reading.read_csv(content),
        content,
        filename="days.csv",
        uploaded_by=make_operator().id,
        form_key=new_id(),
        at=clock.now(),
    )
    db.session.commit()
    return brought


def measure(
    creator: Creator, *, followers: int = 25_000, authentic_views: int = 150_000, views: int = 0
) -> None:
    """Give a creator one channel with these facts, all of it of yesterday."""
    day = clock.now().date() - timedelta(days=1)
    seen = max(views, authentic_views)
    numbers = f"{followers},{seen},{authentic_views},{seen // 20}"
    import_days([f"{creator.handle},tiktok,{creator.handle},{day},{numbers}"])


ADULT = date(1995, 4, 17)


def make_application(creator: Creator, **facts: int) -> ProgramApplication:
    """An application that waits for an operator, of a creator who meets the rules."""
    measure(creator, **facts)
    locked = lock(Creator, creator.id)
    assert locked is not None
    made = applications.apply(
        locked,
        ADULT,
        locked.country,
        form_key=new_id(),
        actor=f"user:{locked.user_id.hex}",
        at=clock.now(),
    )
    db.session.commit()
    return made


def make_member(creator: Creator, **facts: int) -> ProgramMembership:
    """Take a creator into the program, by application and approval."""
    application = lock(ProgramApplication, make_application(creator, **facts).id)
    assert application is not None
    made = applications.approve(application, "system", clock.now())
    db.session.commit()
    return made


def make_clawback(
    earning: Earning,
    keep_minor: int = 0,
    *,
    reason: str = "order_refunded",
    at: datetime | None = None,
) -> Clawback:
    """What a refund leaves of an earning; the rest goes back to the fund pool."""
    made = claw_back(
        earning,
        Money(keep_minor, earning.currency),
        reason=reason,
        source_ref=f"refund:R-{next(_numbers)}",
        back_to=postings.POOLS["fund"],
        actor="system",
        at=at or clock.now(),
    )
    assert made is not None, "that is what stands already"
    db.session.commit()
    return made


def make_difference(theirs_minor: int = -10_000, ours_minor: int = 0, **told: Any) -> UUID:
    """A difference that stands: 100.00 USD left for our own bank and nobody wrote it down."""
    at = clock.now()
    run_id = reconciliations.begin("stripe", at)
    run = db.session.get_one(ReconciliationRun, run_id)
    gap: dict[str, Any] = {"leg": Leg.BOOKS, "day": at.date(), "type": "payout", **told}
    theirs, ours = Money(theirs_minor, "USD"), Money(ours_minor, "USD")
    differences.record(run, [Gap(theirs=theirs, ours=ours, **gap)], at.date(), at)
    run.go_on("done")
    run.finished_at = at
    db.session.commit()
    return db.session.query(Difference).order_by(Difference.id.desc()).limit(1).one().id
