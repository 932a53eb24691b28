"""The waiting page of a deposit: on to the hosted page, and back, until the money counts.

The worker asks for the hosted page, so this page waits a moment for it and goes on by itself. What
the way back says is not believed: money counts once a payment was fetched from the processor.
"""

from __future__ import annotations

from typing import Any

from flask import Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from marketplace import clock
from marketplace.extensions import db
from marketplace.funding.deposit import Deposit, DepositStatus, payer_returned

# In the address: send the payer on to the hosted page as soon as there is one.
ONWARD: dict[str, Any] = {"onward": "1"}


def waiting_page(
    deposit: Deposit, *, what: str, back_url: str, back_label: str
) -> ResponseReturnValue:
    """Where a deposit stands; or, if the payer has just asked for it, the hosted page.

    Args:
        what: what is paid for, such as a campaign's title.
        back_url: where the payer goes from here; `back_label` names it.
    """
    pending = deposit.status == DepositStatus.PENDING
    if pending and "onward" in request.args and deposit.checkout_url:
        return _away(deposit.checkout_url)
    returned = request.args.get("returned")
    if pending and returned == "paid" and not deposit.is_checked_soon(clock.now()):
        payer_returned(deposit.id, clock.now())
        db.session.commit()
    return render_template(
        "shared/deposit.html",
        deposit=deposit,
        what=what,
        back_url=back_url,
        back_label=back_label,
        paying=pending and returned != "paid",
        waits=deposit.status == DepositStatus.CREATED or (pending and returned == "paid"),
    )


def _away(url: str) -> ResponseReturnValue:
    """To another site; a request of htmx cannot follow there by itself."""
    if "HX-Request" in request.headers:
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, 303)
