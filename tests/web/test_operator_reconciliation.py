"""Operators read what does not agree, how old it is, what it means, and explain it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import update

from marketplace import clock, statuses
from marketplace.extensions import db
from marketplace.processors.listing import Movement
from marketplace.reconciliation.difference import Difference, Leg
from marketplace.reconciliation.mirror import mirror
from marketplace.reconciliation.run import ReconciliationRun
from tests.make import fill_pool, make_difference
from tests.processors.make import usd
from tests.web.operating import Operating, operating

__all__ = ["operating"]

PAGE = "/operator/webhooks/compared"


def fresh(operating: Operating, id: UUID) -> Difference:
    return operating.within(lambda: db.session.get_one(Difference, id))


def test_where_nothing_was_compared_the_page_says_what_will_happen(operating: Operating) -> None:
    assert "Nothing was compared yet" in operating.see(PAGE)
    assert "flask processors reconcile" in operating.see(PAGE)


def test_differences_are_listed_with_both_sums_and_their_age(operating: Operating) -> None:
    clock.set_offset(timedelta(hours=-2))
    id = operating.within(make_difference)
    clock.set_offset(timedelta(0))
    for path in (PAGE, f"{PAGE}?status=open"):
        page = operating.see(path)
        assert f"{PAGE}/{id}" in page
        assert "To our own bank" in page
        assert "$100.00" in page
        assert "2 hours ago" in page
    assert "No such differences" in operating.see(f"{PAGE}?status=explained")
    assert "The latest runs" in operating.see(PAGE)


def test_a_run_that_found_nothing_says_that_everything_agrees(operating: Operating) -> None:
    id = operating.within(make_difference)

    def close() -> None:
        found = db.session.get_one(Difference, id)
        statuses.advance(found, "close", clock.now(), statuses.SYSTEM, "the sums agree now")
        db.session.commit()

    operating.within(close)
    assert "Gone" in operating.see(PAGE)
    assert "It is gone" in operating.see(f"{PAGE}/{id}")


def test_each_kind_of_difference_says_what_it_means(operating: Operating) -> None:
    kinds = {
        "that our books do not have": lambda: make_difference(-100, 0),
        "that the processor does not list": lambda: make_difference(0, 100),
        "Both moved money": lambda: make_difference(200, 100, type="charge"),
        "of which no event was followed": lambda: make_difference(200, 0, leg=Leg.INBOX),
    }
    for meaning, make in kinds.items():
        page = operating.see(f"{PAGE}/{operating.within(make)}")
        assert meaning in page
        assert "An operator, by " in page


def test_a_difference_shows_what_nothing_on_the_other_side_fits(operating: Operating) -> None:
    def make() -> UUID:
        """A payment at the processor that is not ours, and one of ours that is not there."""
        fill_pool("fund", usd(5_000))  # type: ignore[arg-type]
        theirs = Movement(
            "txn_foreign", "charge", usd(700), usd(0), clock.now(), "ch_foreign", "payment", "pi_1"
        )
        mirror("stripe", [theirs])
        return make_difference(700, 5_000, type="charge")

    page = operating.see(f"{PAGE}/{operating.within(make)}")
    assert "txn_foreign" in page
    assert "ch_foreign" in page
    assert "Pool filled" in page


def test_an_explanation_is_kept_with_its_author(operating: Operating) -> None:
    id = operating.within(make_difference)
    reply = operating.send(f"{PAGE}/{id}", note="It is on its way to PayPal.")
    assert reply.status_code == 303
    page = operating.see(reply.location)
    assert "It is explained." in page
    assert "It is on its way to PayPal." in page
    assert operating.person.name in page
    assert fresh(operating, id).status == "explained"

    again = operating.send(f"{PAGE}/{id}", note="It is on its way to PayPal.")
    assert again.status_code == 303
    assert fresh(operating, id).status == "explained"


def test_an_explanation_that_says_nothing_is_refused_and_what_was_typed_is_kept(
    operating: Operating,
) -> None:
    id = operating.within(make_difference)
    for note in ("", "<>", "x" * 501):
        reply = operating.send(f"{PAGE}/{id}", note=note)
        assert reply.status_code == 422
        assert note[:500].replace("<", "&lt;").replace(">", "&gt;") in reply.text
    assert fresh(operating, id).status == "open"


def test_a_run_that_does_not_end_is_an_alarm(operating: Operating) -> None:
    operating.within(make_difference)
    assert "A comparison that is late" not in operating.see("/operator")

    def hang() -> None:
        started = clock.now() - timedelta(hours=7)
        db.session.execute(
            update(ReconciliationRun).values(
                state="events", finished_at=None, started_at=started, last_error="no <answer>"
            )
        )
        db.session.commit()

    operating.within(hang)
    assert "A comparison that is late" in operating.see("/operator")
    assert "no &lt;answer&gt;" in operating.see(PAGE)
