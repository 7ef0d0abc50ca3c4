"""Suppressions in Redis: rebuilt from the record, nobody forgotten, decided by persons, told to the record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from engine.contacts.person import key_to_int, person_key
from engine.live import ALIASES, STOP_WORDS, STORE, SUPPRESSED
from engine.operations import ledger, stream
from engine.operations.inbound import fold_word
from engine.operations.suppressions import (
    is_copy_present,
    keep_stop_words,
    lift_suppressions,
    publish_stop_words,
    rebuild_copy,
    suppress_person,
)
from engine.warehouse import Warehouse
from tests.worker.stream_writing import write_created
from worker.recorder import Recorder

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
ADA, BOB, EVE = (bytes([letter] * 8) for letter in b"abe")


def ask(warehouse: Warehouse, query: str, *bound: Any) -> list[tuple[Any, ...]]:
    return warehouse.cursor().execute(query, list(bound)).fetchall()


@pytest.fixture
def recorder(warehouse: Warehouse, live: redis.Redis) -> Recorder:
    return Recorder(warehouse, live)


def test_a_lost_copy_is_rebuilt_from_the_record_and_only_then_may_be_sent(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    ledger.run(live, ledger.suppress(ADA, "marketing", "keyword"))
    ledger.run(live, ledger.suppress(ADA, "all", "manual", who="Can"))
    ledger.run(live, ledger.suppress(BOB, "marketing", "keyword"))
    ledger.run(live, ledger.lift(BOB))
    before = live.hgetall(SUPPRESSED)
    recorder.drain()
    live.flushall()
    assert not is_copy_present(live)
    assert rebuild_copy(warehouse, live, recorder.drain, NOW) == 1
    assert live.hgetall(SUPPRESSED) == before
    assert is_copy_present(live)


def test_a_rebuild_drains_the_stream_first(recorder: Recorder, warehouse: Warehouse, live: redis.Redis) -> None:
    ledger.run(live, ledger.suppress(ADA, "marketing", "keyword"))
    live.delete(SUPPRESSED)
    rebuild_copy(warehouse, live, recorder.drain, NOW)
    assert live.hkeys(SUPPRESSED) == [ADA]


def test_a_rebuild_only_adds(recorder: Recorder, warehouse: Warehouse, live: redis.Redis) -> None:
    ledger.run(live, ledger.suppress(ADA, "all", "manual", who="Can"))
    recorder.drain()
    live.delete(SUPPRESSED)
    ledger.run(live, ledger.suppress(ADA, "marketing", "keyword"))
    ledger.run(live, ledger.suppress(EVE, "marketing", "button"))
    rebuild_copy(warehouse, live, lambda: None, NOW)
    assert live.hget(SUPPRESSED, ADA) == b"a;m:keyword;a:manual"
    assert live.hget(SUPPRESSED, EVE) == b"m;m:button"


def test_a_rebuild_brings_the_learned_names_back(recorder: Recorder, warehouse: Warehouse, live: redis.Redis) -> None:
    warehouse.cursor().execute(
        "INSERT INTO identities VALUES (?, '551112345678', 'BR.1', '5511912345678')", [key_to_int(ADA)]
    )
    rebuild_copy(warehouse, live, recorder.drain, NOW)
    names = [person_key(warehouse.salt, "551112345678", None), person_key(warehouse.salt, None, "BR.1")]
    assert live.hmget(ALIASES, names) == [ADA, ADA]


def test_a_persons_decision_is_in_redis_in_the_record_and_audited(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    assert suppress_person(warehouse, live, ADA, scope="all", who="Can", now=NOW)
    assert not suppress_person(warehouse, live, ADA, scope="all", who="Can", now=NOW)
    recorder.drain()
    assert ask(warehouse, "SELECT person_key, scope, reason, by_whom, lifted_at FROM suppressions") == [
        (key_to_int(ADA), "all", "manual", "Can", None)
    ]
    assert lift_suppressions(warehouse, live, ADA, who="Deniz", now=NOW) == 1
    recorder.drain()
    assert live.hgetall(SUPPRESSED) == {}
    assert ask(warehouse, "SELECT lifted_by FROM suppressions WHERE lifted_at IS NOT NULL") == [("Deniz",)]
    assert ask(warehouse, "SELECT who, verb FROM audit ORDER BY happened_at, verb DESC") == [
        ("Can", "suppressed"),
        ("Deniz", "lifted"),
    ]


def test_stop_words_are_published_and_changed_as_a_whole(warehouse: Warehouse, live: redis.Redis) -> None:
    publish_stop_words(warehouse, live)
    assert live.hget(STOP_WORDS, fold_word("İPTAL")) == b"stop"
    assert live.hget(STOP_WORDS, fold_word("Başla")) == b"resume"
    assert live.hget(STORE, "stop_scope") == b"marketing"
    keep_stop_words(warehouse, live, {"Beni Silin!": "stop"}, scope="all", who="Can", now=NOW)
    assert live.hgetall(STOP_WORDS) == {b"beni silin": b"stop"}
    publish_stop_words(warehouse, live)
    assert live.hgetall(STOP_WORDS) == {b"beni silin": b"stop"}
    assert live.hget(STORE, "stop_scope") == b"all"


def test_a_stream_that_fills_the_server_makes_senders_wait_until_it_is_drained(
    recorder: Recorder, live: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_created(live, 5)
    assert stream.publish_pressure(live) < stream.PRESSURE_LIMIT
    assert live.hget(STORE, "hold") is None
    with monkeypatch.context() as patched:
        patched.setattr(stream, "stream_pressure", lambda _: 0.26)
        stream.publish_pressure(live)
    assert live.hmget(STORE, ["hold", "pressure"]) == [b"stream", b"0.2600"]
    recorder.drain()
    stream.publish_pressure(live)
    assert live.hget(STORE, "hold") is None
    live.hset(STORE, "hold", "maintenance")
    stream.publish_pressure(live)
    assert live.hget(STORE, "hold") == b"maintenance"


def test_the_pressure_is_the_streams_share_of_the_servers_memory(live: redis.Redis) -> None:
    assert stream.stream_pressure(live) == 0.0
    for _ in range(50):
        write_created(live, 5)
    used = live.memory_usage("ulak:events")
    assert used
    assert stream.pressure_of(used, {"maxmemory": used * 4}) == 0.25
    assert stream.stream_pressure(live) > 0


def test_a_copy_that_lost_its_beginning_is_not_called_whole(warehouse: Warehouse, live: redis.Redis) -> None:
    """Redis is emptied in the middle of the rebuild: what was written before is gone, so nothing may be sent."""
    rebuild_copy(warehouse, live, live.flushall, NOW)
    assert not is_copy_present(live)
    rebuild_copy(warehouse, live, lambda: None, NOW)
    assert is_copy_present(live)


def test_lifting_a_person_lifts_what_stands_under_their_other_names(warehouse: Warehouse, live: redis.Redis) -> None:
    other = person_key(warehouse.salt, None, "TR.1")
    warehouse.cursor().execute("INSERT INTO identities VALUES (?, NULL, 'TR.1', NULL)", [key_to_int(ADA)])
    for name in (ADA, other, BOB):
        ledger.run(live, ledger.suppress(name, "marketing", "keyword"))
    assert lift_suppressions(warehouse, live, ADA, who="Elif", now=NOW) == 1
    assert live.hkeys(SUPPRESSED) == [BOB]
