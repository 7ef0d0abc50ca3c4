"""A small world to launch operations in: a channel, templates, contacts, and a Redis that knows of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import redis

from engine.clock import to_store
from engine.contacts import key_to_int, person_key
from engine.live import STORE, channel_key, portfolio_key
from engine.operations.drafts import Draft, create_draft
from engine.operations.launch import Launched, launch
from engine.segments import Audience, Comparison, Segment
from engine.settings import Settings
from engine.templates import Binding
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CHANNEL, PORTFOLIO = "ch-1", "pf-1"
WELCOME, PLAIN, UTILITY, PAUSED = "welcome", "plain", "order_news", "paused_one"


@dataclass
class World:
    """The store, Redis and the settings that belong together, and what was rung."""

    warehouse: Warehouse
    client: redis.Redis
    settings: Settings
    rung: list[tuple[str, int]] = field(default_factory=list)

    def ring(self, operation_id: str, batch_no: int) -> None:
        """Take the place of the queue."""
        self.rung.append((operation_id, batch_no))

    def draft(self, template: str = WELCOME, audience: Audience | None = None, **changed: object) -> str:
        """A draft that can be launched, for everybody in Ankara unless another audience is given."""
        narrowed = Audience(segment=Segment(rule=Comparison(field="city", operator="equals", value="Ankara")))
        bindings = {"body:1": Binding.of("@name")} if template in (WELCOME, UTILITY) else {}
        draft = Draft(
            name="November news",
            channel_id=CHANNEL,
            template_name=template,
            template_language="en",
            template_hash=f"hash-{template}",
            bindings=bindings,
            audience=audience or narrowed,
        ).changed(**changed)
        return create_draft(self.warehouse, who="Elif", now=NOW, draft=draft)

    def launch(self, operation_id: str, **arguments: object) -> Launched:
        """Launch with this world's doors."""
        return launch(
            self.warehouse,
            self.client,
            self.settings,
            operation_id,
            who="Elif",
            now=NOW,
            enqueue=self.ring,
            **arguments,  # type: ignore[arg-type]
        )

    def state(self, operation_id: str) -> str:
        """The state the store knows."""
        found = self.warehouse.cursor().execute("SELECT state FROM operations WHERE operation_id = ?", [operation_id])
        return str(found.fetchall()[0][0])

    def count(self, sql: str) -> int:
        """One number out of the store."""
        return int(self.warehouse.cursor().execute(sql).fetchall()[0][0])

    def snapshot(self, operation_id: str) -> Path:
        """Where the operation's frozen audience would be."""
        return self.settings.operations_folder / operation_id / "recipients.parquet"


def make_world(warehouse: Warehouse, client: redis.Redis, settings: Settings, *, limit: int = -1) -> World:
    """A channel, four templates, and Redis as the start of Ulak leaves it; no contacts yet."""
    moment = to_store(NOW)
    with warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO channels (channel_id, name, provider, portfolio_id, waba_id, phone_number_id,"
            " rate_per_second, graph_url, graph_version, secrets, created_by, created_at)"
            " VALUES (?, 'Shop line', 'cloud_api', ?, '1', '2', 80, 'http://127.0.0.1:1', 'v25.0', '', 'ulak', ?)",
            [CHANNEL, PORTFOLIO, moment],
        )
    add_templates(warehouse)
    client.hset(STORE, mapping={"epoch": warehouse.epoch, "suppressions": "1"})
    client.hset(channel_key(CHANNEL), mapping={"rate": 80, "state": "ok", "portfolio": PORTFOLIO})
    client.hset(portfolio_key(PORTFOLIO), "limit", limit)
    return World(warehouse, client, settings)


def add_templates(warehouse: Warehouse) -> None:
    """Four templates: with one slot, without, of another category, and one that is paused."""
    with warehouse.writing() as cursor:
        for name, status, category, text in (
            (WELCOME, "APPROVED", "MARKETING", "Hello {{1}}, a warm welcome."),
            (PLAIN, "APPROVED", "MARKETING", "We are open again."),
            (UTILITY, "APPROVED", "UTILITY", "Dear {{1}}, your order is on its way."),
            (PAUSED, "PAUSED", "MARKETING", "Nothing to see."),
        ):
            cursor.execute(
                "INSERT INTO templates VALUES (?, ?, 'en', ?, ?, ?, 'POSITIONAL', ?, NULL, NULL, ?, ?, NULL)",
                [CHANNEL, name, f"id-{name}", status, category, _components(text), f"hash-{name}", to_store(NOW)],
            )


def add_contacts(warehouse: Warehouse, rows: Sequence[dict[str, object]]) -> None:
    """Contacts 1, 2, 3 … ; each row holds what is not usual about it. Everybody lives in Ankara."""
    salt, moment = warehouse.salt, to_store(NOW)
    with warehouse.writing() as cursor:
        base = cursor.execute("SELECT count(*) FROM contacts").fetchall()[0][0]
        for number, given in enumerate(rows, base + 1):
            row = {"name": f"Name {number}", "phone": f"+90532{number:07d}", "city": "Ankara", **given}
            digits = str(row["phone"]).removeprefix("+") if row["phone"] else None
            row.setdefault("person_key", key_to_int(person_key(salt, digits, str(row.get("user_id") or number))))
            row |= {
                "contact_id": number,
                "match_key": digits,
                "phone_valid": row.get("phone_valid", True if digits else None),
                "bucket": number % 10_000,
                "origin": "import",
                "created_at": moment,
                "updated_at": moment,
            }
            marks = ", ".join("?" for _ in row)
            cursor.execute(f"INSERT INTO contacts ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def _components(text: str) -> str:
    return json.dumps([{"type": "BODY", "text": text}])
