from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contacts import bucket_of, digests, key_from_int, key_to_int, person_key, person_numbers
from engine.contacts.person import person_array
from engine.errors import InputError

SALT = bytes(range(16))


def test_the_match_key_names_a_person_before_the_user_id() -> None:
    assert person_key(SALT, "905321234567", "TR.9") == person_key(SALT, "905321234567", None)
    assert person_key(SALT, None, "TR.9") == person_key(SALT, "", "TR.9") != person_key(SALT, "905321234567", None)


def test_stores_with_other_salts_know_a_person_by_other_keys() -> None:
    assert person_key(SALT, "905321234567", None) != person_key(SALT[::-1], "905321234567", None)


def test_nobody_has_no_key() -> None:
    with pytest.raises(InputError):
        person_key(SALT, None, "")


def test_a_key_is_the_same_today_and_tomorrow() -> None:
    key = person_key(SALT, "905321234567", None)
    assert key.hex() == "46a2d0f9fb503cf7"
    assert bucket_of(key_to_int(key)) == key_to_int(key) % 10_000


@given(st.binary(min_size=8, max_size=8))
def test_a_key_survives_being_a_number(key: bytes) -> None:
    assert key_from_int(key_to_int(key)) == key


@given(st.lists(st.text(min_size=1), max_size=5))
def test_many_keys_at_once_are_those_one_by_one(identities: list[str]) -> None:
    assert person_numbers(SALT, identities) == [key_to_int(person_key(SALT, each, None)) for each in identities]


def test_many_keys_made_on_two_cores_are_those_made_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_WORTH_A_PROCESS", 2)
    names = ["905321234501", "TR.abc", "4915123456789", "", "ü"]
    expected = person_numbers(SALT, names)
    assert person_array(SALT, [name.encode() for name in names]).tolist() == expected


def test_keys_are_made_even_when_the_other_process_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_WORTH_A_PROCESS", 2)
    monkeypatch.setattr(digests.sys, "executable", "/bin/false")
    names = [str(number) for number in range(1_000)]
    assert person_array(SALT, [name.encode() for name in names]).tolist() == person_numbers(SALT, names)
