"""A worker of a bench: handles orders of shops as ours does, until told how many are sales."""

from __future__ import annotations

import gc
import sys
import time

from sqlalchemy import func, select

from marketplace import clock, create_app
from marketplace.commissions.sale import Sale
from marketplace.extensions import db
from marketplace.webhooks import inbox
from tests.harness import Ports, settings_for_tests

PAUSE_S = 0.005


def main(database_url: str) -> None:
    """Answer each line 'orders count' once there are so many sales, with what it handled itself."""
    app = create_app(settings_for_tests(database_url, Ports(web=1, sandbox=1)))
    with app.app_context():
        for line in sys.stdin:
            print(_handle_until(float(line.split()[1])), flush=True)


def _handle_until(sales: float) -> int:
    batches = 0
    while True:
        if inbox.handle_orders(clock.now()):
            batches += 1
        elif (db.session.scalar(select(func.count()).select_from(Sale)) or 0) >= sales:
            db.session.remove()
            return batches
        else:
            time.sleep(PAUSE_S)
        db.session.remove()


if __name__ == "__main__":
    gc.freeze()  # as the worker does
    main(sys.argv[1])
