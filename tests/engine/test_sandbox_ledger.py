"""The ledger: counts everything, forgets nothing, survives a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.sandbox.credentials import new_credentials
from engine.sandbox.ledger import DAY_MS, Places, RateMeter
from tests.engine.sandbox_desk import Desk, open_desk, template_message, winter_sale


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as opened:
        opened.put("people", {"enabled": False})
        yield opened


def phone(number: int) -> str:
    return f"+90532{number:07d}"


def test_the_ledger_has_each_accepted_message_with_its_callback_data(desk: Desk) -> None:
    answer = desk.send(winter_sale(callback="op-20261124-120000-abcdef:0:1")).json()
    (entry,) = desk.ledger()["messages"]["905321234567"]
    assert entry["message_id"] == answer["messages"][0]["id"]
    assert entry["biz_opaque_callback_data"] == "op-20261124-120000-abcdef:0:1"
    assert entry["template"] == "winter_sale/tr"
    assert entry["texts"] == ["Ayşe", "%20", "30 Kasım", "a1b2c3?utm=wa"]
    assert entry["at_ms"] > 1_700_000_000_000


def test_the_same_message_twice_is_two_messages(desk: Desk) -> None:
    ids = {desk.send(winter_sale(callback="op-x:0:1")).json()["messages"][0]["id"] for _ in range(2)}
    ledger = desk.ledger()
    assert len(ids) == 2
    assert [entry["message_id"] in ids for entry in ledger["messages"]["905321234567"]] == [True, True]
    assert ledger["callback_data_repeated"] == 1
    assert ledger["people_accepted_more_than_once"] == 1


def test_posts_are_counted_per_person_refused_ones_too(desk: Desk) -> None:
    desk.send(template_message(phone(1)))
    desk.send(template_message(phone(1), name="nothing"))
    desk.send(template_message(phone(2), name="nothing"))
    ledger = desk.ledger()
    assert ledger["posts_per_person"] == {phone(1)[1:]: 2, phone(2)[1:]: 1}
    assert (ledger["accepted"], ledger["refused"], ledger["posts"]) == (1, 2, 3)
    assert ledger["refused_by_code"] == {"132001": 2}
    assert list(ledger["messages"]) == [phone(1)[1:]]


def test_a_summary_has_no_persons_and_one_person_can_be_asked_for(desk: Desk) -> None:
    desk.send(template_message(phone(1)))
    desk.send(template_message(phone(2)))
    assert "messages" not in desk.ledger("?summary=1")
    assert list(desk.ledger(f"?to={phone(2)[1:]}")["messages"]) == [phone(2)[1:]]
    assert desk.ledger("?to=905559999999")["messages"] == {}


def test_a_restart_reads_everything_back(tmp_path: Path) -> None:
    keys = new_credentials()
    with open_desk(tmp_path, keys) as desk:
        desk.put("people", {"enabled": False, "reads": 0.5})
        desk.put("account", {"tier": "TIER_250"})
        desk.send(winter_sale(callback="op-x:0:1"))
        desk.send(template_message(phone(2), name="nothing"))
        desk.call("PUT", "/sandbox/templates/winter_sale/tr", json={"status": "DISABLED"})
        before = desk.ledger()
    with open_desk(tmp_path, keys) as desk:
        after = desk.ledger()
        for name in ("messages", "posts_per_person", "accepted", "refused", "refused_by_code", "people_24h", "tier"):
            assert after[name] == before[name], name
        assert desk.call("GET", "/sandbox/people").json()["reads"] == 0.5
        assert desk.send(winter_sale()).json()["error"]["code"] == 132016


def test_a_torn_last_line_is_cut_off_and_the_rest_is_kept(tmp_path: Path) -> None:
    keys = new_credentials()
    with open_desk(tmp_path, keys) as desk:
        desk.put("people", {"enabled": False})
        desk.send(template_message(phone(1)))
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"k":"a","n":9,"at_')
    with open_desk(tmp_path, keys) as desk:
        desk.send(template_message(phone(2)))
    with open_desk(tmp_path, keys) as desk:
        assert list(desk.ledger()["messages"]) == [phone(1)[1:], phone(2)[1:]]


def test_a_reset_forgets_messages_settings_and_paused_templates(desk: Desk) -> None:
    desk.send(winter_sale())
    desk.call("PUT", "/sandbox/templates/winter_sale/tr", json={"status": "DISABLED"})
    assert desk.call("POST", "/sandbox/reset", json={"seed": 5}).json() == {"seed": 5}
    ledger = desk.ledger()
    assert (ledger["accepted"], ledger["messages"], ledger["max_people_24h"]) == (0, {}, 0)
    assert desk.call("GET", "/sandbox/people").json()["enabled"] is True
    assert desk.call("GET", "/sandbox/health").json()["seed"] == 5
    assert desk.send(winter_sale()).status_code == 200


def test_above_the_tier_a_new_person_is_refused_and_a_known_one_is_not(desk: Desk) -> None:
    desk.put("account", {"tier": "TIER_250", "throughput": 1000})
    answers = [desk.send(template_message(phone(number))) for number in range(252)]
    assert [answer.status_code for answer in answers[:250]] == [200] * 250
    assert [answer.json()["error"]["code"] for answer in answers[250:]] == [131048, 131048]
    assert desk.send(template_message(phone(0))).status_code == 200
    ledger = desk.ledger("?summary=1")
    assert (ledger["people_24h"], ledger["max_people_24h"], ledger["tier_limit"]) == (250, 250, 250)


def test_a_tier_that_is_not_enforced_is_counted_all_the_same(desk: Desk) -> None:
    desk.put("account", {"tier": "TIER_250", "throughput": 1000, "enforce_tier": False})
    for number in range(251):
        assert desk.send(template_message(phone(number))).status_code == 200
    assert desk.ledger("?summary=1")["max_people_24h"] == 251


def test_above_the_throughput_a_message_is_refused_until_the_second_is_over(desk: Desk) -> None:
    desk.put("account", {"throughput": 5})
    codes = [desk.send(template_message(phone(number))).status_code for number in range(7)]
    assert codes == [200] * 5 + [429] * 2
    ledger = desk.ledger("?summary=1")
    assert (ledger["max_per_second"], ledger["max_posts_per_second"]) == (5, 7)
    assert ledger["refused_by_code"] == {"130429": 2}


def test_one_person_cannot_be_flooded(desk: Desk) -> None:
    desk.put("account", {"throughput": 1000})
    codes = [desk.send(template_message()).status_code for _ in range(47)]
    assert codes == [200] * 46 + [400]
    assert desk.ledger("?summary=1")["refused_by_code"] == {"131056": 1}


def test_the_sender_cannot_write_to_itself(desk: Desk) -> None:
    answer = desk.send(template_message("+" + desk.credentials.sender))
    assert answer.json()["error"]["code"] == 131021


def test_a_failure_gives_its_place_back(desk: Desk) -> None:
    desk.quick(not_on_whatsapp=1)
    desk.send(template_message())
    assert desk.ledger("?summary=1")["people_24h"] == 1
    desk.until(lambda: bool(desk.receiver.of("messages", "statuses")))
    ledger = desk.ledger("?summary=1")
    assert (ledger["people_24h"], ledger["max_people_24h"]) == (0, 1)


def test_a_person_in_an_open_window_takes_no_place(desk: Desk) -> None:
    desk.call("POST", "/sandbox/inbound", json={"phone": "+905321234567", "text": "Merhaba"})
    desk.until(lambda: bool(desk.receiver.posts))
    desk.send(template_message())
    assert desk.ledger("?summary=1")["people_24h"] == 0


def test_places_last_a_day_from_acceptance_or_delivery() -> None:
    places = Places()
    places.take("a", 1, DAY_MS)
    places.take("b", 2, DAY_MS)
    places.take("a", 1, DAY_MS + 500)
    assert places.present(DAY_MS - 1) == 2
    assert places.present(DAY_MS) == 1
    assert places.present(DAY_MS + 500) == 0
    assert places.highest == 2


def test_a_place_stays_while_another_message_holds_it() -> None:
    places = Places()
    places.take("a", 1, DAY_MS)
    places.take("a", 2, DAY_MS + 5)
    places.give_back("a", 2)
    assert places.has("a", 10)
    places.give_back("a", 1)
    places.give_back("a", 1)
    assert places.present(10) == 0


def test_the_rate_is_the_most_within_any_second() -> None:
    meter = RateMeter()
    for moment in (0, 100, 900, 999, 1000, 1099, 1100, 1101):
        meter.count(moment)
    assert meter.highest == 6
    assert meter.present(2101) == 0
