"""Faults, armed per call or per event, and what fired.

    {"on": "transfers.create", "fault": "timeout_after_success", "times": 1, "hold_s": 0.5}
    {"on": "webhook.transfer.created", "fault": "duplicate", "n": 3}
    {"on": "webhook.*", "fault": "lost", "times": null}          null: every time
    {"on": "transfers.*", "fault": "reset_before", "times": null, "about": "acct_1"}

What each does is said beside its name below. `on` is a call, an event type after `webhook.`, or
either with a trailing `*`; a bare `*` means every call. The first armed fault that fits is taken; a
call's own name is in api.ROUTES. One that is `about` something fits only calls that name it: an
account, say, or a transfer group.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from marketplace.sandbox.world import Act

# Nothing is executed, nothing kept under the key.
BEFORE = frozenset(
    ("timeout_before", "reset_before", "tls_failure", "e400", "e409", "e429")
    + ("e502", "e503", "e504")
)
# The work is done; the answer is lost or replaced.
AFTER = frozenset(
    {"timeout_after_success", "reset_after", "e500_after_success", "truncated", "wrong_type"}
)
# The same, and the key is forgotten at once. Stripe keeps it for a day: let one pass.
PRUNED = frozenset({"key_pruned"})
# Nothing is executed and a 500 is kept under the key, as Stripe does for v1.
STORED = frozenset({"e500_stored"})
# The answer is authentic and wrong, or in an unknown form.
WRONG = frozenset({"wrong_amount", "wrong_currency", "wrong_livemode", "wrong_account"})
STRANGE = frozenset({"unknown_enum", "extra_fields", "missing_fields", "api_version"})
SKEWED = frozenset({"clock_ahead", "clock_behind"})  # by ten minutes
# What the same call was answered before, in place of what it did now.
DUPLICATE = frozenset({"duplicate_object"})
BENT = WRONG | STRANGE | SKEWED
CALL_FAULTS = BEFORE | AFTER | STORED | PRUNED | BENT | DUPLICATE | {"slow"}

REFUND_FAULTS = frozenset({"refund_pending", "refund_fails", "refund_fails_after_success"})
PAYOUT_FAULTS = frozenset({"payout_fails"})

TAMPERINGS = WRONG | SKEWED | {"forged_signature", "altered_body", "rotated_secret"}
WEBHOOK_FAULTS = TAMPERINGS | {"lost", "duplicate", "reorder", "delay"}


@dataclass(frozen=True)
class Fault:
    """One armed fault. `hold_s`: how long a connection is kept; `delay_s`: how much later."""

    on: str
    fault: str
    times: int | None = 1
    hold_s: float = 25.0
    delay_s: float = 5.0
    n: int = 2
    about: str | None = None

    def fits(self, name: str, about: frozenset[str]) -> bool:
        if self.about is not None and self.about not in about:
            return False
        if self.on == "*":
            return not name.startswith("webhook.")
        if self.on.endswith("*"):
            return name.startswith(self.on[:-1])
        return name == self.on

    def check(self) -> None:
        """Refuse what could never fire.

        Raises:
            ValueError: the fault is not known, or not on that.
        """
        if self.on.startswith("webhook."):
            paypals = self.on.startswith("webhook.PAYMENT")  # signed by a certificate
            allowed = WEBHOOK_FAULTS - {"rotated_secret"} if paypals else WEBHOOK_FAULTS
        elif self.on.startswith("paypal."):
            allowed = CALL_FAULTS - PRUNED  # a batch is known for 30 days by its sender_batch_id
        else:
            special = {"refunds.create": REFUND_FAULTS, "payouts.create": PAYOUT_FAULTS}
            allowed = CALL_FAULTS | special.get(self.on, frozenset())
        if self.about is not None and self.on.startswith("webhook."):
            raise ValueError("only calls name what a fault is about")
        if self.fault not in allowed:
            raise ValueError(f"no fault {self.fault!r} on {self.on!r}: {sorted(allowed)}")


def arm(act: Act, specs: list[dict[str, Any]]) -> None:
    """Arm exactly these faults and forget what fired before.

    Raises:
        ValueError, TypeError: a spec makes no sense; nothing is changed.
    """
    armed = [Fault(**spec) for spec in specs]
    for fault in armed:
        fault.check()
    act.sql.execute("DELETE FROM fault")
    act.sql.execute("DELETE FROM fault_fired")
    for fault in armed:
        act.sql.execute(
            "INSERT INTO fault (spec, times_left) VALUES (?, ?)",
            (json.dumps(asdict(fault)), fault.times),
        )


def take(
    act: Act,
    name: str,
    among: frozenset[str],
    subject: str,
    about: frozenset[str] = frozenset(),
) -> Fault | None:
    """Use up the first armed fault that fits, and write down on what it fired."""
    rows = act.sql.execute(
        "SELECT * FROM fault WHERE times_left IS NULL OR times_left > 0 ORDER BY id"
    ).fetchall()
    for row in rows:
        fault = Fault(**json.loads(row["spec"]))
        if fault.fault in among and fault.fits(name, about):
            act.sql.execute(
                "UPDATE fault SET times_left = times_left - 1 WHERE id = ?", (row["id"],)
            )
            act.sql.execute(
                "INSERT INTO fault_fired (name, fault, subject) VALUES (?, ?, ?)",
                (name, fault.fault, subject),
            )
            return fault
    return None


def overview(act: Act) -> dict[str, list[dict[str, Any]]]:
    """Return what is armed, with the times left, and what fired, in order."""
    armed = [
        json.loads(row["spec"]) | {"times_left": row["times_left"]}
        for row in act.sql.execute("SELECT * FROM fault ORDER BY id")
    ]
    fired = act.sql.execute("SELECT name, fault, subject FROM fault_fired ORDER BY id")
    return {"armed": armed, "fired": [dict(row) for row in fired]}
