"""What comes after an erasure: late receipts teach no name, old words bring nobody back; two erase by turns."""

from __future__ import annotations

import threading
from datetime import timedelta

import msgspec
import pytest
import redis

from engine.clock import to_ms, to_store, utc_now
from engine.contacts.person import key_to_int, new_pseudonym, person_key
from engine.contacts.phones import match_key
from engine.errors import NotFound
from engine.live import ALIASES, EVENTS
from engine.operations import ledger
from engine.operations.erasure import erase_contact
from engine.operations.states import DeliveryState
from engine.settings import Settings
from engine.warehouse import Warehouse
from tests.engine.operations_world import add_contacts
from tests.worker.test_receiver_people import facts, post, settings  # noqa: F401
from tests.worker.webhook_writing import OPERATION, make_operation, messages, status
from worker.recorder import Recorder

DIGITS = "905321117788"


def inbound(live: redis.Redis, warehouse: Warehouse, at_ms: int, name: str) -> None:
    key = person_key(warehouse.salt, match_key(DIGITS), None)
    fact = {"channel_id": "c", "person_key": key.hex(), "phone": DIGITS, "user_id": "", "name": name, "kind": "text"}
    live.xadd(EVENTS, {"v": 1, "k": "inbound", "j": msgspec.json.encode(fact | {"at_ms": at_ms})})
    said = {"person_key": key.hex(), "wa_id": DIGITS, "user_id": "TR.1", "phone": ""}
    live.xadd(EVENTS, {"v": 1, "k": "identity", "j": msgspec.json.encode(said)})


def count(warehouse: Warehouse, table: str) -> int:
    return int(warehouse.cursor().execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def test_a_late_receipt_teaches_no_name_of_somebody_erased(settings: Settings, live: redis.Redis) -> None:  # noqa: F811
    make_operation(live, 2)
    ledger.run(live, ledger.erase(OPERATION, [1], new_pseudonym(), who="Elif"))
    told = {"recipient_id": "5511912345678", "recipient_user_id": "BR.77"}
    post(settings, messages(statuses=[status(1, "delivered", **told)]))
    assert facts(live, "identity") == []
    assert live.hlen(ALIASES) == 0
    assert ledger.counters(live, OPERATION)[DeliveryState.DELIVERED] == 1


def test_what_they_said_before_is_not_recorded_and_what_they_say_after_is(
    live: redis.Redis,
    warehouse: Warehouse,
    settings: Settings,  # noqa: F811
) -> None:
    add_contacts(warehouse, [{"phone": f"+{DIGITS}"}, {}])
    inbound(live, warehouse, to_ms(utc_now()) - 60_000, "Before")
    now = utc_now() + timedelta(milliseconds=1)
    erase_contact(warehouse, live, settings, 1, who="Elif", now=now)
    recorder = Recorder(warehouse, live, lambda: None)
    recorder.drain()
    assert [count(warehouse, table) for table in ("contacts", "contact_facts", "windows", "identities")] == [
        1,
        0,
        0,
        0,
    ]
    inbound(live, warehouse, to_ms(now + timedelta(seconds=60)), "After")
    recorder.drain()
    rows = warehouse.cursor().execute("SELECT contact_id, name, origin FROM contacts ORDER BY 1 DESC").fetchall()
    assert rows[0] == (3, "After", "customer")
    assert count(warehouse, "identities") == 1


def test_two_who_erase_one_person_do_it_once(
    live: redis.Redis,
    warehouse: Warehouse,
    settings: Settings,  # noqa: F811
) -> None:
    add_contacts(warehouse, [{} for _ in range(6)])
    gate, done, refused = threading.Barrier(6), [], []

    def press(contact_id: int) -> None:
        gate.wait()
        try:
            done.append(erase_contact(warehouse, live, settings, contact_id, who="Elif", now=utc_now()).contact_id)
        except NotFound:
            refused.append(contact_id)

    threads = [threading.Thread(target=press, args=(number,)) for number in (1, 1, 1, 2, 3, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(done), sorted(refused)) == ([1, 2, 3], [1, 1, 3])
    assert count(warehouse, "erasures") == 3
    assert count(warehouse, "contacts") == 3


def test_an_erasure_whose_contact_went_another_way_is_finished_all_the_same(
    live: redis.Redis,
    warehouse: Warehouse,
    settings: Settings,  # noqa: F811
) -> None:
    add_contacts(warehouse, [{"phone": f"+{DIGITS}"}])

    class Killed(BaseException):
        pass

    def die(step: str) -> None:
        raise Killed

    with pytest.raises(Killed):
        erase_contact(warehouse, live, settings, 1, who="Elif", now=utc_now(), after_step=die)
    key = key_to_int(person_key(warehouse.salt, DIGITS, None))
    warehouse.cursor().execute("INSERT INTO windows VALUES (?, 'c', ?)", [key, to_store(utc_now())])
    warehouse.cursor().execute("DELETE FROM contacts")
    erase_contact(warehouse, live, settings, 1, who="Elif", now=utc_now())
    assert count(warehouse, "windows") == 0
    assert warehouse.cursor().execute("SELECT finished_at IS NOT NULL FROM erasures").fetchall() == [(True,)]
