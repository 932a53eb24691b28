"""One client process of django-hordak, run by a Python that has it: same words on stdin as ours."""

from __future__ import annotations

import random
import sys
import time

import django
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

PAIRS = 100


def set_up(conninfo: str) -> None:
    found = conninfo_to_dict(conninfo)
    settings.configure(
        SECRET_KEY="x",
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "mptt",
            "hordak",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": found["dbname"],
                "USER": found["user"],
                "PASSWORD": found["password"],
                "PORT": found.get("port", ""),
                "HOST": found["host"],
                "CONN_MAX_AGE": None,
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        CURRENCIES=("USD",),
        DEFAULT_CURRENCY="USD",
    )
    django.setup()


def prepare() -> None:
    """Migrate, and make the accounts if there are none."""
    from django.core.management import call_command
    from hordak.models import Account

    call_command("migrate", verbosity=0)
    for n in range(Account.objects.count(), 2 * PAIRS):
        Account.objects.create(name=f"a{n}", code=f"{n:04d}", type="LI", currencies=["USD"])


def serve() -> None:
    """Answer each line 'case seconds' with transfers per second."""
    from django.db import transaction
    from hordak.models import Account
    from moneyed import Money

    accounts = list(Account.objects.order_by("id"))
    left, right = accounts[:PAIRS], accounts[PAIRS:]
    for line in sys.stdin:
        case, seconds = line.split()
        made, started = 0, time.perf_counter()
        while time.perf_counter() - started < float(seconds):
            source = left[0] if case == "hot" else random.choice(left)
            with transaction.atomic():
                amount = Money(random.randint(1, 10**5) / 100, "USD")
                source.transfer_to(random.choice(right), amount)
            made += 1
        print(made / (time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    set_up(sys.argv[1])
    if sys.argv[2] == "prepare":
        prepare()
    else:
        serve()
