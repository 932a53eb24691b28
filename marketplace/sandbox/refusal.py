"""How Stripe says no: error bodies of v1 and v2."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The work began and was refused. Under v1 the answer is kept under the caller's key."""

    executed = True

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        type: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.type = type

    def body(self, version: int) -> dict[str, Any]:
        """Return the error as the wire of API v1 or v2 writes it."""
        error = {"type": self.type, "message": str(self), "code": self.code, "param": self.param}
        if version == 2:
            # v2 always has a code; Stripe says not to build on it.
            error["code"] = self.code or self.type
            del error["param"]
        return {"error": {name: value for name, value in error.items() if value is not None}}


class NotExecuted(Refused):
    """Refused before any work began: nothing is kept, the same key may try again."""

    executed = False


def missing(what: str, id: str, param: str, status: int = 404) -> Refused:
    """Return Stripe's answer to an identifier that names nothing."""
    return Refused(f"No such {what}: '{id}'", status=status, code="resource_missing", param=param)


def not_found_v2(id: str) -> Refused:
    return Refused(f"The resource {id} was not found.", status=404, code="not_found")
