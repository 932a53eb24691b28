"""The endpoints of shops: what is signed is stored once and followed, all else is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from marketplace import clock
from marketplace.commissions import booking
from marketplace.commissions.sale import Sale
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.money import Money
from marketplace.statuses import history
from marketplace.storefronts.signature import signature
from marketplace.webhooks import inbox, orders
from marketplace.webhooks.event import WebhookEvent
from tests.commissions.making import SECRET, Shop, make_campaign_shop, make_storefront
from tests.make import make_brand
from tests.storefronts.samples import shopify_order, shopify_refund, woo_order
from tests.webhooks.sender import Sender
from tests.within import within

__all__ = ["within"]

Post = Callable[..., int]
FIXTURES = Path(os.environ.get("MARKETPLACE_FIXTURES", ""))
PAYLOADS = (
    sorted([*FIXTURES.glob("shopify-derived/*.json"), *FIXTURES.glob("shopify_python_api/*.json")])
    if "MARKETPLACE_FIXTURES" in os.environ
    else []
)


@pytest.fixture
def shop(app: Flask) -> Shop:
    return make_campaign_shop()


@pytest.fixture
def post(deliver: Sender) -> Post:
    """Posts a message as the shop would, or otherwise."""

    def send(storefront: Any, body: Any, topic: str = "orders/paid", **instead: Any) -> int:
        software = storefront.software
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            software.signature_header: signature(raw, SECRET),
            software.id_header: new_id().hex,
            software.topic_header: topic,
        }
        named = {"sign": "signature_header", "id": "id_header", "topic": "topic_header"}
        headers |= {getattr(software, named[name]): value for name, value in instead.items()}
        path = f"/webhooks/{storefront.kind}/{storefront.id}"
        db.session.rollback()
        return deliver.post(path, raw, headers)

    return send


def work() -> None:
    while inbox.handle_orders(clock.now()) or inbox.handle_next(clock.now()):
        db.session.rollback()
    db.session.rollback()


def stored() -> list[str]:
    db.session.rollback()
    rows = db.session.query(WebhookEvent).order_by(WebhookEvent.received_at)
    return [event.state for event in rows]


def test_a_signed_order_is_stored_once_and_its_commission_owed(shop: Shop, post: Post) -> None:
    body = shopify_order(discount_codes=[{"code": shop.code.code.swapcase()}])
    for _ in range(3):
        assert post(shop.storefront, body, id="w1") == 200
    assert stored() == ["new"]
    work()
    assert stored() == ["done"]
    sale = db.session.query(Sale).one()
    assert (sale.status, sale.commission_minor) == ("accrued", 1_350)


def test_woocommerce_tells_it_in_its_own_words(app: Flask, post: Post) -> None:
    shop = make_campaign_shop(kind="woocommerce")
    code = [{"code": shop.code.code.lower()}]
    assert post(shop.storefront, woo_order(coupon_lines=code), "order.created") == 200
    refunds = [{"id": 1, "total": "-52.10"}]
    told = woo_order(coupon_lines=code, refunds=refunds)
    assert post(shop.storefront, told, "order.updated") == 200
    work()
    sale = db.session.query(Sale).one()
    assert (sale.status, sale.commission_minor, sale.refunded_minor) == ("accrued", 675, 4_500)


def test_woocommerce_may_ask_whether_somebody_is_there(app: Flask, post: Post) -> None:
    shop = make_storefront(make_brand(), "woocommerce")
    assert post(shop, b"webhook_id=12", sign="") == 200
    assert post(shop, b"webhook_id=12&x=1", sign="") == 401
    assert stored() == []


def test_a_signature_is_proven_over_the_raw_bytes(shop: Shop, post: Post) -> None:
    body = json.dumps(shopify_order()).encode()
    for wrong in (
        "",
        "garbage",
        signature(body, "other"),
        signature(body + b" ", SECRET),
        signature(body, SECRET)[:-1],
        signature(body, SECRET) + "=\xe9",
        signature(body, ""),
    ):
        assert post(shop.storefront, body, sign=wrong) == 401, wrong
    assert post(shop.storefront, body) == 200
    assert stored() == ["new"]


def test_what_is_no_message_is_refused(shop: Shop, post: Post) -> None:
    for body in (b"", b"xx", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"id": NaN}'):
        assert post(shop.storefront, body) == 400, body[:10]
    assert post(shop.storefront, shopify_order(), id="") == 400
    assert post(shop.storefront, shopify_order(), topic="") == 400
    assert post(shop.storefront, b"{" + b" " * 1024 * 1024 + b"}") == 413
    assert stored() == []


def test_an_unknown_shop_or_one_without_a_secret_is_not_there(
    shop: Shop, post: Post, deliver: Sender
) -> None:
    assert deliver.post(f"/webhooks/shopify/{new_id()}", b"{}", {}) == 404
    assert deliver.post(f"/webhooks/woocommerce/{shop.storefront.id}", b"{}", {}) == 404
    assert deliver.post("/webhooks/shopify/x", b"{}", {}) == 404
    assert deliver.post(f"/webhooks/other/{shop.storefront.id}", b"{}", {}) == 404
    shop.storefront.secret = None
    db.session.commit()
    assert post(shop.storefront, shopify_order(), sign=signature(b"", "")) == 404


def test_a_delivery_id_counts_within_its_shop_alone(shop: Shop, post: Post) -> None:
    other = make_storefront(make_brand())
    assert post(shop.storefront, shopify_order(), id="w1") == 200
    assert post(other, shopify_order(), id="w1") == 200
    assert stored() == ["new", "new"]


def test_an_unknown_topic_is_stored_and_ignored(shop: Shop, post: Post) -> None:
    assert post(shop.storefront, {"id": 1}, "products/update") == 200
    work()
    assert stored() == ["ignored"]


def test_a_topic_of_other_software_is_ignored_too(shop: Shop, post: Post) -> None:
    assert post(shop.storefront, shopify_order(), "order.created") == 200
    work()
    assert stored() == ["ignored"]
    assert db.session.query(Sale).count() == 0


def test_an_order_that_cannot_be_read_is_quarantined_and_others_go_on(
    shop: Shop, post: Post
) -> None:
    assert post(shop.storefront, shopify_order(currency="EUR")) == 200
    assert post(shop.storefront, shopify_order(id=2)) == 200
    work()
    assert stored() == ["quarantined", "done"]
    assert [sale.order_ref for sale in db.session.query(Sale)] == ["2"]


def test_orders_that_are_not_all_covered_are_taken_one_by_one(app: Flask, post: Post) -> None:
    shop = make_campaign_shop(reserved_minor=2_000)
    for number in range(3):
        body = shopify_order(id=number + 1, discount_codes=[{"code": shop.code.code}])
        assert post(shop.storefront, body) == 200
    work()
    assert stored() == ["done"] * 3
    assert sorted(sale.status for sale in db.session.query(Sale)) == [
        "accrued",
        "unfunded",
        "unfunded",
    ]


@pytest.mark.parametrize(
    ("topic", "odd", "end", "refunded_minor"),
    [
        ("orders/paid", {"cancelled_at": "2026-11-02T10:00:00-05:00"}, "nothing_due", 0),
        ("orders/create", {"financial_status": "pending"}, "recorded", 0),
        ("orders/paid", {"refunds": [shopify_refund()]}, "accrued", 4_500),
    ],
)
def test_an_order_that_is_not_simply_paid_is_none_for_bulk(
    shop: Shop, post: Post, topic: str, odd: dict[str, Any], end: str, refunded_minor: int
) -> None:
    code = [{"code": shop.code.code}]
    assert post(shop.storefront, shopify_order(id=1, discount_codes=code)) == 200
    assert post(shop.storefront, shopify_order(id=2, discount_codes=code, **odd), topic) == 200
    work()
    sale = db.session.query(Sale).filter_by(order_ref="2").one()
    assert (sale.status, sale.refunded_minor) == (end, refunded_minor)


def test_what_the_database_refuses_is_tried_again_and_others_go_on(
    shop: Shop, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = orders.apply

    def too_much(told: Sequence[Any], at: Any) -> None:
        taken(told, at)
        for sale in db.session.query(Sale).filter_by(order_ref="1"):
            sale.base_minor = 2**63

    monkeypatch.setattr(orders, "apply", too_much)
    assert post(shop.storefront, shopify_order(id=1)) == 200
    assert post(shop.storefront, shopify_order(id=2)) == 200
    work()
    assert stored() == ["retry", "done"]


def test_the_terms_of_a_code_stand(shop: Shop, app_role: psycopg.Connection[Any]) -> None:
    for column in ("rate_bps", "platform_fee_bps", "source_owner"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_role.execute(f"UPDATE promo_code SET {column} = {column}")
        app_role.rollback()


def test_many_fresh_orders_end_as_each_would_alone(
    shop: Shop, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Owed, nobody's, free, bought by the creator: in bulk, and one by one in another shop."""
    other = Shop(shop.team, shop.creator, make_storefront(shop.team), shop.code)
    code = [{"code": shop.code.code}]
    bodies = [
        shopify_order(id=1, discount_codes=code),
        shopify_order(id=2, discount_codes=[]),
        shopify_order(id=3, discount_codes=code, subtotal_price="0.00", subtotal_price_set=None),
        shopify_order(id=4, discount_codes=code, email=shop.creator.user.email),
        shopify_order(id=5, discount_codes=code, test=True),
    ]
    taken: list[int] = []
    alone = booking.take

    def take(told: Sequence[booking.Told], *rest: Any) -> None:
        taken.append(len(told))
        alone(told, *rest)

    monkeypatch.setattr(booking, "take", take)
    for one in (shop, other):
        for body in bodies:
            assert post(one.storefront, body) == 200
            if one is other:
                work()
        work()
    assert stored() == ["done"] * 10
    assert taken == [1] * 5
    ends: dict[Any, set[Any]] = {}
    for sale in db.session.query(Sale):
        facts = {column.key: getattr(sale, column.key) for column in Sale.__table__.columns}
        for own in ("id", "storefront_id", "created_at", "status_at", "earning_id"):
            facts.pop(own)
        moves = [(it.event, it.from_status, it.to_status, it.reason) for it in history(sale)]
        ends.setdefault(sale.order_ref, set()).add(f"{facts} {moves}")
        assert (sale.earning_id is not None) is (sale.order_ref == "1")
    assert [len(ends[ref]) for ref in sorted(ends)] == [1] * 5, ends


