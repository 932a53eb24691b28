"""An operator takes back what was paid out, on the earning's page; its creator reads the debt."""

from __future__ import annotations

from typing import Any

from marketplace.database.identifier import new_id
from marketplace.earnings.clawback import Clawback
from marketplace.extensions import db
from tests.earnings.test_taking_back import only_earning, paid_out
from tests.web.browsers import creator_browser
from tests.web.operating import Operating, operating

__all__ = ["operating"]

EVIDENCE = "The bank decided the dispute about it against us."
FIELDS: dict[str, Any] = {
    **{"currency": "USD", "amount": "120.00", "again": "120.00"},
    **{"reason": "chargeback", "evidence": EVIDENCE},
}


def test_what_was_paid_out_is_taken_back_once_and_its_creator_reads_why_and_what_they_owe(
    operating: Operating,
) -> None:
    creator = creator_browser(operating.app, "ines")
    with creator.creator() as person:
        paid_out(person, "150.00 USD")
        earning_id = only_earning().id
    earning = f"/operator/payouts/earnings/{earning_id}"
    path = f"{earning}/take-back"
    assert path in operating.see(earning)
    assert "which later payouts repay by a quarter at most" in operating.see(path)

    slip = operating.send(path, **(FIELDS | {"again": "12.00"}))
    assert (slip.status_code, "Type the same amount as above." in slip.text) == (422, True)
    assert EVIDENCE in slip.text, "what was typed is kept"
    much = operating.send(path, **(FIELDS | {"amount": "150.01", "again": "150.01"}))
    assert (much.status_code, "the creator keeps no more of it" in much.text) == (422, True)

    key = new_id()
    for _ in range(2):
        reply = operating.send(path, key, **FIELDS)
        assert (reply.status_code, reply.location) == (303, earning)
    assert operating.within(lambda: db.session.query(Clawback).one().debt_minor) == 12_000
    assert EVIDENCE in operating.see(earning)

    page = creator.get("/creator").text
    assert "$120.00" in page
    assert "At most 25% of each payout repays it." in page
    life = creator.get(f"/creator/earnings/{earning_id}", follow_redirects=True).text
    assert EVIDENCE in life
    assert "became debt" in life
