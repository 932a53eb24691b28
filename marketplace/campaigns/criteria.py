"""Whom a campaign is for, as its row keeps it: one JSON object of what is asked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from marketplace.program.rules import Criteria, criteria_json, criteria_of


class CriteriaColumn(TypeDecorator[Criteria]):
    """`Criteria` in Python, JSON in the database."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: Criteria | None, dialect: Dialect) -> Any:
        return None if value is None else criteria_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Criteria | None:
        return None if value is None else criteria_of(value)
