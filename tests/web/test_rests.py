"""The rest of a closing account: an operator writes down how it was paid another way."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from marketplace import clock
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.parties import closing
from marketplace.payouts import rest, threshold
from marketplace.payouts.rest import RestPayment
from tests.make import earn_matured, make_creator
from tests.web.operating import Operating, operating

__all__ = ["operating"]

REASON = "In cash, at the office."
FIELDS: dict[str, Any] = {
    **{"currency": "HUF", "processor": "stripe", "reference": "R-1", "reason": REASON}
}


def closing_with_a_rest() -> UUID:
    creator = make_creator("rita").creator
    threshold.adopt(Money(3_500_000, "HUF"), clock.now().date(), "user:1", clock.now())
    earn_matured(creator, "0.67 HUF")
    begun = closing.begin(creator.id, "asked for", "user:1", clock.now())
    db.session.commit()
    assert rest.look_next(clock.now())
    db.session.commit()
    return begun.id


@pytest.mark.parametrize("wrong", ["USD", "huf", "x", "\u0301\u0301\u0301", ""])
def test_a_currency_in_which_there_is_no_rest_is_refused_and_what_was_typed_is_kept(
    operating: Operating, wrong: str
) -> None:
    id = operating.within(closing_with_a_rest)
    path = f"/operator/payouts/closings/{id}/rest"
    refused = operating.send(path, **(FIELDS | {"currency": wrong}))
    assert refused.status_code == 422
    assert REASON in refused.text
    assert operating.within(lambda: db.session.query(RestPayment).count()) == 0


def test_a_rest_is_written_down_once_however_often_the_form_is_sent(operating: Operating) -> None:
    id = operating.within(closing_with_a_rest)
    path = f"/operator/payouts/closings/{id}/rest"
    page = operating.see(path)
    assert "less than can be sent to their account" in page
    for _ in range(2):
        reply = operating.send(path, **FIELDS)
        assert (reply.status_code, reply.location) == (303, "/operator/payouts/closings")
    paid = operating.within(lambda: db.session.query(RestPayment).one())
    assert (paid.amount, paid.reference) == (Money(67, "HUF"), "R-1")
    other = operating.send(path, **(FIELDS | {"reference": "R-2"}))
    assert other.status_code < 500, "nothing is left to pay"
