"""Some of everything for the walk over every route, all of it of the first brand and creator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from marketplace import clock
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit
from marketplace.income.importing import IncomeImport
from marketplace.ledger import balances
from marketplace.ledger.draft import Cause
from marketplace.metrics.importing import MetricImport
from marketplace.money import Money
from marketplace.notifications import mail
from marketplace.parties.user import User
from marketplace.payouts import bank_account, closing, rest, threshold
from marketplace.payouts.bank_account import BankAccount
from marketplace.payouts.bank_file import BankFile
from marketplace.processors.base import Ref
from marketplace.processors.outbox import ProcessorRequest
from marketplace.web import confirmation
from marketplace.webhooks import inbox
from marketplace.webhooks.event import WebhookEvent
from tests.agreeing import ask_for_place, make_agreement
from tests.challenges.make import make_challenge, make_entry
from tests.commissions.making import Shop, make_storefront, order, refund, sell_for, tell
from tests.make import (
    IBAN,
    earn_matured,
    fill_pool,
    fund_bank,
    make_bank_destination,
    make_brand,
    make_campaign,
    make_clawback,
    make_creator,
    make_difference,
    make_operator,
    make_payout,
    make_user,
)
from tests.make import make_application as apply_to_program
from tests.make import make_member as join_program
from tests.web.people import Person

Ids = dict[str, object]

# Pages of an application to a campaign, not to the program.
OF_AN_APPLICATION = (
    *("brand.application", "brand.accept_application", "brand.decline_application"),
    *("brand.withdraw_invitation", "creator.application", "creator.accept_invitation"),
    *("creator.decline_invitation", "creator.withdraw_application"),
)


@dataclass(frozen=True)
class World:
    """Some of everything, all of it of the first brand and the first creator."""

    people: dict[str, Person]
    ids: Ids
    token: str


def _person(user: User) -> Person:
    return Person(user.id, user.email, user.name)


def _newest(model: Any) -> UUID:
    """The id of the row that was made last."""
    id: UUID = db.session.scalars(select(model.id).order_by(model.id.desc()).limit(1)).one()
    return id


def _transaction(type: str, id: UUID) -> UUID:
    return balances.transactions_of(Cause(type, id))[0].id


def _closing() -> UUID:
    """An account that closes and to which 0.67 HUF are left: less than can be sent."""
    creator = make_creator().creator
    actor = f"user:{creator.user_id.hex}"
    threshold.adopt(Money(3_500_000, "HUF"), clock.now().date(), actor, clock.now())
    earn_matured(creator, "0.67 HUF")
    made = closing.begin(creator.id, "asked for", actor, clock.now())
    db.session.commit()
    assert rest.look_next(clock.now())
    db.session.commit()
    return made.id


def _banked() -> UUID:
    """A payout that is in a file; and an account that waits for an operator."""
    creator = make_creator().creator
    fund_bank(Money(20_000, "EUR"))
    make_bank_destination(creator)
    payout = make_payout(creator, "150.00 EUR")
    other = make_creator().creator
    bank_account.name(other.id, "Ada Lovelace", IBAN, f"user:{other.user_id.hex}", clock.now())
    db.session.commit()
    return payout.id


def make_world() -> World:
    """Two brands, two creators, an operator; and some of everything that the first ones have."""
    brand, other_brand = make_brand(), make_brand("Kite & Co")
    creator, other_creator = make_creator(), make_creator()
    payout = make_payout(creator.creator)
    draft = make_campaign(brand, title="A draft")
    campaign = make_campaign(brand, status="open")
    deposit = db.session.scalars(select(Deposit).filter_by(campaign_id=campaign.id)).one()
    join_program(creator.creator)
    agreement = make_agreement(campaign.id, creator.creator, work="submitted")
    other = make_campaign(brand, status="open", title="Another one")
    asked = ask_for_place(other.id, creator.creator)
    pool = fill_pool(EarningKind.GIFT, Money(5_000, "USD"))
    mail.write("a@b.example", "Hello", "http://a.example", clock.now(), clock.wall_now())
    ref = Ref("evt_1", "transfer.created", False, "transfer", "tr_1", None)
    inbox.store("stripe", "platform", ref, b"{}", {}, clock.wall_now())
    db.session.commit()
    waiting = apply_to_program(make_creator().creator)
    sold = Shop(brand, creator, make_storefront(brand), sell_for(brand, creator))
    sale = tell(sold, order(codes=(sold.code.code,)), refund("20.00", "r1"))
    earning_id = _newest(Earning)
    clawback = make_clawback(db.session.get_one(Earning, earning_id))
    of_the_program = ("application", "approve", "reject", "suspend", "lift")
    challenge = make_challenge(brand, title="A contest")
    entry = make_entry(challenge)
    unfunded = make_challenge(brand, title="A draft", status="draft")
    db.session.commit()
    banked = _banked()
    ids: Ids = {
        **{f"operator.{name}.payout_id": banked for name in ("bank_payment", "bank_not_paid")},
        "file_id": _newest(BankFile),
        "account_id": db.session.scalars(
            select(BankAccount.destination_id).order_by(BankAccount.destination_id.desc()).limit(1)
        ).one(),
        **{f"operator.{name}.application_id": waiting.id for name in of_the_program},
        "brand.transaction.transaction_id": _transaction("deposit", deposit.id),
        "creator.transaction.transaction_id": _transaction("earning", earning_id),
        "operator.transaction.transaction_id": _transaction("payout", payout.id),
        "operator.deposit.deposit_id": pool.id,
        "brand.edit_campaign.campaign_id": draft.id,
        "brand.change_campaign.campaign_id": draft.id,
        "brand.submit_campaign.campaign_id": draft.id,
        "brand.edit_challenge.challenge_id": unfunded.id,
        "brand.change_challenge.challenge_id": unfunded.id,
        "brand.submit_challenge.challenge_id": unfunded.id,
        "challenge_id": challenge.id,
        "entry_id": entry.id,
        "campaign_id": campaign.id,
        "deposit_id": deposit.id,
        "agreement_id": agreement.id,
        **{f"{endpoint}.application_id": asked.id for endpoint in OF_AN_APPLICATION},
        "earning_id": earning_id,
        "clawback_id": clawback.id,
        "payout_id": payout.id,
        "run_id": payout.run_id,
        "creator_id": payout.creator_id,
        "operator.metric_import.import_id": _newest(MetricImport),
        "import_id": _newest(IncomeImport),
        "event_id": _newest(WebhookEvent),
        "difference_id": make_difference(),
        "request_id": _newest(ProcessorRequest),
        "mail_id": _newest(mail.Mail),
        "storefront_id": sold.storefront.id,
        "sale_id": sale.id,
        "public.follow.token": sold.code.link_token,
        "thing_id": payout.id,
        "type": "payout",
        "name": "available",
        "currency": "USD",
        "assets.static.filename": "tokens.css",
        "htmx.static.filename": "htmx.min.js",
        "fonts.static.filename": "Manrope-VariableFont_wght.ttf",
    }
    ids["closing_id"] = _closing()
    people = {
        "brand": brand.user,
        "other_brand": other_brand.user,
        "creator": creator.user,
        "other_creator": other_creator.user,
        "operator": make_operator(),
    }
    token = confirmation.link_token(make_user())
    return World({name: _person(user) for name, user in people.items()}, ids, token)
