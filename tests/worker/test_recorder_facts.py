"""What the recorder makes of people's words: suppressions, answers, windows, unknown senders, account notices."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import redis

from engine.contacts.person import bucket_of, key_to_int, person_key
from engine.operations.states import DeliveryState as S
from engine.warehouse import Warehouse
from tests.worker.stream_writing import AT_MS, AT_S, write_created, write_fact, write_rows
from worker.recorder import Recorder

AT = datetime(1970, 1, 1) + timedelta(seconds=AT_S)
PHONE = "905321234567"


@pytest.fixture
def recorder(warehouse: Warehouse, live: redis.Redis) -> Recorder:
    return Recorder(warehouse, live)


@pytest.fixture
def person(warehouse: Warehouse) -> bytes:
    return person_key(warehouse.salt, PHONE, None)


def ask(warehouse: Warehouse, query: str, *bound: Any) -> list[tuple[Any, ...]]:
    return warehouse.cursor().execute(query, list(bound)).fetchall()


def write_inbound(live: redis.Redis, person: bytes, **fact: Any) -> None:
    whole = {
        "channel_id": "sandbox",
        "person_key": person.hex(),
        "phone": PHONE,
        "user_id": "",
        "name": "Ayşe",
        "kind": "text",
        "context_id": "",
        "payload": "",
        "referral": "",
        "message_id": "wamid.in",
    }
    write_fact(live, "inbound", **(whole | fact))


def add_operation(warehouse: Warehouse, launched: datetime) -> None:
    warehouse.cursor().execute(
        "INSERT INTO operations (operation_id, operation_no, name, state, created_by, created_at, updated_at, "
        "launched_at) VALUES ('op-1', 1, 'x', 'running', 'Ada', ?, ?, ?)",
        [launched] * 3,
    )


def test_an_unknown_sender_becomes_one_contact_and_is_never_changed(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis, person: bytes
) -> None:
    version = warehouse.data_version
    write_inbound(live, person)
    write_inbound(live, person, name="Another", at_ms=AT_MS + 5000)
    recorder.run_once()
    write_inbound(live, person, name="Third", at_ms=AT_MS + 9000)
    recorder.run_once()
    number = key_to_int(person)
    found = ask(
        warehouse,
        "SELECT contact_id, phone, match_key, person_key, phone_valid, bucket, origin, name, country, created_at "
        "FROM contacts",
    )
    assert found == [(1, f"+{PHONE}", PHONE, number, True, bucket_of(number), "customer", "Ayşe", "TR", AT)]
    assert warehouse.data_version > version


def test_who_writes_from_an_ad_began_by_the_ad(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis, person: bytes
) -> None:
    write_inbound(live, person, referral="ad")
    recorder.run_once()
    assert ask(warehouse, "SELECT origin FROM contacts") == [("ad",)]
    assert ask(warehouse, "SELECT began FROM contact_facts") == [("ad",)]


def test_a_sender_without_a_phone_is_kept_by_user_id(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    key = person_key(warehouse.salt, None, "TR.123")
    write_inbound(live, key, phone="", user_id="TR.123")
    recorder.run_once()
    assert ask(warehouse, "SELECT phone, user_id, phone_valid FROM contacts") == [(None, "TR.123", None)]


def test_an_answer_marks_the_delivery_it_answers_with_the_earliest_time(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis, person: bytes
) -> None:
    add_operation(warehouse, AT)
    write_created(live, 2)
    write_rows(live, (0, 1, S.ACCEPTED, 0, 0, AT_S), ids=["wamid.ours"])
    write_inbound(live, person, context_id="wamid.ours", at_ms=AT_MS + 8000)
    recorder.run_once()
    write_inbound(live, person, context_id="wamid.ours", at_ms=AT_MS + 6000)
    write_inbound(live, person, context_id="wamid.strange", at_ms=AT_MS + 9000)
    recorder.run_once()
    found = ask(warehouse, "SELECT recipient_no, answered_at FROM deliveries ORDER BY 1")
    assert found == [(0, AT + timedelta(seconds=6)), (1, None)]
    facts = ask(warehouse, "SELECT last_message_at, last_answer_at, began FROM contact_facts")
    assert facts == [(AT + timedelta(seconds=9), AT + timedelta(seconds=8), "business")]


def test_a_window_lasts_a_day_from_the_last_message_and_only_moves_forward(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis, person: bytes
) -> None:
    write_inbound(live, person, at_ms=AT_MS + 60_000)
    write_inbound(live, person)
    write_inbound(live, person, kind="reaction", at_ms=AT_MS + 90_000)
    recorder.run_once()
    write_inbound(live, person)
    recorder.run_once()
    expires = AT + timedelta(days=1, minutes=1)
    assert ask(warehouse, "SELECT channel_id, expires_at FROM windows") == [("sandbox", expires)]


def test_suppressions_follow_the_stream_and_a_lift_takes_its_reason_alone(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis, person: bytes
) -> None:
    fact = {"person_key": person.hex(), "scope": "marketing", "channel_id": "sandbox", "who": ""}
    write_fact(live, "suppress", reason="keyword", **fact)
    write_fact(live, "suppress", reason="keyword", **fact)
    write_fact(live, "suppress", reason="user_preferences", **fact)
    write_fact(live, "lift", reason="user_preferences", **fact | {"at_ms": AT_MS + 1000})
    recorder.run_once()
    found = ask(warehouse, "SELECT reason, by_whom, happened_at, lifted_at FROM suppressions ORDER BY reason")
    assert found == [
        ("keyword", "ulak", AT, None),
        ("user_preferences", "ulak", AT, AT + timedelta(seconds=1)),
    ]


def test_learned_names_are_kept_once(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis, person: bytes
) -> None:
    fact = {"person_key": person.hex(), "wa_id": "5511912345678", "user_id": "BR.1"}
    write_fact(live, "identity", **fact)
    write_fact(live, "identity", **fact)
    recorder.run_once()
    found = ask(warehouse, "SELECT person_key, match_key, user_id, wa_id FROM identities")
    assert found == [(key_to_int(person), "551112345678", "BR.1", "5511912345678")]


def test_a_template_notice_reaches_every_channel_of_the_account(
    recorder: Recorder, warehouse: Warehouse, live: redis.Redis
) -> None:
    cursor = warehouse.cursor()
    for channel, account in (("one", "w1"), ("two", "w1"), ("other", "w2")):
        cursor.execute(
            "INSERT INTO channels (channel_id, name, provider, portfolio_id, waba_id, phone_number_id, "
            "rate_per_second, graph_url, graph_version, secrets, created_by, created_at) "
            "VALUES (?, ?, 'sandbox', 'p', ?, '1', 80, '', 'v25.0', '', 'Ada', ?)",
            [channel, channel, account, AT],
        )
        cursor.execute(
            "INSERT INTO templates VALUES (?, 'offer', 'tr', '1', 'APPROVED', 'MARKETING', 'NAMED', '[]', 'GREEN', "
            "NULL, '', ?, NULL)",
            [channel, AT],
        )
    value = {
        "event": "paused",
        "message_template_name": "offer",
        "message_template_language": "tr",
        "reason": "NONE",
    }
    write_fact(live, "account", channel_id="one", field="message_template_status_update", value=value)
    quality = {"new_quality_score": "RED", "message_template_name": "offer", "message_template_language": "tr"}
    write_fact(live, "account", channel_id="one", field="message_template_quality_update", value=quality)
    recorder.run_once()
    found = ask(warehouse, "SELECT channel_id, status, quality FROM templates ORDER BY 1")
    assert found == [("one", "PAUSED", "RED"), ("other", "APPROVED", "GREEN"), ("two", "PAUSED", "RED")]
    changes = ask(
        warehouse, "SELECT channel_id, kind, old_value, new_value, cause FROM template_changes ORDER BY 1, 2"
    )
    assert changes == [
        (channel, kind, old, new, "webhook")
        for channel in ("one", "two")
        for kind, old, new in (("quality", "GREEN", "RED"), ("status", "APPROVED", "PAUSED"))
    ]
    assert ask(warehouse, "SELECT count(*) FROM account_events") == [(2,)]
