"""Money that operators bring in the demo world: pools are filled, income is imported from them."""

from __future__ import annotations

from collections.abc import Mapping

from marketplace import clock
from marketplace.demo import people
from marketplace.demo.steps import base_url, form_key, pay
from marketplace.earnings.earning import EarningKind
from marketplace.funding import deposit as deposits
from marketplace.funding.deposit import Purpose
from marketplace.income.importing import import_income
from marketplace.money import Money
from marketplace.payouts.threshold import currencies


def fill(purpose: Purpose, amount: Money) -> None:
    """An operator pays so much into a pool."""
    operator = people.operator()
    deposit = deposits.request(
        purpose,
        amount,
        requested_by=operator.id,
        payer_email=operator.email,
        form_key=form_key(f"{purpose}{amount}"),
        site_url=f"{base_url()}/operator",
        description=f"Top-up of the {purpose.value.replace('_', ' ')}",
        at=clock.now(),
    )
    pay(deposit)


def bring(kind: EarningKind, filename: str, amounts: Mapping[str, str]) -> None:
    """Import a file: amounts such as '240.10 USD' by creators' handles."""
    rows = [
        f"{filename}-{line},{handle},{amount.replace(' ', ',')},{clock.now().date()}"
        for line, (handle, amount) in enumerate(amounts.items(), start=1)
    ]
    content = "\n".join(["reference,handle,amount,currency,earned_on", *rows]).encode()
    import_income(
        kind,
        filename,
        content,
        uploaded_by=people.operator().id,
        form_key=form_key(filename),
        currencies=currencies(clock.now()),
        at=clock.now(),
    )