def test_a_refund_that_overtakes_its_order_counts(shop: Shop, post: Post) -> None:
    body = shopify_order(discount_codes=[{"code": shop.code.code}])
    assert post(shop.storefront, shopify_refund(), "refunds/create") == 200
    work()
    assert db.session.query(Sale).one().status == "awaited"
    assert post(shop.storefront, body) == 200
    work()
    sale = db.session.query(Sale).one()
    assert (sale.status, sale.commission_minor) == ("accrued", 675)


def test_a_message_that_fails_twenty_times_is_parked_until_it_is_replayed(
    shop: Shop, post: Post, monkeypatch: pytest.MonkeyPatch, owner: psycopg.Connection[Any]
) -> None:
    assert post(shop.storefront, shopify_order()) == 200
    owner.autocommit = True
    with monkeypatch.context() as patched:
        patched.setattr(orders, "apply", lambda told, at: 1 / 0)
        for _ in range(25):
            owner.execute("UPDATE webhook_event SET next_try_at = received_at")
            work()
    event = db.session.query(WebhookEvent).one()
    assert (event.state, event.tries) == ("parked", inbox.TRIES_MAX)
    assert "ZeroDivisionError" in (event.last_error or "")
    inbox.replay(event)
    db.session.commit()
    work()
    assert stored() == ["done"]
    assert db.session.query(Sale).one().status == "unattributed"


