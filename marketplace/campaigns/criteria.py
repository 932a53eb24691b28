"""Whom a campaign is for, as its row keeps it: criteria in one JSON object, empty ones left out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from marketplace.program.rules import Criteria


class CriteriaColumn(TypeDecorator[Criteria]):
    """`Criteria` in Python, JSON in the database."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: Criteria | None, dialect: Dialect) -> Any:
        assert value is not None
        return {name: demand for name, demand in asdict(value).items() if demand}

    def process_result_value(self, value: Any, dialect: Dialect) -> Criteria:
        kept = {
            n: tuple(demand) if isinstance(demand, list) else demand for n, demand in value.items()
        }
        return Criteria(**kept)
