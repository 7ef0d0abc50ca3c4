"""The only door to DuckDB: one connection per process, a cursor per thread, one writer lock, numbered migrations."""

from __future__ import annotations

from engine.warehouse.audit import audit
from engine.warehouse.connection import Warehouse, open_scratch, open_warehouse

__all__ = ["Warehouse", "audit", "open_scratch", "open_warehouse"]
