"""Where tests of imports stand: lines become a file, a plan, a result; the store is read by query."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.contacts import load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.importing import begin_import, plan_import
from engine.contacts.mapping import ColumnTarget, Mapping
from engine.contacts.merging import ImportResult, finish_import
from engine.contacts.options import ImportOptions
from engine.contacts.planning import DryRun
from engine.settings import Settings
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATEST = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Desk:
    """Imports lines, and reads the store."""

    def __init__(self, warehouse: Warehouse, settings: Settings, folder: Path) -> None:
        self.warehouse, self.settings, self.folder = warehouse, settings, folder

    def file(self, *lines: str) -> Path:
        path = self.folder / "file.csv"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    def plan(self, *lines: str, now: datetime = NOW, targets: dict[str, str] | None = None, **options: Any) -> DryRun:
        """Plan by the guessed mapping, or by these targets of headers; by these options."""
        source = begin_import(self.settings, self.file(*lines), now=now)
        if targets is None:
            mapping = guess_mapping(source, load_registry(self.warehouse.cursor()))
        else:
            columns = tuple(ColumnTarget(header=each, target=targets.get(each)) for each in source.headers)
            mapping = Mapping(columns=columns)
        chosen = ImportOptions.model_validate({"region": "TR"} | options)
        return plan_import(self.warehouse, self.settings, source, mapping, chosen, now=now)

    def run(
        self, *lines: str, now: datetime = NOW, targets: dict[str, str] | None = None, **options: Any
    ) -> ImportResult:
        """Plan and carry out; what was planned is what happened, and every row is in one count."""
        plan = self.plan(*lines, now=now, targets=targets, **options)
        result = finish_import(self.warehouse, plan, who="Elif", now=now)
        assert result.counts == plan.counts
        counts = result.counts
        together = counts.new_count + counts.updated_count + counts.unchanged_count
        assert together + result.duplicate_count + result.rejected_count == plan.row_count
        assert (plan.duplicate_count, plan.rejected_count) == (result.duplicate_count, result.rejected_count)
        return result

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.warehouse.cursor().execute(query, list(parameters)).fetchall()

    def person(self, phone: str) -> int:
        ((key,),) = self.rows("SELECT person_key FROM contacts WHERE phone = ?", phone)
        return int(key)

    def suppress(self, person: int, scope: str = "marketing") -> None:
        with self.warehouse.writing() as cursor:
            cursor.execute(
                "INSERT INTO suppressions VALUES (?, ?, 'keyword', NULL, 'ulak', ?, NULL, NULL)", [person, scope, NOW]
            )

    def make_list(self, list_id: str) -> None:
        with self.warehouse.writing() as cursor:
            cursor.execute(
                "INSERT INTO lists (list_id, name, created_by, created_at) VALUES (?, 'Fair', 'Elif', ?)",
                [list_id, NOW],
            )