def test_a_replayed_message_changes_nothing(shop: Shop, post: Post) -> None:
    body = shopify_order(discount_codes=[{"code": shop.code.code}])
    post(shop.storefront, body)
    post(shop.storefront, shopify_refund(), "refunds/create")
    work()
    before = db.session.query(Sale).one().commission_minor
    for event in db.session.query(WebhookEvent):
        inbox.replay(event)
    db.session.commit()
    work()
    assert db.session.query(Sale).one().commission_minor == before == 675


def test_only_an_open_campaign_takes_clawed_money_back(app: Flask) -> None:
    from tests.make import make_campaign

    for status, is_open in (("open", True), ("closed", False), ("canceled", False)):
        campaign = make_campaign(make_brand(), status=status)
        assert (orders.room(campaign.ledger_owner) is not None) is is_open
        db.session.rollback()
    assert orders.room(f"campaign:{new_id().hex}") is None


@pytest.mark.skipif(not PAYLOADS, reason="MARKETPLACE_FIXTURES names no folder with payloads")
def test_every_known_payload_runs_through_to_its_end(app: Flask, post: Post) -> None:
    """Dollars and yen; text and numbers; any number of codes; refunds with and without lines."""
    team = make_brand()
    shops = {currency: make_storefront(team, currency=currency) for currency in ("USD", "JPY")}
    messages = 0
    for path in PAYLOADS:
        body = json.loads(path.read_text())
        if not isinstance(body, dict):
            assert post(shops["USD"], body, path.stem) == 400, path.name
            continue
        messages += 1
        topic = "/".join(path.stem.partition("--")[0].split("-"))
        if path.parent.name == "shopify_python_api":
            body = body.get(path.stem, body) if path.stem in ("order", "refund") else body
            topic = {"order": "orders/paid", "refund": "refunds/create"}.get(path.stem, path.stem)
        shop = shops["JPY" if body.get("currency") == "JPY" else "USD"]
        for _ in range(2):
            assert post(shop, body, topic, id=path.name) == 200, path.name
    work()
    states = stored()
    assert len(states) == messages
    assert set(states) == {"done", "ignored"}
    assert states.count("done") == 11
    sales = {sale.order_ref: sale for sale in db.session.query(Sale)}
    assert sales["6525950320004"].base == Money(13_500, "JPY")
    assert sales["6525950320002"].codes == ["creator10", "FREESHIP"]
    assert sales["6525950320003"].codes == []
    canceled = sales["6525950320001"]
    assert (canceled.is_canceled, canceled.refunded_minor) == (True, 9_500)
    assert canceled.base_minor == 9_000
