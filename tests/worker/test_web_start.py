"""What web does with Redis at its start: who may send, what is lost, and what is never written there in clear."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest
import redis

from engine.clock import to_store, utc_now
from engine.contacts import key_to_int, person_key
from engine.errors import QueueUnavailable
from engine.live import CHANNELS, STOP_WORDS, STORE, SUPPRESSED, channel_key, operation_key, portfolio_key
from engine.operations import ledger
from engine.operations.launch import launch
from engine.operations.lost import LOST_LEDGER
from engine.operations.states import DeliveryState, OperationState
from engine.settings import Settings, load_settings
from engine.warehouse import Warehouse
from tests.engine.operations_world import CHANNEL, NOW, World, add_contacts, make_world
from tests.worker.api_world import prepare, running_sandbox, settings_with_ports
from worker import web
from worker.recorder import Recorder
from worker.web import Backstage, prepare_redis


@pytest.fixture
def world(warehouse: Warehouse, live: redis.Redis) -> World:
    """Twelve contacts and a channel; Redis was prepared."""
    made = make_world(warehouse, live, load_settings())
    add_contacts(warehouse, [{}] * 12)
    _seal(made)
    prepare(warehouse, live, made.settings)
    return made


def _seal(world: World) -> None:
    """Give the channel secrets that can be published."""
    from engine.secrets import secret_box

    plain = json.dumps({"access_token": "EAAtoken", "app_secret": "appsecret", "verify_token": "verifyme"})
    sealed = secret_box(world.settings).encrypt(plain.encode()).decode()
    world.warehouse.cursor().execute("UPDATE channels SET secrets = ?", [sealed])


def start_again(world: World) -> Recorder:
    """Web's start, as far as Redis is concerned."""
    return prepare(world.warehouse, world.client, world.settings)


def suppress(world: World, number: int) -> bytes:
    """Write a suppression of contact `number` into the record alone; returns the person."""
    person = person_key(world.warehouse.salt, f"90532{number:07d}", None)
    world.warehouse.cursor().execute(
        "INSERT INTO suppressions VALUES (?, 'marketing', 'keyword', ?, 'receiver', ?, NULL, NULL)",
        [key_to_int(person), CHANNEL, to_store(NOW)],
    )
    return person


def claim(world: World, operation_id: str) -> ledger.ClaimAnswer:
    """What a worker would get."""
    call = ledger.claim(
        operation_id,
        job="0.a",
        token="t1",
        channel_id=CHANNEL,
        portfolio_id="pf-1",
        candidates=range(12),
        not_after_ms=0,
        now_ms=1_800_000_000_000,
    )
    return ledger.run(world.client, call)


def recorded_states(world: World, operation_id: str) -> list[int]:
    """The states of an operation's rows in the record."""
    rows = world.warehouse.cursor().execute(
        "SELECT d.state FROM deliveries d JOIN operations o USING (operation_no) WHERE operation_id = ?"
        " ORDER BY recipient_no",
        [operation_id],
    )
    return [state for (state,) in rows.fetchall()]


def interrupt_at(step: str) -> object:
    def die(done: str) -> None:
        if done == step:
            raise QueueUnavailable(reason="gone")

    return die


# A first start.


