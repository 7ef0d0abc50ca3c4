"""The verdict on a send under fire: what the sandbox counted against what Redis and the store say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from engine.ids import parse_callback_data
from engine.live import operation_key
from engine.operations import ledger
from engine.operations.snapshot_reader import Recipient, open_snapshot, read_batch, snapshot_path
from engine.operations.states import OPEN_DELIVERY_STATES, DeliveryState
from engine.settings import load_settings
from engine.warehouse import open_warehouse
from tests.journeys.chaos_world import Send


@dataclass(frozen=True)
class Evidence:
    """Everything that can be known of a finished send, taken before and after everything was stopped."""

    sandbox: dict[str, Any]
    states: list[DeliveryState]
    counters: dict[DeliveryState, int]
    recipients: list[Recipient]
    deliveries: list[tuple[int, int]]
    rejected_count: int
    shown: dict[str, int]

    @property
    def messages(self) -> dict[str, list[dict[str, Any]]]:
        """Accepted messages by person."""
        found: dict[str, list[dict[str, Any]]] = self.sandbox["messages"]
        return found

    @property
    def unknown(self) -> set[str]:
        """The people whose row ended as unknown."""
        return {
            one.phone.removeprefix("+")
            for one in self.recipients
            if self.states[one.recipient_no] == DeliveryState.UNKNOWN
        }


def gather(send: Send) -> Evidence:
    """Read the sandbox, Redis and the screen's figures; then stop everything and read the store."""
    ulak, client = send.ulak, send.ulak.redis()
    sandbox = ulak.sandbox("GET", "ledger")
    raw = client.get(operation_key(send.operation_id, "led"))
    counters = {state: count for state, count in ledger.counters(client, send.operation_id).items() if count}
    shown = {
        name: count for name, count in ulak.ulak("operations", "show", send.operation_id)["counts"].items() if count
    }
    client.close()
    ulak.ulak("doctor")  # ends with 0: whatever was killed is back
    assert ulak.stop() == 0
    settings = load_settings({name: value for name, value in ulak.environment.items() if name.startswith("ULAK_")})
    snapshot = open_snapshot(snapshot_path(settings.operations_folder, send.operation_id))
    recipients = [one for batch_no in range(snapshot.batch_count) for one in read_batch(snapshot, batch_no)]
    warehouse = open_warehouse(settings.database_path)
    try:
        cursor = warehouse.cursor()
        deliveries = cursor.execute("SELECT recipient_no, state FROM deliveries ORDER BY recipient_no").fetchall()
        (rejected,) = cursor.execute("SELECT count(*) FROM rejected_events").fetchall()[0]
    finally:
        warehouse.close()
    return Evidence(sandbox, [DeliveryState(byte) for byte in raw], counters, recipients, deliveries, rejected, shown)


def judge(send: Send, found: Evidence) -> None:
    """Every promise of the send path, one after another."""
    judge_the_sandbox(send, found)
    judge_the_ledger(send, found)
    judge_the_store(found)


def judge_the_sandbox(send: Send, found: Evidence) -> None:
    """Nobody twice, nobody a stranger, each with their own values, within tier."""
    sandbox = found.sandbox
    twice = {person: entries for person, entries in found.messages.items() if len(entries) > 1}
    assert not twice, f"accepted more than once: {len(twice)}"
    assert sandbox["callback_data_repeated"] == 0
    assert set(found.messages) <= set(send.names)
    assert sandbox["max_people_24h"] <= sandbox["tier_limit"]
    assert sandbox["webhooks"]["dropped"] == 0
    # The pace itself is a benchmark's matter; that two workers share one rate is not.
    assert sandbox["max_posts_per_second"] <= 1.5 * send.rate
    rows = {one.recipient_no: one for one in found.recipients}
    for person, (entry,) in found.messages.items():
        operation_id, recipient_no, _ = parse_callback_data(entry["biz_opaque_callback_data"])
        assert operation_id == send.operation_id
        assert rows[recipient_no].phone == f"+{person}"
        assert entry["texts"] == [*send.names[person], "30 Kasım"]


def judge_the_ledger(send: Send, found: Evidence) -> None:
    """Each recipient in one end state; nobody missing but the unknown, and these are few."""
    count = len(send.names)
    assert len(found.states) == len(found.recipients) == count
    assert {one.phone.removeprefix("+") for one in found.recipients} == set(send.names)
    assert not set(found.states) & set(OPEN_DELIVERY_STATES)
    assert Counter(found.states) == found.counters
    assert sum(found.counters.values()) == count
    missing = set(send.names) - set(found.messages)
    refused = {person for person in missing if found.sandbox["posts_per_person"].get(person)} - found.unknown
    failed = {
        one.phone.removeprefix("+")
        for one in found.recipients
        if found.states[one.recipient_no] == DeliveryState.FAILED
    }
    assert refused <= failed
    assert missing - refused <= found.unknown, "somebody was skipped in silence"
    assert not found.unknown & set(found.messages), "a webhook came and the row stayed unknown"
    worker_kills = sum(kill.part == "worker" for kill in send.kills)
    assert len(found.unknown) <= found.sandbox["ambiguous"] + 2 * send.concurrency * worker_kills


def judge_the_store(found: Evidence) -> None:
    """The record says what Redis says, row by row, and so does the screen."""
    assert found.rejected_count == 0
    assert found.deliveries == [(number, int(state)) for number, state in enumerate(found.states)]
    assert found.shown == {state.name.lower(): number for state, number in found.counters.items()}
