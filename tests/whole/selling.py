"""Rules: what the brand's shop tells of orders, refunds and cancellations, in any order."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from marketplace import clock
from marketplace.commissions import unfunded
from marketplace.commissions.sale import Sale as SaleRow
from marketplace.errors import InsufficientFunds, WrongState
from marketplace.extensions import db
from marketplace.parties.creator import Creator
from marketplace.parties.user import User
from marketplace.storefronts.order import News, buyer_hash
from marketplace.storefronts.storefront import Storefront
from marketplace.webhooks import orders
from tests.commissions import making
from tests.path.machine import PICK, pick
from tests.whole.model import Agreement, Sale
from tests.whole.working import Working
from tests.within import locked

BASE = st.integers(1, 6_000)


class Selling(Working):
    """A shop that tells things early, late, twice, and more than was paid."""

    storefront: Storefront

    def _tell(self, *news: News) -> None:
        orders.apply([(self.storefront, it) for it in news], clock.now())

    def _order(self, sale: Sale, codes: tuple[str, ...], buyer: str, canceled: bool) -> News:
        return making.order(
            str(sale.base),
            sale.ref,
            codes=codes,
            buyer=buyer_hash(buyer),
            placed_at=clock.now(),
            canceled=canceled,
        )

    def _refund(self, sale: Sale, ref: str, minor: int) -> News:
        return making.refund(str(minor), ref, sale.ref)

    def _sold(self, agreement: Agreement | None, base: int) -> Sale:
        return Sale(f"{1000 + len(self.model.sales)}", base, agreement)

    @precondition(lambda self: self.model.agreements)
    @rule(
        n=PICK,
        base=BASE,
        own=st.sampled_from([False, False, False, True]),
        early=st.sampled_from([0, 0, 700, 9_000]),
    )
    def order(self, n: int, base: int, own: bool = False, early: int = 0) -> None:
        """Paid, with a code in any case of letters; its refund may have come first."""
        agreement = self._selling(n)
        counts = not own and not agreement.code_ended
        sale = self._sold(agreement if counts else None, base)
        creator = db.session.get_one(Creator, agreement.earner.id)
        buyer = db.session.get_one(User, creator.user_id).email if own else "buyer@example.com"
        if early:
            self._tell(self._refund(sale, "early", early))
            db.session.commit()
            sale.refunds["early"] = early
        self._tell(self._order(sale, ("NOBODY", agreement.code.swapcase()), buyer, False))
        db.session.commit()
        self.model.learns(sale)
        self.model.sales.append(sale)

    def _selling(self, n: int) -> Agreement:
        """One whose code counts, if one does."""
        every = self.model.agreements
        return pick([it for it in every if not it.code_ended] or every, n)

    @precondition(lambda self: self.model.agreements)
    @rule(n=PICK, bases=st.lists(BASE, min_size=2, max_size=3))
    def orders_at_once(self, n: int, bases: list[int]) -> None:
        """A batch is covered as a whole, or refused."""
        agreement = self._selling(n)
        sales: list[Sale] = []
        for number, base in enumerate(bases):
            ref = f"{1000 + len(self.model.sales) + number}"
            sales.append(Sale(ref, base, None if agreement.code_ended else agreement))
        cost = sum(it.cost for it in sales if it.agreement)
        campaign = agreement.campaign
        room = self.model.room(campaign) if campaign.status == "open" else -1
        short = cost > 0 and cost > room
        told = [self._order(it, (agreement.code,), "b@example.com", False) for it in sales]
        if self.expect(InsufficientFunds if short else None, lambda: self._tell(*told)):
            for sale in sales:
                self.model.learns(sale)
                self.model.sales.append(sale)

    @precondition(lambda self: self.model.sales)
    @rule(n=st.integers(0, 20), part=st.integers(1, 120), known=st.booleans())
    def shop_refunds(self, n: int, part: int, known: bool = False) -> None:
        """A part of what was paid, or more; sometimes told again."""
        sale = pick(self.model.sales, n)
        minor, ref = max(sale.base * part // 100, 1), f"r{len(sale.refunds)}"
        if known and sale.refunds:
            ref, minor = pick(list(sale.refunds.items()), n)
        self._tell(self._refund(sale, ref, minor))
        db.session.commit()
        sale.refunds[ref] = minor
        self.model.learns(sale)

    @precondition(lambda self: self.model.sales)
    @rule(n=st.integers(0, 20))
    def shop_cancels(self, n: int) -> None:
        sale = pick(self.model.sales, n)
        self._tell(self._order(sale, (), "buyer@example.com", True))
        db.session.commit()
        sale.is_canceled = True
        self.model.learns(sale)

    @precondition(lambda self: any(it.status == "unfunded" for it in self.model.sales))
    @rule(n=PICK)
    def brand_pays_a_sale(self, n: int) -> None:
        sale = pick([it for it in self.model.sales if it.status == "unfunded"], n)
        refusal = InsufficientFunds if sale.cost > self.model.free else None
        if self.expect(refusal, lambda: self._pay(sale)):
            self.model.accrues(sale, by_brand=True)

    @precondition(lambda self: any(it.status == "accrued" for it in self.model.sales))
    @rule(n=PICK)
    def nobody_pays_a_sale_twice(self, n: int) -> None:
        sale = pick([it for it in self.model.sales if it.status == "accrued"], n)
        self.expect(WrongState, lambda: self._pay(sale))

    def _pay(self, sale: Sale) -> None:
        row = db.session.query(SaleRow).filter_by(order_ref=sale.ref).one()
        unfunded.pay_from_balance(locked(SaleRow, row.id), "user:1", clock.now())