@pytest.fixture
def first(live: redis.Redis, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A store and a Redis that nobody has used; the sandbox runs."""
    settings = settings_with_ports(monkeypatch)
    with running_sandbox(settings):
        yield settings


def test_a_first_start_brings_everything_that_sending_needs(
    first: Settings, live: redis.Redis, warehouse: Warehouse
) -> None:
    prepare(warehouse, live, first)
    assert live.hget(STORE, "epoch") == warehouse.epoch.encode()
    assert live.hexists(STORE, "suppressions")
    assert live.smembers(CHANNELS) == {b"sandbox"}
    assert float(live.hget(channel_key("sandbox"), "rate") or 0) == 80
    assert live.hget(portfolio_key("sandbox"), "limit") == b"10000"
    assert live.hlen(STOP_WORDS) > 5
    count = warehouse.cursor().execute("SELECT count(*) FROM templates").fetchall()
    assert count[0][0] >= 10, "a newcomer finds templates"


def test_no_secret_and_no_number_is_in_redis_in_clear(
    first: Settings, live: redis.Redis, warehouse: Warehouse
) -> None:
    prepare(warehouse, live, first)
    add_contacts(warehouse, [{"name": "Züleyha"}])
    kept = json.loads(first.sandbox_credentials_path.read_text())
    hidden = [kept[name].encode() for name in ("access_token", "app_secret", "verify_token")]
    hidden += [warehouse.salt.hex().encode(), warehouse.salt, (first.home / "secret.key").read_bytes()]
    hidden += [b"905320000001", "Züleyha".encode()]
    seen = everything_in(live)
    assert warehouse.epoch.encode() in seen, "the search finds what is there"
    assert not [text for text in hidden if text in seen]


def everything_in(client: redis.Redis) -> bytes:
    """Every key with every value, as one text."""
    pieces: list[bytes] = []
    for key in client.scan_iter():
        pieces.append(key)
        match client.type(key):
            case b"string":
                pieces.append(client.get(key) or b"")
            case b"hash":
                pieces += [part for pair in client.hgetall(key).items() for part in pair]
            case b"set":
                pieces += client.smembers(key)
            case b"zset":
                pieces += client.zrange(key, 0, -1)
            case b"list":
                pieces += client.lrange(key, 0, -1)
            case b"stream":
                pieces += [part for _, fields in client.xrange(key) for pair in fields.items() for part in pair]
    return b"\0".join(pieces)


def test_nor_while_an_operation_runs(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    assert claim(world, operation_id).rows
    seen = everything_in(world.client)
    assert operation_id.encode() in seen
    hidden = (b"90532", b"Name 1", b"a warm welcome", b"EAAtoken", b"appsecret", b"verifyme")
    assert not [text for text in hidden if text in seen]


# The same store again.


def test_a_start_with_the_same_redis_changes_nothing_that_lives(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    world.client.hset(channel_key(CHANNEL), mapping={"state": "halted", "cause": "190", "next_us": 5})
    claimed = ledger.counters(world.client, operation_id)
    start_again(world)
    assert world.state(operation_id) == "running"
    assert ledger.counters(world.client, operation_id) == claimed
    assert world.client.hmget(channel_key(CHANNEL), "state", "cause", "next_us") == [b"halted", b"190", b"5"]


def test_a_launch_that_died_before_the_ledger_is_finished(world: World) -> None:
    operation_id = world.draft()
    with pytest.raises(QueueUnavailable):
        world.launch(operation_id, after_step=interrupt_at("recorded"))
    start_again(world)
    assert ledger.operation_state(world.client, operation_id) == "running"
    assert len(claim(world, operation_id).rows) == 12


# Another Redis, or an emptied one.


@pytest.mark.parametrize("former", [b"", b"another-store"], ids=["emptied", "strange"])
def test_nothing_is_sent_until_the_copy_of_the_suppressions_is_there(world: World, former: bytes) -> None:
    """Whatever the Redis holds, its permission to send doesn't outlast a change of the store."""
    person = suppress(world, 1)
    if former:
        world.client.hset(STORE, "epoch", former)
    else:
        world.client.flushall()
    seen: list[tuple[bool, bool]] = []

    class Watching(Recorder):
        def drain(self) -> int:
            seen.append((world.client.hexists(STORE, "suppressions"), world.client.hexists(SUPPRESSED, person)))
            return super().drain()

    prepare_redis(world.warehouse, world.client, world.settings, Watching(world.warehouse, world.client))
    assert seen
    assert set(seen) == {(False, False)}
    assert world.client.hget(SUPPRESSED, person) in (b"m", b"m|keyword") or world.client.hexists(SUPPRESSED, person)
    operation_id = world.draft()
    assert world.launch(operation_id).recipient_count == 11


def test_who_opted_out_before_redis_was_lost_gets_nothing_from_a_frozen_audience(world: World) -> None:
    operation_id = world.draft()
    with pytest.raises(QueueUnavailable):
        world.launch(operation_id, after_step=interrupt_at("recorded"))
    suppress(world, 1)
    world.client.hdel(STORE, "suppressions")
    world.client.delete(SUPPRESSED)
    start_again(world)
    answer = claim(world, operation_id)
    assert (len(answer.rows), len(answer.suppressed)) == (11, 1)


@pytest.mark.parametrize("state", ["running", "waiting", "paused", "halted"])
def test_an_operation_that_redis_lost_is_halted_with_its_open_rows_unknown(world: World, state: str) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    if state == "paused":
        ledger.run(world.client, ledger.control(operation_id, "pause", who="Elif"))
    elif state == "waiting":
        ledger.run(world.client, ledger.control(operation_id, "wait", who="", cause="x", until_ms=2**42))
    elif state == "halted":
        ledger.run(world.client, ledger.control(operation_id, "halt", who="", cause="error_budget"))
    sent = [ledger.Change(0, 0, DeliveryState.SENT), ledger.Change(1, 0, DeliveryState.FAILED, code=131026)]
    ledger.run(world.client, ledger.transition(operation_id, sent, source="webhook"))
    Recorder(world.warehouse, world.client).drain()
    before = recorded_states(world, operation_id)
    assert world.state(operation_id) == state
    world.client.flushall()
    start_again(world)
    assert world.state(operation_id) == OperationState.HALTED
    cause = world.warehouse.cursor().execute("SELECT cause FROM operations").fetchall()
    assert cause == [(LOST_LEDGER,)]
    open_states = {DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.RETRY}
    expected = [DeliveryState.UNKNOWN if one in open_states else one for one in before]
    assert recorded_states(world, operation_id) == expected
    assert DeliveryState.UNKNOWN in expected
    assert not world.client.exists(operation_key(operation_id)), "never made anew"


def test_it_is_halted_once_however_often_web_starts(world: World) -> None:
    world.launch(world.draft())
    Recorder(world.warehouse, world.client).drain()
    world.client.flushall()
    for _ in range(3):
        start_again(world)
    assert world.count("SELECT count(*) FROM audit WHERE verb = 'halted'") == 1


def test_an_operation_that_was_over_stays_so(world: World) -> None:
    operation_id = world.draft()
    world.launch(operation_id)
    ledger.run(world.client, ledger.control(operation_id, "cancel", who="Elif"))
    Recorder(world.warehouse, world.client).drain()
    world.client.flushall()
    start_again(world)
    assert world.state(operation_id) == "cancelled"
    assert set(recorded_states(world, operation_id)) == {DeliveryState.CANCELLED}


def test_a_launch_that_may_have_sent_already_is_halted_with_everybody_unknown(world: World) -> None:
    """The ledger was made and maybe used, and Redis was lost before the record heard of it."""
    operation_id = world.draft()
    world.launch(operation_id)
    assert world.state(operation_id) == "launching"
    world.client.flushall()
    start_again(world)
    assert world.state(operation_id) == "halted"
    assert recorded_states(world, operation_id) == [DeliveryState.UNKNOWN] * 12


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_start_that_fails_half_way_does_not_make_a_lost_launch_anew(world: World, steps: int) -> None:
    """The first try gave Redis its epoch back; the second must still know that it had been emptied."""
    operation_id = world.draft()
    world.launch(operation_id)
    world.client.flushall()
    for _ in range(steps):
        with pytest.raises(QueueUnavailable):
            prepare_redis(world.warehouse, world.client, world.settings, _Failing(world.warehouse, world.client))
    start_again(world)
    assert world.state(operation_id) == "halted"
    assert not world.client.exists(operation_key(operation_id))


class _Failing(Recorder):
    def drain(self) -> int:
        raise QueueUnavailable(reason="gone")


def test_after_a_whole_start_launches_are_finished_again(world: World) -> None:
    world.client.flushall()
    start_again(world)
    operation_id = world.draft()
    with pytest.raises(QueueUnavailable):
        launch(
            world.warehouse,
            world.client,
            world.settings,
            operation_id,
            who="Elif",
            now=utc_now(),
            enqueue=world.ring,
            after_step=interrupt_at("recorded"),  # type: ignore[arg-type]
        )
    start_again(world)
    assert ledger.operation_state(world.client, operation_id) == "running"


def test_a_redis_that_is_emptied_while_web_runs_gets_everything_back_before_anything_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "PENDING_SECONDS", 0.02)
    suppressed = suppress(world, 3)
    backstage = Backstage(world.warehouse, world.settings)
    backstage.start()
    try:
        wait_for(lambda: world.client.hexists(SUPPRESSED, suppressed))
        world.client.flushall()
        wait_for(lambda: world.client.hexists(STORE, "suppressions"))
        assert world.client.hexists(SUPPRESSED, suppressed)
        assert world.client.hget(STORE, "epoch") == world.warehouse.epoch.encode()
        assert world.client.scard(CHANNELS)
    finally:
        backstage.stop()


def wait_for(is_so: Callable[[], object]) -> None:
    """Until it is so; a test that waits for ever fails instead."""
    give_up_at = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
