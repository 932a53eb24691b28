"""The public page about our cash, and the end of an account, at browsers."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace import clock
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties.closing import AccountClosing
from marketplace.payouts import leaving, solvency, sweep
from marketplace.payouts.gate import Lift
from marketplace.payouts.payout import Payout
from marketplace.processors.listing import Cash
from marketplace.web import solvency_alarms
from marketplace.webhooks import converge
from tests.make import (
    do_runs,
    earn_matured,
    make_creator,
    make_destination,
    run_after_maturity,
    transfer_of,
)
from tests.web.browsers import Browser, creator_browser, only, rows
from tests.web.operating import Operating, operating
from tests.within import locked

__all__ = ["operating"]


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def owed(app: Flask) -> None:
    """150.00 USD are owed to a creator called ines."""
    with app.app_context():
        earn_matured(make_creator("ines").creator, "150.00 USD")


def measured(app: Flask, cash: Cash | None) -> None:
    with app.app_context():
        said = {"stripe": None if cash is None else {"USD": cash}}
        solvency.record(solvency.books(), said, clock.now())
        db.session.commit()


def told(client: FlaskClient) -> list[dict[str, Any]]:
    """The rows in dollars as programs read them."""
    answer = client.get("/solvency.json").json
    assert answer is not None
    rows: list[dict[str, Any]] = answer["USD"]
    return rows


def alarms(app: Flask) -> list[tuple[str, str]]:
    with app.test_request_context():
        return [(it.title, it.tone) for it in solvency_alarms.alarms()]


def test_before_anything_was_measured_the_page_says_so(client: FlaskClient) -> None:
    assert "Nothing was measured yet" in client.get("/solvency").text
    assert client.get("/solvency.json").json == {}


def test_everybody_reads_what_is_there_and_what_is_owed_and_nobody_is_named(
    app: Flask, client: FlaskClient, owed: None
) -> None:
    measured(app, Cash(usd(15_000), usd(1_200)))
    page = client.get("/solvency").text
    for said in ("$162.00", "of it $12.00 not available yet", "$150.00", "Covered"):
        assert said in page
    assert "ines" not in page.replace("lines", "")
    assert 'href="/solvency"' in client.get("/").text
    (row,) = told(client)
    assert (row["state"], row["cash"], row["of_it_not_available_yet"]) == ("covered", 16_200, 1_200)
    assert (row["owed_to_creators"], row["left_for_the_marketplace"]) == (15_000, 1_200)
    assert alarms(app) == []


def test_a_shortfall_is_said_to_everybody_and_alarms_operators(
    app: Flask, client: FlaskClient, owed: None, operating: Operating
) -> None:
    measured(app, Cash(usd(14_930), usd(0)))
    page = client.get("/solvency").text
    assert "Payouts in USD have stopped: $0.70 are missing" in page
    assert "Short by $0.70" in page
    assert alarms(app) == [("Currencies that are short", "bad")]
    assert "Currencies that are short" in operating.see("/operator")


def test_the_creator_reads_why_nothing_leaves_and_where_the_figures_are(
    app: Flask, owed: None
) -> None:
    creator = creator_browser(app)
    with creator.creator() as row:
        earn_matured(row, "100.00 USD")
        make_destination(row)
    measured(app, Cash(usd(0), usd(0)))
    page = creator.get("/creator").text
    assert "Payouts in USD have stopped" in page
    assert "our cash lacks $250.00" in page


def test_what_is_not_known_is_shown_with_its_age(
    app: Flask, client: FlaskClient, owed: None
) -> None:
    measured(app, None)
    page = client.get("/solvency").text
    assert "Not known" in page
    assert "a processor did not answer" in page
    (row,) = told(client)
    assert (row["state"], row["cash"]) == ("unknown", None)
    assert alarms(app) == [("Cash that is not known", "wait")]


# ---- the end of an account


@pytest.fixture
def creator(app: Flask) -> Browser:
    """12.34 USD available; an active destination."""
    browser = creator_browser(app)
    with browser.creator() as row:
        earn_matured(row, "12.34 USD")
        make_destination(row)
    return browser


def test_a_creator_closes_their_account_by_saying_so_and_still_reads(
    app: Flask, creator: Browser
) -> None:
    assert "$12.34 is still owed to you." in creator.get("/creator/close").text
    assert creator.post("/creator/close").status_code == 422
    assert rows(app, AccountClosing) == []
    assert creator.post("/creator/close", confirm="yes").status_code == 303
    home = creator.get("/creator").text
    assert "Paid below the threshold because your account closes." in home
    for path in ("/creator", "/creator/statement", "/creator/payouts", "/creator/campaigns"):
        assert "Your account is closing" in creator.get(path).text
    assert "Your account is closing" in creator.again().get("/creator").text
    assert creator.post("/creator/close", confirm="yes").status_code == 422
    assert len(rows(app, AccountClosing)) == 1


def test_an_operator_closes_an_account_for_a_reason_that_its_creator_reads(
    app: Flask, creator: Browser, operating: Operating
) -> None:
    path = f"/operator/creators/{creator.id}/close"
    assert operating.send(path, reason="").status_code == 422
    reason = "Three accounts of one person."
    assert operating.send(path, reason=reason).status_code == 303
    assert only(app, AccountClosing).reason == reason
    listed = operating.see("/operator/payouts/closings")
    assert reason in listed
    assert "$12.34" in listed
    assert reason in operating.see(path)
    assert reason in creator.get("/creator").text


def test_a_payout_below_the_threshold_says_why_wherever_it_is_shown(
    app: Flask, creator: Browser, operating: Operating
) -> None:
    creator.post("/creator/close", confirm="yes")
    foreseen = operating.see("/operator/payouts/runs/next?rhythm=weekly&zone=Europe%2FParis")
    assert "Paid below the threshold because the account closes." in foreseen
    with creator.creator() as row:
        do_runs(run_after_maturity(row))
        payout = locked(Payout, db.session.query(Payout.id).scalar())
        assert leaving.may_send(payout, clock.now())
        converge.apply(transfer_of(payout), clock.now())
        db.session.commit()
        payout_id, run_id, month = payout.id, payout.run_id, f"{clock.now():%Y-%m}"
    for path in (f"/creator/payouts/{payout_id}", f"/creator/statement?month={month}"):
        said = creator.get(path).text
        assert "Paid below the threshold because your account closes." in said, path
    for path in (f"/operator/payouts/{payout_id}", f"/operator/payouts/runs/{run_id}"):
        said = operating.see(path)
        assert "Paid below the threshold because the account closes." in said, path


def test_operators_see_which_sweeps_are_on_and_who_decided(
    app: Flask, operating: Operating
) -> None:
    assert "Each rule is off until somebody adopts it." in operating.see("/operator/thresholds")
    with app.app_context():
        actor = f"user:{operating.person.id.hex}"
        sweep.adopt(Lift.YEARLY, True, clock.now().date(), actor, clock.now())
        db.session.commit()
    page = operating.see("/operator/thresholds")
    assert "on from" in page
    assert operating.person.name in page
