"""What operators do by hand instead of on a page: bring income, decide about payouts, run them."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from marketplace import clock
from marketplace.earnings.earning import Earning, EarningKind
from marketplace.extensions import db
from marketplace.ledger import balances, postings
from marketplace.money import Money
from marketplace.payouts import leaving
from marketplace.payouts.payout import Payout
from marketplace.statuses import StatusChange
from tests.make import (
    earn_matured,
    fill_pool,
    make_creator,
    make_destination,
    make_operator,
    make_payout,
)
from tests.within import locked, within

__all__ = ["within"]

GOOD = "reference,handle,amount,currency,earned_on\nR-1,ines,120.00,USD,2026-01-15\n"


def run(app: Flask, *arguments: str) -> Result:
    db.session.remove()
    return app.test_cli_runner().invoke(args=arguments)


def earnings() -> int:
    return db.session.scalars(select(func.count()).select_from(Earning)).one()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one good row, for a creator that there is and a pool that covers it."""
    make_creator("ines")
    fill_pool(EarningKind.FUND, Money(20_000, "USD"))
    path = tmp_path / "income.csv"
    path.write_text(GOOD)
    return path


def bring(app: Flask, path: Path, *more: str) -> Result:
    return run(app, "income", "import", "--kind", "fund", str(path), *more)


def test_a_file_is_imported_and_reported_row_by_row(app: Flask, file: Path) -> None:
    done = bring(app, file)
    assert done.exit_code == 0, done.output
    assert "accepted  R-1" in done.output
    assert "1 accepted, 0 known, 0 refused" in done.output
    again = bring(app, file)
    assert (again.exit_code, earnings()) == (0, 1)
    assert "0 accepted, 1 known, 0 refused" in again.output


def test_a_refused_row_is_reported_and_the_command_fails(app: Flask, file: Path) -> None:
    file.write_text(GOOD + "R-2,nobody,1.00,USD,2026-01-15\n")
    done = bring(app, file)
    assert done.exit_code == 1
    assert "handle: no creator is called nobody" in done.output
    assert earnings() == 1, "the good row was taken"


@pytest.mark.parametrize("content", ["no header\n", GOOD.replace("120.00", "900.00")])
def test_a_file_that_is_refused_as_a_whole_changes_nothing(
    app: Flask, file: Path, content: str
) -> None:
    file.write_text(content)
    done = bring(app, file)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert "Traceback" not in done.output
    assert earnings() == 0


def test_it_is_said_which_operator_decides(app: Flask, file: Path) -> None:
    email = make_operator().email
    assert "say which one with --as" in bring(app, file).output
    assert earnings() == 0
    assert "no operator with the address" in bring(app, file, "--as", "x@y.example").output
    assert bring(app, file, "--as", email.upper()).exit_code == 0


def test_payouts_are_listed_canceled_and_run(app: Flask) -> None:
    payout = make_payout(make_creator("ines").creator)
    id, owner = str(payout.id), payout.creator_owner
    operator = make_operator()
    actor, named = f"user:{operator.id.hex}", ("--as", operator.email)
    assert f"{id}  @ines  150.00 USD  reserved" in run(app, "payouts", "list").output
    assert run(app, "payouts", "list", "--status", "paid").output == ""
    assert run(app, "payouts", "release", id, *named).exit_code == 1, "it is not held"
    assert run(app, "payouts", "cancel", id).exit_code == 2, "it needs a reason"

    done = run(app, "payouts", "cancel", id, "--reason", "asked for", *named)
    assert (done.exit_code, done.output) == (0, f"payout {id} is canceled\n")
    assert balances.balance(postings.creator_available(owner), "USD") == Money(15_000, "USD")
    last = db.session.query(StatusChange).filter_by(thing_id=UUID(id), event="cancel").one()
    assert (last.actor, last.reason) == (actor, "asked for")

    again = run(app, "payouts", "cancel", id, "--reason", "asked for", *named)
    assert again.exit_code == 1
    assert "Traceback" not in again.output


def test_a_payout_that_was_sent_is_not_canceled(app: Flask) -> None:
    payout = make_payout(make_creator().creator)
    leaving.may_send(locked(Payout, payout.id), clock.now())
    db.session.commit()
    id, run_id, named = str(payout.id), str(payout.run_id), ("--as", make_operator().email)
    done = run(app, "payouts", "cancel", id, "--reason", "too late", *named)
    assert done.exit_code == 1
    assert "sending" in done.output
    missing = run(app, "payouts", "cancel", run_id, "--reason", "nobody's", *named)
    assert "there is no payout" in missing.output


def test_who_runs_the_runs_by_hand_and_says_so_is_their_maker(app: Flask) -> None:
    operator = make_operator()
    make_creator()
    assert "payout runs: 1" in run(app, "payouts", "run", "--as", operator.email).output
    made = db.session.query(StatusChange).filter_by(thing="payout_run", event="create").one()
    assert made.actor == f"user:{operator.id.hex}"


def test_runs_that_are_due_are_opened_decided_and_handed_over(app: Flask) -> None:
    assert run(app, "payouts", "run").output == "", "nobody is on a schedule"
    creator = make_creator().creator
    earn_matured(creator, "150.00 USD")
    make_destination(creator)
    done = run(app, "payouts", "run")
    assert done.exit_code == 0, done.output
    assert "payout run lines: 1" in done.output
    assert "payouts to ask for: 1" in done.output
    assert db.session.query(StatusChange).filter_by(event="lock").one().actor == "system"
    assert db.session.query(Payout).one().status == "reserved", "the worker sends"
