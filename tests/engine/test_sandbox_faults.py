"""The faults: each strikes as told, and the ledger knows the truth that the sender doesn't."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.sandbox.wire import LineCut
from tests.engine.sandbox_desk import Desk, open_desk, template_message, winter_sale


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as opened:
        opened.put("people", {"enabled": False})
        yield opened


def phone(number: int) -> str:
    return f"+90532{number:07d}"


def answers(desk: Desk, count: int) -> list[int]:
    return [desk.send(template_message(phone(number))).status_code for number in range(count)]


def test_accept_then_500_answers_without_a_body_and_the_message_is_in_the_ledger(desk: Desk) -> None:
    desk.put("faults", {"accept_then_500": {"count": 2}})
    first = desk.send(template_message(phone(0)))
    assert (first.status_code, first.content) == (500, b"")
    assert answers(desk, 3) == [500, 200, 200]
    ledger = desk.ledger()
    assert ledger["accepted"] == 4
    assert ledger["messages"][phone(0)[1:]][0]["fault"] == "accept_then_500"
    assert (ledger["faults_struck"], ledger["ambiguous"]) == ({"accept_then_500": 2}, 2)


def test_refuse_500_looks_the_same_and_the_message_is_not_in_the_ledger(desk: Desk) -> None:
    desk.put("faults", {"refuse_500": {"count": 1}})
    first = desk.send(template_message(phone(0)))
    assert (first.status_code, first.content) == (500, b"")
    ledger = desk.ledger()
    assert (ledger["accepted"], ledger["posts"], ledger["ambiguous"]) == (0, 1, 1)


@pytest.mark.parametrize(("fault", "accepted"), [("accept_then_cut", 1), ("cut_before", 0)])
def test_a_cut_line_gives_no_answer_at_all(desk: Desk, fault: str, accepted: int) -> None:
    desk.put("faults", {fault: {"count": 1}})
    with pytest.raises(LineCut):
        desk.send(template_message())
    assert desk.ledger()["accepted"] == accepted


def test_accept_then_hang_answers_late(desk: Desk) -> None:
    desk.put("faults", {"accept_then_hang": {"count": 1, "seconds": 0.05}})
    assert desk.send(template_message()).status_code == 200
    assert desk.ledger()["faults_struck"] == {"accept_then_hang": 1}


@pytest.mark.parametrize("code", [130429, 131056, 131016, 2, 131026, 131031, 190])
def test_a_code_is_answered_as_told(desk: Desk, code: int) -> None:
    desk.put("faults", {"codes": [{"code": code, "count": 1}]})
    assert desk.send(template_message()).json()["error"]["code"] == code
    assert desk.send(template_message()).status_code == 200
    assert desk.ledger()["refused_by_code"] == {str(code): 1}


def test_a_probability_strikes_the_same_posts_in_whatever_order_they_come(desk: Desk) -> None:
    desk.put("faults", {"accept_then_500": {"probability": 0.3}})
    first = answers(desk, 60)
    desk.call("POST", "/sandbox/reset", json={})
    desk.put("people", {"enabled": False})
    desk.put("faults", {"accept_then_500": {"probability": 0.3}})
    backwards = [desk.send(template_message(phone(number))).status_code for number in reversed(range(60))]
    assert backwards[::-1] == first
    assert 8 <= first.count(500) <= 30


def test_a_fault_can_wait_for_its_turn(desk: Desk) -> None:
    desk.put("faults", {"accept_then_500": {"count": 1, "after": 2}})
    assert answers(desk, 4) == [200, 200, 500, 200]


def test_a_template_is_paused_after_so_many_messages(desk: Desk) -> None:
    pause = {"name": "winter_sale", "language": "tr", "after": 2}
    desk.put("faults", {"pause_template": pause})
    codes = [desk.send(winter_sale(phone(number))).json().get("error", {}).get("code") for number in range(3)]
    assert codes == [None, None, 132015]
    desk.until(lambda: bool(desk.receiver.posts))
    (change,) = desk.receiver.changes()
    assert change["value"]["event"] == "PAUSED"
    assert change["value"]["other_info"]["title"] == "FIRST_PAUSE"


def test_a_held_message_says_so_and_is_released(desk: Desk) -> None:
    desk.quick()
    desk.put("faults", {"hold": {"count": 1, "seconds": 0.01}})
    answer = desk.send(winter_sale()).json()
    assert answer["messages"][0]["message_status"] == "held_for_quality_assessment"
    desk.until(lambda: any(status["status"] == "read" for status in desk.receiver.of("messages", "statuses")))


def test_a_held_message_can_be_dropped(desk: Desk) -> None:
    desk.quick()
    desk.put("faults", {"hold": {"count": 1, "seconds": 0.01, "dropped": True}})
    desk.send(winter_sale())
    desk.until(lambda: bool(desk.receiver.of("messages", "statuses")))
    assert desk.receiver.of("messages", "statuses")[0]["errors"][0]["code"] == 132015


def test_a_code_can_come_by_webhook(desk: Desk) -> None:
    desk.quick()
    desk.put("faults", {"webhook_codes": [{"code": 131000, "count": 1}]})
    assert desk.send(winter_sale()).status_code == 200
    desk.until(lambda: bool(desk.receiver.of("messages", "statuses")))
    assert desk.receiver.of("messages", "statuses")[0]["errors"][0]["code"] == 131000


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("faults", {"accept_than_500": {"count": 1}}),
        ("faults", {"accept_then_500": {"probability": 1.5}}),
        ("faults", {"accept_then_500": {"chance": 0.5}}),
        ("people", {"reads": -1}),
        ("people", {"readers": 0.5}),
        ("people", {"read_delay": [5, 1]}),
        ("account", {"tier": "TIER_1K"}),
        ("reset", {"sead": 1}),
    ],
    ids=str,
)
def test_a_knob_that_does_not_exist_or_turns_too_far_is_refused(desk: Desk, what: str, value: dict[str, Any]) -> None:
    method = "POST" if what == "reset" else "PUT"
    answer = desk.call(method, f"/sandbox/{what}", json=value)
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_what_was_put_can_be_read(desk: Desk) -> None:
    desk.put("faults", {"latency_ms": 1, "latency_jitter_ms": 1})
    assert desk.call("GET", "/sandbox/faults").json()["latency_ms"] == 1
    assert desk.send(template_message()).status_code == 200
