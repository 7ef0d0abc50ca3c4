"""Webhook bodies become neutral events; what is not as expected is passed over alone."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channels.notices import new_limit, restriction_cause, template_news
from engine.channels.webhooks import is_signed, parse_webhook
from engine.errors import InputError

OURS = "op-20261122-151002-7f3a91:17:2"


def body(field: str | None, value: Any, /, **entry: Any) -> bytes:
    change = {"value": value} | ({"field": field} if field else {})
    whole = {"object": "whatsapp_business_account", "entry": [{"id": "1029384756", "changes": [change]} | entry]}
    return json.dumps(whole).encode()


def messages(**value: Any) -> bytes:
    return body("messages", {"metadata": {"phone_number_id": "555"}} | value)


STATUS = {
    "id": "wamid.X",
    "status": "delivered",
    "timestamp": "1763800100",
    "recipient_id": "905321234567",
    "recipient_user_id": "TR.1",
    "biz_opaque_callback_data": OURS,
    "pricing": {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"},
}


def test_a_status_names_the_attempt_it_is_about() -> None:
    [status] = parse_webhook(messages(statuses=[STATUS])).statuses
    assert (status.operation_id, status.recipient_no, status.attempt) == ("op-20261122-151002-7f3a91", 17, 2)
    assert (status.word, status.at_s, status.message_id) == ("delivered", 1763800100, "wamid.X")
    assert (status.price_type, status.price_category) == ("regular", "marketing")
    assert (status.phone, status.user_id, status.phone_number_id) == ("905321234567", "TR.1", "555")


def test_every_phone_field_may_be_missing() -> None:
    bare = {"status": "failed", "biz_opaque_callback_data": OURS, "errors": [{"code": "131049"}]}
    [status] = parse_webhook(messages(statuses=[bare])).statuses
    assert (status.word, status.code, status.phone, status.at_s) == ("failed", 131049, "", 0)


@pytest.mark.parametrize(
    "change",
    [
        {"biz_opaque_callback_data": "c=41;r=90817"},
        {"biz_opaque_callback_data": None},
        {"biz_opaque_callback_data": "op-x:1:99999"},
        {"biz_opaque_callback_data": "op-x:99999999999:1"},
        {"status": "dreamt"},
        {"status": {"new": "shape"}},
        {"errors": "text"},
        {"pricing": 5},
    ],
)
def test_an_item_that_is_not_as_expected_is_passed_over_alone(change: dict[str, Any]) -> None:
    found = parse_webhook(messages(statuses=[STATUS | change, STATUS]))
    assert len(found.statuses) == 1
    assert found.skipped == 1


@pytest.mark.parametrize(
    ("time", "seconds"), [("1763800100", 1763800100), (1763800100, 1763800100), ("x", 0), (-5, 0)]
)
def test_times_come_as_text_or_number(time: Any, seconds: int) -> None:
    [status] = parse_webhook(messages(statuses=[STATUS | {"timestamp": time}])).statuses
    assert status.at_s == seconds


def test_a_voice_message_that_was_played_was_read() -> None:
    [status] = parse_webhook(messages(statuses=[STATUS | {"status": "played"}])).statuses
    assert status.word == "read"


def test_a_tap_carries_payload_title_and_what_it_answers() -> None:
    tap = {
        "from": "905321234567",
        "id": "wamid.in",
        "timestamp": "1763800200",
        "type": "button",
        "context": {"from": "902121234567", "id": "wamid.ours"},
        "button": {"payload": "OPTOUT:41", "text": "İstemiyorum"},
    }
    contact = {"profile": {"name": "Ayşe"}, "wa_id": "905321234567", "user_id": "TR.1"}
    [message] = parse_webhook(messages(messages=[tap], contacts=[contact])).inbound
    assert (message.payload, message.title, message.context_id) == ("OPTOUT:41", "İstemiyorum", "wamid.ours")
    assert (message.name, message.user_id) == ("Ayşe", "TR.1")


def test_a_message_takes_the_name_of_its_own_sender_among_several() -> None:
    contacts = [{"profile": {"name": name}, "wa_id": digits} for name, digits in (("A", "901"), ("B", "902"))]
    texts = [{"from": digits, "id": digits, "type": "text", "text": {"body": "x"}} for digits in ("902", "901")]
    found = parse_webhook(messages(messages=texts, contacts=contacts)).inbound
    assert [message.name for message in found] == ["B", "A"]


def test_a_system_message_tells_of_a_new_number_and_is_no_message() -> None:
    system = {
        "from": "901",
        "id": "x",
        "type": "system",
        "system": {"type": "user_changed_number", "wa_id": "902"},
    }
    found = parse_webhook(messages(messages=[system]))
    assert found.inbound == []
    assert [(change.phone, change.new_phone) for change in found.identities] == [("901", "902")]


def test_a_notice_whose_field_stands_a_level_higher_is_read() -> None:
    value = {"event": "ACCOUNT_DELETED"}
    [notice] = parse_webhook(body(None, value, field="account_update", time=1763800300)).notices
    assert (notice.field, notice.at_s, notice.waba_id) == ("account_update", 1763800300, "1029384756")
    assert restriction_cause(notice.field, notice.value) == "account_deleted"


def test_a_quality_notice_is_known_by_its_content() -> None:
    value = {
        "new_quality_score": "RED",
        "message_template_name": "offer",
        "message_template_language": "en-US",
        "message_template_id": 7301234567890123999,
    }
    [notice] = parse_webhook(body("message_template_status_update", value)).notices
    news = template_news(notice.field, notice.value)
    assert news is not None
    assert (news.key, news.quality, news.stops_sending) == ("offer/en_US", "RED", False)


@pytest.mark.parametrize(
    ("event", "status", "stops"),
    [("PAUSED", "PAUSED", True), ("approved", "APPROVED", False), ("FLAGGED", "", False), ("NEW", "", False)],
)
def test_only_a_known_status_changes_a_template(event: str, status: str, stops: bool) -> None:
    value = {"event": event, "message_template_name": "offer", "message_template_language": "tr"}
    news = template_news("message_template_status_update", value)
    assert news is not None
    assert (news.status, news.stops_sending) == (status, stops)


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        ("TIER_250", (250, "TIER_250")),
        (2000, (2000, "TIER_2K")),
        ("-1", (-1, "TIER_UNLIMITED")),
        ("TIER_NOT_SET", None),
        (True, None),
        (None, None),
    ],
)
def test_a_limit_is_read_as_a_tier_or_a_number(said: Any, limit: tuple[int, str] | None) -> None:
    assert new_limit("business_capability_update", {"max_daily_conversations_per_business": said}) == limit


def test_fields_that_may_hold_peoples_numbers_are_not_kept() -> None:
    found = parse_webhook(body("group_participants_update", {"groups": [{"added": [{"wa_id": "901"}]}]}))
    assert (found.notices, found.skipped) == ([], 1)


WORDS = """entry changes value field statuses messages contacts metadata id status errors timestamp from type
text body profile context user_preferences time new button interactive system referral recipient_id"""
_KEYS = st.sampled_from(WORDS.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(value=JSON)
def test_no_json_fails_the_body(value: Any) -> None:
    parse_webhook(json.dumps(value).encode())
    parse_webhook(body("messages", value))
    parse_webhook(body("account_update", value))


@given(raw=st.binary(max_size=40))
def test_bytes_that_are_no_webhook_fail_in_one_way_alone(raw: bytes) -> None:
    with contextlib.suppress(InputError):
        found = parse_webhook(raw)
        assert not found.statuses


def test_a_signature_covers_the_raw_bytes() -> None:
    raw = b'{"name": "Ay\\u015fe"}'
    seal = "sha256=" + hmac.new(b"secret", raw, hashlib.sha256).hexdigest()
    assert is_signed(raw, seal, "secret")
    assert is_signed(raw, seal.upper().replace("SHA256=", "sha256="), "secret")
    for wrong in (None, "", seal[:-1], seal[7:], "sha256=" + "0" * 64):
        assert not is_signed(raw, wrong, "secret")
    assert not is_signed(json.dumps(json.loads(raw), ensure_ascii=False).encode(), seal, "secret")
    assert not is_signed(raw, seal, "")
