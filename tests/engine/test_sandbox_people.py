"""The simulated people: repeatable by seed, with the shares that are set."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from engine.sandbox.events import plan
from engine.sandbox.faults import WebhookFaults
from engine.sandbox.identity import message_id, user_id_of, wa_id_of
from engine.sandbox.journal import Accepted
from engine.sandbox.people import People, fate_of

CROWD = [f"90532{number:07d}" for number in range(4000)]
STRAIGHT = WebhookFaults(duplicate=0, late=0, out_of_order=0)
PRESS = ("Katılıyorum", "yes")


def message(person: str = "905321234567", **given: object) -> Accepted:
    values = {"n": 1, "at_ms": 1_000_000, "to": person, "person": person, "message_id": "wamid.x", **given}
    values.setdefault("category", "MARKETING")
    return msgspec.convert(values | {"k": "a"}, Accepted)


def words(person: str, people: People, seed: int = 7, **given: object) -> list[str]:
    return [event.what for event in plan(message(person, **given), 0, seed, people, STRAIGHT)]


def test_a_fate_follows_from_seed_and_number_alone() -> None:
    people = People()
    first = [fate_of(people, 7, person) for person in CROWD]
    assert [fate_of(people, 7, person) for person in reversed(CROWD)] == first[::-1]
    assert [fate_of(people, 8, person) for person in CROWD] != first


def test_a_plan_is_the_same_whenever_it_is_made() -> None:
    faults = WebhookFaults(duplicate=0.5, late=0.5, out_of_order=0.5)
    for person in CROWD[:200]:
        assert plan(message(person), 3, 7, People(), faults) == plan(message(person), 3, 7, People(), faults)


def test_a_persons_second_message_has_the_same_fate_at_another_pace() -> None:
    people = People(reads=1)
    first, second = (plan(message(), number, 7, people, STRAIGHT) for number in (0, 1))
    assert [event.what for event in first] == [event.what for event in second]
    assert [event.at_ms for event in first] != [event.at_ms for event in second]


def test_the_default_crowd_fails_for_about_five_percent_in_several_ways() -> None:
    codes = Counter(event.code for person in CROWD for event in plan(message(person), 0, 7, People(), STRAIGHT))
    failed = sum(count for code, count in codes.items() if code)
    assert 0.035 < failed / len(CROWD) < 0.065
    assert {131026, 131049, 131050, 130472} <= codes.keys()


@pytest.mark.parametrize(
    ("share", "story"),
    [
        ({"not_on_whatsapp": 1}, ["failed"]),
        ({"unreachable": 1}, ["sent"]),
        ({"reads": 0}, ["sent", "delivered"]),
        ({"reads": 1, "chat_open": 0}, ["sent", "delivered", "read"]),
        ({"reads": 1, "chat_open": 1}, ["sent", "read"]),
        ({"reads": 1, "chat_open": 0, "presses": 1}, ["sent", "delivered", "read", "button"]),
        ({"reads": 1, "chat_open": 0, "answers": 1}, ["sent", "delivered", "read", "text"]),
        ({"reads": 1, "chat_open": 0, "opts_out": 1}, ["sent", "delivered", "read", "opt_out"]),
        ({"reads": 1, "chat_open": 0, "stops": 1}, ["sent", "delivered", "read", "stop"]),
    ],
    ids=lambda value: "+".join(value),
)
def test_each_kind_of_person_has_its_story(share: dict[str, float], story: list[str]) -> None:
    nobody = {name: 0.0 for name in ("not_on_whatsapp", "stopped_marketing", "held_back", "in_experiment")}
    quiet = {name: 0.0 for name in ("unreachable", "presses", "answers", "opts_out", "stops")}
    people = People(**{**nobody, **quiet, **share})  # type: ignore[arg-type]
    assert words("905321234567", people, press=PRESS) == story


def test_nobody_presses_a_button_that_the_template_does_not_have() -> None:
    people = People(presses=1, answers=0, opts_out=0, stops=0, reads=1)
    assert not any("button" in words(person, people) for person in CROWD[:50])


def test_who_stopped_marketing_still_gets_a_notice() -> None:
    people = People(stopped_marketing=1, not_on_whatsapp=0, held_back=0, in_experiment=0, unreachable=0)
    assert words("905321234567", people, category="MARKETING") == ["failed"]
    assert "sent" in words("905321234567", people, category="UTILITY")


def test_events_happen_in_order_even_where_their_webhooks_do_not() -> None:
    faults = WebhookFaults(duplicate=0, late=0, out_of_order=1)
    overtaken = 0
    for person in CROWD[:100]:
        events = plan(message(person), 0, 7, People(reads=1), faults)
        assert [event.at_ms for event in events] == sorted(event.at_ms for event in events)
        overtaken += [event.due_ms for event in events] != sorted(event.due_ms for event in events)
    assert overtaken > 80


def test_people_who_are_off_say_nothing() -> None:
    assert words("905321234567", People(enabled=False)) == []


def test_shares_of_more_than_everyone_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="more than 1"):
        msgspec.json.decode(b'{"not_on_whatsapp": 0.7, "unreachable": 0.4}', type=People)


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        ("905321234567", {"905321234567"}),
        ("5531987654321", {"5531987654321", "553187654321"}),
        ("525512345678", {"525512345678", "5215512345678"}),
        ("541123456789", {"5491123456789"}),
    ],
)
def test_whatsapps_own_form_of_a_number_may_differ(sent: str, known: set[str]) -> None:
    assert wa_id_of(sent) in known
    assert wa_id_of(sent) == wa_id_of(sent)


def test_ids_are_stable_and_speak_of_the_country() -> None:
    assert user_id_of("905321234567") == user_id_of("905321234567")
    assert user_id_of("905321234567").startswith("TR.")
    assert user_id_of("TR.123") == "TR.123"
    assert message_id("905321234567", "AB").startswith("wamid.HBgMOTA1MzIxMjM0NTY3FQIAER")
