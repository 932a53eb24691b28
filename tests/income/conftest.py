"""Tests of imports run within the application."""

from __future__ import annotations

from tests.within import within

__all__ = ["within"]
