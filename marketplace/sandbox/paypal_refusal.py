"""How PayPal says no."""

from __future__ import annotations

from typing import Any

from marketplace.sandbox.world import new_id


class Refused(Exception):
    """The call is refused; nothing of it happened."""

    def __init__(
        self,
        name: str,
        message: str,
        *,
        status: int = 400,
        details: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.name, self.status, self.details = name, status, details or []

    def body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "message": str(self),
            "debug_id": new_id("d", 12),
            "information_link": "",
            "details": self.details,
            "links": [],
        }


def invalid(field: str, issue: str) -> Refused:
    """A field of the body is not as it must be."""
    details = [{"field": field, "location": "body", "issue": issue}]
    return Refused("VALIDATION_ERROR", "Invalid request - see details", details=details)
