"""Reading what a caller sent: v1 forms with nested brackets, v2 JSON.

A parameter that nobody asked for is refused, as Stripe does: a typo never passes in silence.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

from marketplace.sandbox.refusal import NotExecuted

PART = re.compile(r"[^\[\]]+")


def parse_form(text: str) -> dict[str, Any]:
    """Turn 'a[b][0][c]=1&expand[]=x' into nested dictionaries and lists of strings."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        path = PART.findall(name)
        if not path:
            continue
        node = root
        for part in path[:-1]:
            child = node.setdefault(part, {})
            if not isinstance(child, dict):
                raise NotExecuted(f"Invalid parameter: {name}", param=name)
            node = child
        if name.endswith("[]"):
            rows = node.setdefault(path[-1], {})
            rows[str(len(rows))] = value
        else:
            node[path[-1]] = value
    return {name: _with_lists(value) for name, value in root.items()}


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    node = {name: _with_lists(value) for name, value in node.items()}
    if node and all(name.isdecimal() for name in node):
        return [node[name] for name in sorted(node, key=int)]
    return node


class Params:
    """One level of parameters. Every name is asked for once; `done()` refuses the rest."""

    def __init__(self, data: Any, path: str = "") -> None:
        self.path = path
        if not isinstance(data, dict):
            raise NotExecuted(f"Invalid object: {path}", param=path)
        self._data = data
        self._asked: set[str] = set()
        self._children: list[Params] = []

    def _name(self, name: str) -> str:
        return f"{self.path}[{name}]" if self.path else name

    def _bad(self, name: str, message: str) -> NotExecuted:
        return NotExecuted(message, param=self._name(name))

    def take(self, name: str) -> Any:
        """Return whatever was sent under `name`, or None."""
        self._asked.add(name)
        value = self._data.get(name)
        return None if value == "" else value

    def sent(self, name: str) -> bool:
        """Whether there is anything under `name`."""
        return self.take(name) is not None

    def text(self, name: str) -> str | None:
        value = self.take(name)
        if value is not None and not isinstance(value, str):
            raise self._bad(name, f"Invalid string: {self._name(name)}")
        return value

    def needed_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise self._missing(name)
        return value

    def url(self, name: str) -> str | None:
        """Return an address that a browser may be sent to."""
        value = self.text(name)
        if value is not None and not value.startswith(("http://", "https://")):
            raise NotExecuted("Not a valid URL", code="url_invalid", param=self._name(name))
        return value

    def needed_url(self, name: str) -> str:
        value = self.url(name)
        if value is None:
            raise self._missing(name)
        return value

    def _missing(self, name: str) -> NotExecuted:
        return NotExecuted(
            f"Missing required param: {self._name(name)}.",
            code="parameter_missing",
            param=self._name(name),
        )

    def choice(self, name: str, options: Collection[str]) -> str | None:
        value = self.text(name)
        if value is not None and value not in options:
            allowed = ", ".join(sorted(options))
            raise self._bad(name, f"Invalid {self._name(name)}: must be one of {allowed}")
        return value

    def flag(self, name: str) -> bool:
        value = self.take(name)
        if value in (True, "true"):
            return True
        if value in (None, False, "false"):
            return False
        raise self._bad(name, f"Invalid boolean: {value}")

    def integer(self, name: str) -> int | None:
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,18}", str(value)):
            raise NotExecuted(
                f"Invalid integer: {value}",
                code="parameter_invalid_integer",
                param=self._name(name),
            )
        return int(value)

    def needed_integer(self, name: str) -> int:
        value = self.integer(name)
        if value is None:
            raise self._missing(name)
        return value

    def child(self, name: str) -> Params:
        """Return the parameters nested under `name`, empty if there are none."""
        value = self.take(name)
        child = Params({} if value is None else value, self._name(name))
        self._children.append(child)
        return child

    def rows(self, name: str) -> list[Params]:
        value = self.take(name)
        if value is None:
            raise self._missing(name)
        if not isinstance(value, list):
            raise self._bad(name, f"Invalid array: {self._name(name)}")
        rows = [Params(row, f"{self._name(name)}[{i}]") for i, row in enumerate(value)]
        self._children += rows
        return rows

    def texts(self, name: str) -> list[str]:
        value = self.take(name)
        rows = value if isinstance(value, list) else [value] if value is not None else []
        if not all(isinstance(row, str) for row in rows):
            raise self._bad(name, f"Invalid array: {self._name(name)}")
        return rows

    def metadata(self, name: str = "metadata") -> dict[str, str]:
        """Return metadata: at most 50 pairs, names of 40 and values of 500 characters."""
        value = self.take(name) or {}
        if isinstance(value, list):  # names that are all digits
            value = {str(i): row for i, row in enumerate(value)}
        good = isinstance(value, dict) and len(value) <= 50
        if not good or not all(
            isinstance(row, str) and len(row) <= 500 and len(key) <= 40
            for key, row in value.items()
        ):
            raise self._bad(name, f"Invalid {self._name(name)}: 50 pairs of 40 and 500 characters")
        return dict(value)

    def done(self) -> None:
        """Refuse what nobody asked for, at every level."""
        unknown = [name for name in self._data if name not in self._asked]
        if unknown:
            raise NotExecuted(
                f"Received unknown parameter: {self._name(unknown[0])}",
                code="parameter_unknown",
                param=self._name(unknown[0]),
            )
        for child in self._children:
            child.done()
