"""Erasing in the ledger: waiting rows end, each row stands for a pseudonym, and such a row is never claimed again."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import redis

from engine.contacts.person import new_pseudonym
from engine.live import EVENTS, operation_key, portfolio_key
from engine.operations import ledger
from engine.operations.erasure_snapshot import Found, check_rows, pseudonymise
from engine.operations.erasure_traces import Traces
from engine.operations.ledger import Change, ClaimAnswer
from engine.operations.limit import read_limit
from engine.operations.snapshot import freeze
from engine.operations.snapshot_reader import open_snapshot, read_batch
from engine.operations.states import DeliveryState
from engine.operations.stream import read_entry, read_raw
from tests.worker.delivery_world import OPERATION, create_operation, states_of

PENDING, RETRY, CLAIMED, FAILED = (
    DeliveryState.PENDING,
    DeliveryState.RETRY,
    DeliveryState.CLAIMED,
    DeliveryState.FAILED,
)
SUPPRESSED, UNKNOWN, ACCEPTED = DeliveryState.SUPPRESSED, DeliveryState.UNKNOWN, DeliveryState.ACCEPTED
PERSON, NOBODY = (1).to_bytes(8, "big"), new_pseudonym()
NOW = 1_800_000_000_000


def claim(live: redis.Redis, *rows: int, now_ms: int = NOW, job: str = "0.aa", token: str = "t") -> ClaimAnswer:
    return ledger.run(
        live,
        ledger.claim(
            OPERATION,
            job=job,
            token=token,
            channel_id="sandbox",
            portfolio_id="pf",
            candidates=rows,
            not_after_ms=0,
            now_ms=now_ms,
        ),
    )


def tell(live: redis.Redis, what: DeliveryState, attempt: int = 1, **more: int) -> None:
    ledger.run(live, ledger.transition(OPERATION, [Change(0, attempt, what, **more)], source="worker", now_ms=NOW))


def erase(live: redis.Redis, now_ms: int = NOW) -> int:
    return ledger.run(live, ledger.erase(OPERATION, [0], NOBODY, who="Elif", now_ms=now_ms))


def state(live: redis.Redis) -> DeliveryState:
    return states_of(live, 1)[0]


@pytest.mark.parametrize("first", [PENDING, RETRY])
def test_a_waiting_row_ends_is_counted_and_told(live: redis.Redis, first: DeliveryState) -> None:
    create_operation(live, 2)
    if first is RETRY:
        claim(live, 0)
        tell(live, RETRY, due_ms=NOW + 60_000)
    before = live.xlen(EVENTS)
    assert erase(live) == 1
    assert erase(live) == 0
    counts = ledger.counters(live, OPERATION)
    assert (counts[SUPPRESSED], counts[PENDING], counts[RETRY]) == (1, 1, 0)
    assert live.getrange(operation_key(OPERATION, "who"), 0, 15) == NOBODY + (2).to_bytes(8, "big")
    entries = [read_entry(raw) for raw in read_raw(live, "0-0", 100)][before:]
    assert [(entry.kind, list(entry.rows["state"])) for entry in entries] == [("rows", [SUPPRESSED])]


def test_a_row_under_way_may_arrive_but_given_back_it_ends(live: redis.Redis) -> None:
    create_operation(live, 1)
    assert len(claim(live, 0).rows) == 1
    assert (erase(live), state(live)) == (0, CLAIMED)
    ledger.run(live, ledger.close_job(OPERATION, "0.aa", [], now_ms=NOW))
    assert state(live) is PENDING
    answer = claim(live, 0, job="0.bb", token="u")
    assert (answer.rows, answer.suppressed, state(live)) == ([], [0], SUPPRESSED)
    assert ledger.operation_state(live, OPERATION) == "completed"


def test_a_missed_slot_is_not_exchanged_for_another(live: redis.Redis) -> None:
    create_operation(live, 1)
    claim(live, 0)
    erase(live)
    again = ledger.claim(
        OPERATION, job="0.aa", token="u", channel_id="sandbox", portfolio_id="pf", candidates=[],
        again=[(0, 1)], not_after_ms=0, now_ms=NOW,
    )  # fmt: skip
    assert (ledger.run(live, again).rows, state(live)) == ([], SUPPRESSED)


@pytest.mark.parametrize("verb", ["send_again", "retry"])
def test_a_persons_decision_sends_nothing_to_somebody_erased(live: redis.Redis, verb: str) -> None:
    create_operation(live, 1)
    claim(live, 0)
    later = NOW + 600_000
    tell(live, UNKNOWN if verb == "send_again" else FAILED)
    assert erase(live) == 0
    done = ledger.run(live, ledger.control(OPERATION, verb, who="Elif", rows=[(0, 1)], now_ms=later))
    assert done.count == 1
    answer = claim(live, 0, now_ms=later + 1, job="0.bb", token="u")
    assert (answer.rows, state(live)) == ([], SUPPRESSED)


def test_the_place_in_the_messaging_limit_goes_on_and_is_counted_once(live: redis.Redis) -> None:
    create_operation(live, 2, limit=10)
    claim(live, 0)
    tell(live, ACCEPTED)
    erase(live)
    assert live.hexists(portfolio_key("pf", "holders"), PERSON) is False
    tell(live, DeliveryState.DELIVERED, at_ms=NOW)
    assert read_limit(live, "pf", NOW + 1).used == 1
    create_operation(live, 2, limit=10, operation_id="op-20261124-120000-bbbbbb")
    ledger.run(live, ledger.erase("op-20261124-120000-bbbbbb", [0], NOBODY, who="Elif", now_ms=NOW))
    assert read_limit(live, "pf", NOW + 1).used == 1


def test_a_failure_after_the_erasure_gives_the_place_back(live: redis.Redis) -> None:
    create_operation(live, 2, limit=10)
    claim(live, 0)
    tell(live, ACCEPTED)
    erase(live)
    tell(live, FAILED, code=131026)
    assert read_limit(live, "pf", NOW + 1).used == 0


def test_a_worker_that_opened_the_file_before_reads_its_batch_after(tmp_path: Path) -> None:
    rows = 7_000
    frame = pl.DataFrame(
        {
            "recipient_no": pl.Series(range(rows), dtype=pl.UInt32),
            "contact_id": pl.Series(range(1, rows + 1), dtype=pl.Int64),
            "person_key": pl.Series(range(1, rows + 1), dtype=pl.UInt64),
            "phone": [f"+90532{number:07}" for number in range(rows)],
            "user_id": pl.Series([None] * rows, dtype=pl.String),
            "country": ["TR"] * rows,
            "language": ["tr"] * rows,
            "variant": pl.Series([None] * rows, dtype=pl.String),
            "p_0": [f"Ayşe {number}" for number in range(rows)],
        }
    )
    frozen = freeze(frame, tmp_path / "op-1" / "recipients.parquet", {"batch_size": 5_000, "name": "Kış"})
    snapshot = open_snapshot(frozen.path)
    traces = Traces(6_001, NOBODY, (6_001).to_bytes(8, "big"), phones=("905320006000",))
    digest = pseudonymise(Found("op-1", frozen.path, (6_000,)), traces)
    assert digest != frozen.file_hash
    assert pseudonymise(Found("op-1", frozen.path, (6_000,)), traces) == digest
    batch = read_batch(snapshot, 1)
    assert [batch[0].recipient_no, batch[0].phone, batch[-1].phone] == [5_000, "+905320005000", "+905320006999"]
    assert (batch[1_000].phone, batch[1_000].parameters) == ("", ("",))
    assert open_snapshot(frozen.path).facts == snapshot.facts
    after = pl.read_parquet(frozen.path)
    assert after.schema == pl.Schema(frame.schema | {"row_salt": pl.Binary, "row_hash": pl.Binary})
    assert after.filter(pl.col("contact_id") < 0).select("country", "language").rows() == [("TR", "tr")]
    checked = check_rows(frozen.path)
    assert (checked.right_count, checked.erased_count, checked.wrong) == (rows - 1, 1, ())
