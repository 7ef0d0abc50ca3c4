"""Webhooks: signed, batched, repeated until they are answered with 200, sometimes twice or overtaken."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.sandbox.credentials import new_credentials
from tests.engine.sandbox_desk import HOOK, Desk, open_desk, template_message, winter_sale


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as opened:
        opened.quick()
        yield opened


def phone(number: int) -> str:
    return f"+90532{number:07d}"


def statuses(desk: Desk) -> list[dict[str, Any]]:
    return desk.receiver.of("messages", "statuses")


def test_a_message_that_is_read_brings_three_signed_statuses(desk: Desk) -> None:
    sent = desk.send(winter_sale(callback="op-x:7:1")).json()["messages"][0]["id"]
    desk.until(lambda: len(statuses(desk)) == 3)
    assert [status["status"] for status in statuses(desk)] == ["sent", "delivered", "read"]
    for status in statuses(desk):
        assert status["id"] == sent
        assert status["biz_opaque_callback_data"] == "op-x:7:1"
        assert status["recipient_id"] == "905321234567"
        assert status["recipient_user_id"].startswith("TR.")
        assert status["timestamp"].isdigit()
        assert status["pricing"] == {
            "billable": True,
            "pricing_model": "PMP",
            "type": "regular",
            "category": "marketing",
        }
    for post in desk.receiver.posts:
        assert str(post.url) == HOOK
        digest = hmac.new(desk.credentials.app_secret.encode(), post.content, hashlib.sha256).hexdigest()
        assert post.headers["x-hub-signature-256"] == f"sha256={digest}"
        assert post.content.isascii()


def test_the_envelope_is_metas(desk: Desk) -> None:
    desk.send(winter_sale())
    desk.until(lambda: bool(desk.receiver.posts))
    body = json.loads(desk.receiver.posts[0].content)
    assert body["object"] == "whatsapp_business_account"
    assert body["entry"][0]["id"] == desk.credentials.waba_id
    value = body["entry"][0]["changes"][0]["value"]
    assert value["messaging_product"] == "whatsapp"
    assert value["metadata"] == {
        "display_phone_number": desk.credentials.sender,
        "phone_number_id": desk.credentials.phone_number_id,
    }
    (contact,) = value["contacts"]
    assert contact["wa_id"] == "905321234567"
    assert contact["profile"]["name"]


def test_a_failure_comes_with_its_error_and_without_contacts(desk: Desk) -> None:
    desk.quick(not_on_whatsapp=1)
    assert desk.send(winter_sale()).status_code == 200
    desk.until(lambda: bool(statuses(desk)))
    (status,) = statuses(desk)
    assert status["status"] == "failed"
    assert status["errors"][0].keys() == {"code", "title", "message", "error_data", "href"}
    assert status["errors"][0]["code"] == 131026
    assert "pricing" not in status
    assert "contacts" not in desk.receiver.changes()[0]["value"]


def test_a_press_carries_the_payload_and_the_message_it_answers(desk: Desk) -> None:
    desk.quick(presses=1)
    sent = desk.send(winter_sale()).json()["messages"][0]["id"]
    desk.until(lambda: bool(desk.receiver.of("messages", "messages")))
    (inbound,) = desk.receiver.of("messages", "messages")
    assert inbound["button"] == {"payload": "OPTOUT:41", "text": "İstemiyorum"}
    assert inbound["context"] == {"from": desk.credentials.sender, "id": sent}
    assert inbound["from"] == "905321234567"


def test_without_a_payload_the_press_says_the_buttons_text(desk: Desk) -> None:
    desk.quick(presses=1)
    message = winter_sale()
    message["template"]["components"].pop()
    desk.send(message)
    desk.until(lambda: bool(desk.receiver.of("messages", "messages")))
    assert desk.receiver.of("messages", "messages")[0]["button"]["payload"] == "İstemiyorum"


def test_who_opts_out_by_word_writes_a_stop_word(desk: Desk) -> None:
    desk.quick(opts_out=1)
    desk.send(winter_sale())
    desk.until(lambda: bool(desk.receiver.of("messages", "messages")))
    word = desk.receiver.of("messages", "messages")[0]["text"]["body"]
    assert word.strip(".").casefold() in {"dur", "stop", "i̇ptal", "çik"}


def test_who_uses_whatsapps_switch_gets_no_marketing_after_it_but_notices(desk: Desk) -> None:
    desk.quick(stops=1)
    desk.send(winter_sale())
    desk.until(lambda: bool(desk.receiver.of("user_preferences", "user_preferences")))
    (preference,) = desk.receiver.of("user_preferences", "user_preferences")
    assert (preference["value"], preference["category"]) == ("stop", "marketing_messages")
    assert isinstance(preference["timestamp"], int)
    again = desk.send(winter_sale()).json()["messages"][0]["id"]
    notice = desk.send(template_message()).json()["messages"][0]["id"]
    desk.until(lambda: {again, notice} <= {status["id"] for status in statuses(desk)})
    last = {status["id"]: status for status in statuses(desk)}
    assert last[again]["errors"][0]["code"] == 131050
    assert "errors" not in last[notice]


def test_a_person_can_be_made_to_write(desk: Desk) -> None:
    given = desk.call("POST", "/sandbox/inbound", json={"phone": phone(1), "text": "DUR"}).json()
    desk.until(lambda: bool(desk.receiver.posts))
    (inbound,) = desk.receiver.of("messages", "messages")
    assert (inbound["text"]["body"], inbound["id"], inbound["from"]) == ("DUR", given["message_id"], phone(1)[1:])


def test_what_the_receiver_refuses_comes_again_with_the_same_bytes(desk: Desk) -> None:
    desk.receiver.answers = [503, 500, 404]
    desk.send(winter_sale())
    posts = desk.receiver.posts
    desk.until(lambda: len(posts) == len({post.content for post in posts}) + 3)
    assert {status["status"] for status in statuses(desk)} == {"sent", "delivered", "read"}
    figures = desk.ledger("?summary=1")["webhooks"]
    assert figures["retries"] == 3
    assert figures["dropped"] == 0


def test_several_updates_travel_in_one_post_up_to_the_cap(desk: Desk) -> None:
    desk.quick(webhooks={"batch": 7}, reads=0)
    for number in range(20):
        desk.send(template_message(phone(number)))
    desk.until(lambda: len(statuses(desk)) == 40)
    sizes = [len(change["value"]["statuses"]) for change in desk.receiver.changes()]
    assert max(sizes) <= 7
    assert max(sizes) > 1


def test_an_update_can_come_twice(desk: Desk) -> None:
    desk.quick(webhooks={"duplicate": 1, "duplicate_seconds": [0, 0.001]}, answers=1)
    desk.send(winter_sale())
    desk.until(lambda: len(statuses(desk)) == 6 and len(desk.receiver.of("messages", "messages")) == 2)
    assert Counter(status["status"] for status in statuses(desk)) == {"sent": 2, "delivered": 2, "read": 2}
    first, second = desk.receiver.of("messages", "messages")
    assert first == second


def test_an_update_can_be_overtaken_by_the_next_one(desk: Desk) -> None:
    desk.quick(webhooks={"out_of_order": 1})
    desk.send(winter_sale())
    desk.until(lambda: len(statuses(desk)) == 3)
    assert [status["status"] for status in statuses(desk)] != ["sent", "delivered", "read"]


def test_what_was_not_acknowledged_comes_after_a_restart(tmp_path: Path) -> None:
    keys = new_credentials()
    with open_desk(tmp_path, keys) as desk:
        desk.quick(reads=0)
        desk.send(winter_sale(phone(1), callback="first"))
        desk.until(lambda: len(statuses(desk)) == 2)
        desk.ledger()
        desk.receiver.answers = [503] * 100
        desk.send(winter_sale(phone(2), callback="second"))
        desk.until(lambda: "second" in {status["biz_opaque_callback_data"] for status in statuses(desk)})
    with open_desk(tmp_path, keys) as desk:
        desk.until(lambda: len(statuses(desk)) >= 2)
        assert Counter(status["biz_opaque_callback_data"] for status in statuses(desk)) == {"second": 2}
        assert desk.ledger("?summary=1")["webhooks"]["pending"] == 0


def test_after_a_reset_old_updates_are_forgotten(desk: Desk) -> None:
    desk.receiver.answers = [503] * 3
    desk.send(winter_sale(callback="old"))
    desk.until(lambda: bool(desk.receiver.posts))
    desk.call("POST", "/sandbox/reset", json={})
    assert desk.ledger("?summary=1")["webhooks"]["retries"] == 0
    desk.quick(reads=0)
    desk.receiver.answers = []
    desk.receiver.posts = []
    desk.send(winter_sale(callback="new"))
    desk.until(lambda: len(statuses(desk)) == 2)
    assert {status["biz_opaque_callback_data"] for status in statuses(desk)} == {"new"}


def test_a_business_that_left_gets_its_webhooks_once_it_subscribes_again(desk: Desk) -> None:
    path = f"/v25.0/{desk.credentials.waba_id}/subscribed_apps"
    desk.call("DELETE", path)
    desk.send(winter_sale())
    assert desk.receiver.posts == []
    desk.call("POST", path)
    desk.until(lambda: len(statuses(desk)) == 3)


def test_people_who_are_off_bring_no_webhook(desk: Desk) -> None:
    desk.put("people", {"enabled": False})
    desk.send(winter_sale())
    assert desk.ledger("?summary=1")["webhooks"]["pending"] == 0
