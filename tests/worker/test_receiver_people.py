"""What people say to the receiver: opt-outs in any order, windows, names under which they answer, account notices."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import msgspec
import pytest
import redis

from engine.contacts.person import person_key
from engine.live import ALIASES, EVENTS, STORE, SUPPRESSED, channel_key, portfolio_key, windows_key
from engine.operations import ledger
from engine.operations.inbound import fold_word
from engine.settings import Settings, current_settings
from engine.warehouse import Warehouse
from tests.worker.webhook_writing import (
    AT_S,
    CHANNEL,
    NUMBER,
    OPERATION,
    PORTFOLIO,
    SALT,
    change,
    make_operation,
    message,
    messages,
    person_of,
    phone_of,
    preference,
    publish_store,
    signed,
    status,
)
from worker.receiver import create_app
from worker.recorder import Recorder


@pytest.fixture
def settings(live: redis.Redis) -> Settings:
    found = current_settings()
    publish_store(live, found)
    return found


def post(settings: Settings, *bodies: dict[str, Any]) -> None:
    """POST bodies one after another; each must be taken."""

    async def run() -> None:
        receiver = create_app(settings)
        await receiver.start()
        transport = httpx.ASGITransport(app=receiver)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
            try:
                for body in bodies:
                    raw, headers = signed(body)
                    answer = await client.post(f"/webhook/{CHANNEL}", content=raw, headers=headers)
                    assert answer.status_code == 200
            finally:
                await receiver.stop()

    asyncio.run(run())


def facts(live: redis.Redis, kind: str) -> list[Any]:
    return [msgspec.json.decode(entry[b"j"]) for _, entry in live.xrange(EVENTS) if entry[b"k"] == kind.encode()]


def suppressed(live: redis.Redis) -> set[bytes]:
    return set(live.hkeys(SUPPRESSED))


def text(word: str, at_s: int = AT_S) -> dict[str, Any]:
    return messages(messages=[message(1, word, at_s=at_s)])


def tap(payload: str, title: str) -> dict[str, Any]:
    return messages(messages=[message(1, kind="button", button={"payload": payload, "text": title})])


@pytest.mark.parametrize(
    "word", ["STOP", " stop! ", "Dur", "DUR.", "iptal", "İPTAL", "IPTAL", "çıkış", "Cikis", "توقف"]
)
def test_a_whole_message_that_is_a_stop_word_suppresses_at_once(
    settings: Settings, live: redis.Redis, word: str
) -> None:
    post(settings, text(word))
    assert suppressed(live) == {person_of(1)}
    [fact] = facts(live, "suppress")
    assert (fact["scope"], fact["reason"], fact["channel_id"]) == ("marketing", "keyword", CHANNEL)


@pytest.mark.parametrize("word", ["please stop", "dur bakalım", "stopword", "", "👍", "Teşekkürler"])
def test_a_sentence_is_for_a_human(settings: Settings, live: redis.Redis, word: str) -> None:
    post(settings, text(word))
    assert suppressed(live) == set()
    assert len(facts(live, "inbound")) == 1


@pytest.mark.parametrize(
    ("payload", "title", "stops"),
    [
        ("OPTOUT:41", "Whatever", True),
        ("optout", "Whatever", True),
        ("İstemiyorum", "İstemiyorum", True),
        ("Unsubscribe", "Unsubscribe", True),
        ("Stop promotions", "Stop promotions", True),
        ("İptal", "İptal", False),
        ("OPTOUTLET", "Outlet", False),
        ("Katılıyorum", "Katılıyorum", False),
    ],
)
def test_a_tap_opts_out_when_it_can_only_mean_that(
    settings: Settings, live: redis.Redis, payload: str, title: str, stops: bool
) -> None:
    post(settings, tap(payload, title))
    assert bool(suppressed(live)) == stops


def test_a_resume_word_lifts_what_a_word_or_a_button_put(settings: Settings, live: redis.Redis) -> None:
    post(settings, text("STOP"), text("Başla", AT_S + 60))
    assert suppressed(live) == set()
    assert [fact["reason"] for fact in facts(live, "lift")] == ["keyword"]


def test_an_old_resume_that_comes_late_lifts_nothing(settings: Settings, live: redis.Redis) -> None:
    post(settings, text("STOP", AT_S + 60), text("START", AT_S))
    assert suppressed(live) == {person_of(1)}


def test_an_old_stop_that_comes_again_stops_nobody_who_resumed(settings: Settings, live: redis.Redis) -> None:
    post(settings, text("STOP"), text("START", AT_S + 60), text("STOP"))
    assert suppressed(live) == set()


def test_the_switch_in_whatsapp_stops_marketing_and_its_resume_lifts_only_that(
    settings: Settings, live: redis.Redis
) -> None:
    post(settings, preference(1, "stop"))
    assert live.hget(SUPPRESSED, person_of(1)) == b"m;m:user_preferences"
    post(settings, text("STOP"), preference(1, "resume", at_s=AT_S + 60))
    assert live.hget(SUPPRESSED, person_of(1)) == b"m;m:keyword"
    post(settings, preference(2, "signup"))
    assert suppressed(live) == {person_of(1)}


def test_a_persons_own_decision_is_not_lifted_by_a_word(settings: Settings, live: redis.Redis) -> None:
    ledger.run(live, ledger.suppress(person_of(1), "all", "manual", who="Ada"))
    post(settings, text("STOP"), text("START", AT_S + 60), preference(1, "resume", at_s=AT_S + 90))
    assert live.hget(SUPPRESSED, person_of(1)) == b"a;a:manual"


def test_stop_words_reach_as_far_as_the_store_says(settings: Settings, live: redis.Redis) -> None:
    live.hset(STORE, "stop_scope", "all")
    live.hset("ulak:stop_words", fold_word("Beni silin"), "stop")
    post(settings, text("beni SİLİN"), messages(messages=[message(2, "STOP")]))
    assert live.hgetall(SUPPRESSED) == {person_of(1): b"a;a:keyword"}


def test_a_window_opens_for_a_day_from_the_message_and_only_moves_forward(
    settings: Settings, live: redis.Redis
) -> None:
    now = int(time.time())
    windows = windows_key(CHANNEL)
    post(settings, text("Selam", now), text("Selam", now - 500))
    assert live.hgetall(windows) == {person_of(1): str((now + 86_400) * 1000).encode()}
    reaction = message(2, kind="reaction", at_s=now, reaction={"message_id": "x", "emoji": "👍"})
    post(settings, messages(messages=[reaction]))
    assert live.hlen(windows) == 1
    post(settings, text("Selam", now + 90_000))
    assert int(live.hget(windows, person_of(1)) or 0) < (now + 87_000) * 1000


def test_an_inbound_message_is_an_event_without_its_text(settings: Settings, live: redis.Redis) -> None:
    body = messages(
        contacts=[{"profile": {"name": "Ayşe"}, "wa_id": phone_of(1), "user_id": "TR.1"}],
        messages=[message(1, "Selam, fiyat?", context={"id": "wamid.ours"}, referral={"source_type": "ad"})],
    )
    post(settings, body)
    [fact] = facts(live, "inbound")
    assert fact == {
        "channel_id": CHANNEL,
        "person_key": person_of(1).hex(),
        "phone": phone_of(1),
        "user_id": "TR.1",
        "name": "Ayşe",
        "kind": "text",
        "at_ms": AT_S * 1000,
        "context_id": "wamid.ours",
        "payload": "",
        "referral": "ad",
        "message_id": f"wamid.in.1.{AT_S}",
    }


def test_a_message_to_a_number_of_nobody_is_passed_over(settings: Settings, live: redis.Redis) -> None:
    post(settings, change("messages", {"metadata": {"phone_number_id": "999"}, "messages": [message(1, "STOP")]}))
    assert suppressed(live) == set()
    assert live.xlen(EVENTS) == 0


def test_a_status_teaches_the_names_a_person_answers_by(settings: Settings, live: redis.Redis) -> None:
    make_operation(live, 2)
    told = {"recipient_id": "5511912345678", "recipient_user_id": "BR.77"}
    post(settings, messages(statuses=[status(1, "sent", **told)]))
    names = [person_key(SALT, "551112345678", None), person_key(SALT, None, "BR.77")]
    assert live.hmget(ALIASES, names) == [person_of(1)] * 2
    [[fact, *_]] = facts(live, "identity")
    assert (fact["person_key"], fact["user_id"]) == (person_of(1).hex(), "BR.77")
    stop = message(9, "STOP") | {"from": None, "from_user_id": "BR.77"}
    post(settings, messages(messages=[stop]), messages(statuses=[status(1, "read", **told)]))
    assert person_of(1) in suppressed(live)
    assert len(facts(live, "identity")) == 1


def test_a_new_number_of_a_person_leads_to_the_person(settings: Settings, live: redis.Redis) -> None:
    system = message(1, kind="system", system={"type": "user_changed_number", "wa_id": phone_of(2)})
    post(settings, messages(messages=[system]))
    assert live.hget(ALIASES, person_of(2)) == person_of(1)
    post(settings, messages(messages=[message(2, "STOP")]))
    assert suppressed(live) == {person_of(1), person_of(2)}


def template_notice(event: str, *, time: int = AT_S, name: str = "offer") -> dict[str, Any]:
    value = {"event": event, "message_template_name": name, "message_template_language": "tr", "reason": "NONE"}
    return change("message_template_status_update", value, time=time)


@pytest.mark.parametrize(
    ("event", "name", "state"),
    [
        ("PAUSED", "offer", "halted"),
        ("DISABLED", "offer", "halted"),
        ("REJECTED", "offer", "halted"),
        ("APPROVED", "offer", "running"),
        ("FLAGGED", "offer", "running"),
        ("PAUSED", "other", "running"),
    ],
)
def test_a_template_that_can_no_longer_be_sent_halts_what_sends_it(
    settings: Settings, live: redis.Redis, event: str, name: str, state: str
) -> None:
    make_operation(live, 2, claim=False)
    post(settings, template_notice(event, name=name))
    assert ledger.operation_state(live, OPERATION) == state
    assert len(facts(live, "account")) == 1


def test_the_same_notice_again_halts_nothing_that_was_resumed(settings: Settings, live: redis.Redis) -> None:
    make_operation(live, 2, claim=False)
    post(settings, template_notice("PAUSED"))
    ledger.run(live, ledger.control(OPERATION, "resume", who="Ada"))
    post(settings, template_notice("PAUSED"))
    assert ledger.operation_state(live, OPERATION) == "running"
    post(settings, template_notice("PAUSED", time=AT_S + 5))
    assert ledger.operation_state(live, OPERATION) == "halted"


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (
            {
                "event": "ACCOUNT_RESTRICTION",
                "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}],
            },
            b"account_restricted",
        ),
        ({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}}, b"account_disabled"),
        ({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}}, None),
        ({"event": "ACCOUNT_RESTRICTION", "restriction_info": [{"restriction_type": "X_CALLING"}]}, None),
        ({"event": "SOMETHING_NEW", "restriction_info": "text"}, None),
    ],
)
def test_a_restricted_account_halts_its_channels(
    settings: Settings, live: redis.Redis, value: dict[str, Any], cause: bytes | None
) -> None:
    post(settings, change("account_update", value))
    assert live.hget(channel_key(CHANNEL), "cause") == cause


def test_an_error_of_the_whole_number_halts_its_channel(settings: Settings, live: redis.Redis) -> None:
    post(settings, messages(errors=[{"code": 130429}]))
    assert live.hget(channel_key(CHANNEL), "state") is None
    post(settings, messages(errors=[{"code": 131031}]))
    assert live.hmget(channel_key(CHANNEL), ["state", "cause"]) == [b"halted", b"131031"]


@pytest.mark.parametrize(("said", "limit"), [("TIER_2K", b"2000"), (10_000, b"10000"), (-1, b"-1"), ("TIER_X", None)])
def test_a_new_messaging_limit_counts_at_once(
    settings: Settings, live: redis.Redis, said: object, limit: bytes | None
) -> None:
    post(settings, change("business_capability_update", {"max_daily_conversations_per_business": said}))
    assert live.hget(portfolio_key(PORTFOLIO), "limit") == limit


def test_the_number_in_the_body_decides_the_channel(settings: Settings, live: redis.Redis) -> None:
    assert NUMBER == "5550001"
    post(settings, text("Selam"))
    assert facts(live, "inbound")[0]["channel_id"] == CHANNEL


def test_a_body_that_nobody_foresaw_fails_alone(
    settings: Settings, live: redis.Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from engine.operations import hearing_people

    real = hearing_people.wish_of_message

    def strange(said: Any, words: Any) -> Any:
        if said.text == "poison":
            raise RuntimeError(f"from {said.phone}")
        return real(said, words)

    monkeypatch.setattr(hearing_people, "wish_of_message", strange)

    async def run() -> list[int]:
        receiver = create_app(settings)
        await receiver.start()
        transport = httpx.ASGITransport(app=receiver)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
            bodies = [signed(messages(messages=[message(number, "STOP")])) for number in range(6)]
            bodies.insert(3, signed(messages(messages=[message(9, "poison")])))
            posts = [client.post(f"/webhook/{CHANNEL}", content=raw, headers=given) for raw, given in bodies]
            codes = [answer.status_code for answer in await asyncio.gather(*posts)]
        await receiver.stop()
        return codes

    assert asyncio.run(run()) == [200, 200, 200, 503, 200, 200, 200]
    assert suppressed(live) == {person_of(number) for number in range(6)}
    assert phone_of(9) not in caplog.text


def test_windows_that_closed_are_forgotten_in_time(settings: Settings, live: redis.Redis) -> None:
    now_ms = int(time.time() * 1000)
    live.hset(windows_key(CHANNEL), mapping={person_of(1): now_ms - 4_000_000, person_of(2): now_ms + 1000})
    surroundings = create_app(settings)._around
    surroundings.refresh()
    assert live.hkeys(windows_key(CHANNEL)) == [person_of(2)]


def test_what_people_and_the_provider_say_ends_in_the_record_as_in_the_ledger(
    settings: Settings, live: redis.Redis, warehouse: Warehouse
) -> None:
    make_operation(live, 4)
    price = {"pricing": {"type": "regular", "category": "marketing"}}
    post(
        settings,
        messages(statuses=[status(0, "delivered"), status(0, "sent", **price), status(1, "failed", code=131026)]),
        messages(statuses=[status(2, "failed", code=131049), status(0, "read")]),
        messages(messages=[message(0, "DUR", context={"id": "wamid.0.1"})]),
    )
    warehouse.cursor().execute(
        "INSERT INTO operations (operation_id, operation_no, name, state, created_by, created_at, updated_at, "
        "launched_at) SELECT ?, 1, 'x', 'launching', 'Ada', t, t, t FROM (SELECT ?::TIMESTAMP AS t)",
        [OPERATION, "2025-11-22"],
    )
    Recorder(warehouse, live).drain()
    cursor = warehouse.cursor()
    found = cursor.execute("SELECT state FROM deliveries ORDER BY recipient_no").fetchall()
    assert bytes(state for (state,) in found) == ledger.read_states(live, OPERATION, 0, 4)
    [row] = cursor.execute(
        "SELECT message_id, pricing > 0, sent_at IS NOT NULL, answered_at IS NOT NULL FROM deliveries "
        "WHERE recipient_no = 0"
    ).fetchall()
    assert row == ("wamid.0.1", True, True, True)
    assert cursor.execute("SELECT state FROM operations").fetchall() == [("running",)]
    assert cursor.execute("SELECT reason FROM suppressions").fetchall() == [("keyword",)]
    assert cursor.execute("SELECT phone FROM contacts").fetchall() == [(f"+{phone_of(0)}",)]
    assert cursor.execute("SELECT count(*) FROM rejected_events").fetchall() == [(0,)]
