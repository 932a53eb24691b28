"""What happens by itself when sandbox time comes to it, also when the clock is moved past it."""

from __future__ import annotations

from collections.abc import Callable

from marketplace.sandbox import checkout, disputes, payouts, paypal_payouts, refunds
from marketplace.sandbox.world import Act, World

KINDS: dict[str, Callable[[Act, str], None]] = {
    "expire_session": checkout.expire,
    "bank_payout": payouts.pay_out,
    "settle_refund": refunds.settle,
    "fail_refund": refunds.fail,
    "dispute_unanswered": disputes.unanswered,
    "paypal_process": paypal_payouts.process,
    "paypal_unclaimed_for_30_days": paypal_payouts.end_unclaimed,
    "paypal_refunded": lambda act, id: paypal_payouts.move(act, id, "REFUNDED"),
    "paypal_reversed": lambda act, id: paypal_payouts.move(act, id, "REVERSED"),
}


def run_due(world: World) -> None:
    """Run everything that is due, earliest first, each in its own act."""
    while True:
        with world.act() as act:
            task = act.sql.execute(
                "SELECT * FROM task WHERE due_at <= ? ORDER BY due_at, id LIMIT 1", (act.now,)
            ).fetchone()
            if task is None:
                return
            act.sql.execute("DELETE FROM task WHERE id = ?", (task["id"],))
            KINDS[task["kind"]](act, task["subject"])
