"""The rules of the house that a tool can check."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from marketplace.access import audience_of
from marketplace.config import REPOSITORY
from marketplace.extensions import Base
from marketplace.verify import checks

PACKAGE = REPOSITORY / "marketplace"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
LINES_MAX = 300
FUNCTION_LINES_MAX = 60

# The edges: they translate, call the domain and commit. Nobody else commits.
EDGES = {"web", "webhooks", "worker", "cli", "demo"}
SANDBOX = "sandbox"  # another program with a store of its own

TERMINAL = {
    "deposit": {"succeeded", "rejected"},
    "refund": {"succeeded", "failed"},
    "dispute": {"won", "lost", "closed"},
    "earning": {"available", "reversed"},
    "destination": {"active", "refused", "replaced"},
    "payout": {"paid", "returned", "failed", "canceled"},
    "creator_hold": {"lifted"},
    "shortfall": {"covered"},
    "account_closing": {"closed"},
    "payout_run": {"done", "rejected"},
    "campaign": {"closed", "canceled", "rejected"},
    "application": {"accepted", "declined", "withdrawn"},
    "agreement": {"fulfilled", "canceled"},
    "deliverable": {"approved", "canceled"},
    "challenge": {"awarded", "canceled"},
    "challenge_entry": {"valid", "disqualified"},
    "program_application": {"approved", "rejected"},
    "program_membership": {"active"},
    "reconciliation_difference": {"closed"},
    "sale": {"accrued", "unattributed", "nothing_due"},
}


def room(path: Path) -> str:
    """The package or module directly below `marketplace` in which a file lies."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def calls(path: Path, name: str) -> list[int]:
    """The lines on which a method or function of this name is called."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and name in (getattr(node.func, "attr", None), getattr(node.func, "id", None))
    ]


def stateful() -> list[type[Base]]:
    """Every table with a lifecycle."""
    return sorted(
        (mapper.class_ for mapper in Base.registry.mappers if hasattr(mapper.class_, "MOVES")),
        key=lambda model: model.__name__,
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_has_at_most_300_lines_and_its_functions_fewer_than_60(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES_MAX
    long = [
        f"{function.name}: {(function.end_lineno or 0) - function.lineno + 1} lines"
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno + 1 >= FUNCTION_LINES_MAX
    ]
    assert long == []


def test_only_the_edges_commit() -> None:
    committing = {room(path) for path in SOURCES if room(path) != SANDBOX and calls(path, "commit")}
    assert committing <= EDGES
    assert "web" in committing, "the rule looks at the right calls"


def test_rows_are_locked_by_one_helper_alone() -> None:
    locking = {str(path.relative_to(PACKAGE)) for path in SOURCES if calls(path, "with_for_update")}
    assert locking == {"database/lock.py"}
    keyword = [
        str(path)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.keyword) and node.arg == "with_for_update"
    ]
    assert keyword == []


def test_every_module_says_what_lives_in_it() -> None:
    silent = [str(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_every_route_declares_its_audience(app: Flask) -> None:
    with app.app_context():
        undeclared = [
            rule.endpoint for rule in app.url_map.iter_rules() if not audience_of(rule.endpoint)
        ]
    assert undeclared == []


def test_domain_time_comes_only_from_the_clock() -> None:
    allowed = {"clock.py"}
    reading = {
        str(path.relative_to(PACKAGE))
        for path in SOURCES
        if room(path) != SANDBOX and (calls(path, "utcnow") or calls(path, "today"))
    }
    assert reading <= allowed


def test_every_waiting_status_says_on_whom_until_when_and_what_then(app: Flask) -> None:
    assert {model.__tablename__ for model in stateful()} == set(TERMINAL)
    for model in stateful():
        moves, waits = model.MOVES, model.WAITS  # type: ignore[attr-defined]
        statuses = {status for status, _ in moves} | set(moves.values())
        waiting = statuses - TERMINAL[model.__tablename__]
        assert waiting <= set(waits) | {"expired"}, model.__name__
        for status, wait in waits.items():
            assert (status, wait.then) in moves, f"{model.__name__}: no {wait.then} from {status}"


def test_every_invariant_is_explained_in_the_docs(app: Flask) -> None:
    explained = (REPOSITORY / "docs" / "money.md").read_text()
    ids = {check.id if check.id[0] != "A" else check.id.partition(".")[0] for check in checks()}
    assert [id for id in sorted(ids) if f"`{id}`" not in explained] == []


def test_statuses_change_only_through_the_one_mover() -> None:
    """No code but `statuses` assigns to the status of a thing; a new row names its first one."""
    assigning = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in SOURCES
        if room(path) != SANDBOX and path.name != "statuses.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign)
        for target in ast.walk(node)
        if isinstance(target, ast.Attribute)
        and target.attr == "status"
        and isinstance(target.ctx, ast.Store)
    ]
    assert assigning == []
