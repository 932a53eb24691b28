"""The bank account of the demo world: two files, the first answered, others left as they were."""

from __future__ import annotations

from datetime import timedelta

from marketplace import clock
from marketplace.demo import bank, people
from marketplace.demo.steps import begin, travel
from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.money import Money
from marketplace.payouts.bank_file import BankFile, faults
from marketplace.payouts.payout import Payout
from tests.path.story import Story


def test_one_file_is_paid_and_one_waits_for_the_banks_answer(seen_story: Story) -> None:
    present = clock.wall_now()
    begin(present - timedelta(days=60))
    people.join(clock.now())
    db.session.commit()
    for step in bank.steps(present):
        travel(step.at)
        step.act()
        db.session.commit()
    travel(present)
    files = db.session.query(BankFile).order_by(BankFile.id).all()
    assert [(file.total, faults(file)) for file in files] == [
        (Money(18_000, "EUR"), []),
        (Money(14_000, "EUR"), []),
    ]
    paid = db.session.query(Payout).order_by(Payout.id)
    assert [it.status for it in paid] == ["paid", "sending"]
    left = {
        name: balances.balance(postings.processor_clearing(name), "EUR")
        for name in ("stripe", "bank")
    }
    assert left == {"stripe": Money(0, "EUR"), "bank": bank.MOVED - Money(18_000, "EUR")}
    db.session.rollback()
