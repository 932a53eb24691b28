"""PayPal's own description of payouts as a judge of what we send and of what the sandbox invents.

It is read from the folder that MARKETPLACE_FIXTURES names, and says nothing without it. Closed for
requests: a field that PayPal does not describe is a violation. Open for answers, because PayPal's
own examples hold more than it describes (the link of a duplicate, say).
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

SPEC = Path(os.environ.get("MARKETPLACE_FIXTURES", "")) / (
    "paypal-openapi/payments_payouts_batch_v1.json"
)
PRESENT = "MARKETPLACE_FIXTURES" in os.environ and SPEC.exists()
PATHS = ("/v1/payments/payouts", "/v1/oauth2/", "/v1/notifications/certs/", "/v1/reporting/")
DESCRIBED = "/v1/payments/payouts"
URN = "urn:paypal"
# Statuses that PayPal's events, and its pages, know beside those of its description.
MORE_STATUSES = ["DENIED", "CANCELED"]


@cache
def _spec() -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(SPEC.read_text())
    spec["components"]["schemas"]["transaction_enum"]["enum"] += MORE_STATUSES
    return spec


@cache
def _registry(*, closed: bool) -> Registry[Any]:
    document = {"components": {"schemas": _schema(_spec()["components"]["schemas"], closed)}}
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(URN, resource)
    return registry


def _schema(node: Any, closed: bool) -> Any:
    if isinstance(node, list):
        return [_schema(each, closed) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: _schema(value, closed) for name, value in node.items()}
    if isinstance(made.get("$ref"), str):
        made["$ref"] = made["$ref"].replace("#/", f"{URN}#/")
    if closed and made.get("type") == "object" and "properties" in made:
        made.setdefault("additionalProperties", False)
    return made


def violations(name: str, subject: Any, *, closed: bool = False) -> list[str]:
    """What of `subject` is not as the schema of this name says."""
    if not PRESENT:
        return []
    schema = {"$ref": f"{URN}#/components/schemas/{name}"}
    validator = Draft202012Validator(schema, registry=_registry(closed=closed))
    return [
        f"{name} {error.json_path}: {error.message}" for error in validator.iter_errors(subject)
    ]


def exchange(method: str, path: str, sent: bytes, status: int, given: bytes) -> list[str]:
    """Judge one request and its answer."""
    if not path.startswith(DESCRIBED) or status == 401:
        return []
    answer = json.loads(given)
    found = []
    if method == "POST" and path == DESCRIBED:
        found += violations("create_payout_request", json.loads(sent), closed=True)
    if status >= 400:
        return found + violations("error", answer)
    if path == DESCRIBED:
        return found + violations("payout", answer)
    kind = "payout_item-2" if re.match(f"{DESCRIBED}-item/", path) else "payout_batch"
    return found + violations(kind, answer)


def event(event: Any) -> list[str]:
    """Judge the resource of an event."""
    kind = {"payouts_item": "payout_item-2", "payouts": "payout_batch"}[event["resource_type"]]
    return violations(kind, event["resource"])
