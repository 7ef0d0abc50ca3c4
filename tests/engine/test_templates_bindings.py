"""What a person types into a slot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.templates import Binding, Piece, empty_slots, fields_of_bindings, parse_pieces, unknown_fields
from engine.templates.bindings import media_of_bindings
from tests.engine.templates_world import body, template


@pytest.mark.parametrize(
    ("typed", "pieces"),
    [
        ("", ()),
        ("%20", (Piece(text="%20"),)),
        ("@name", (Piece(field="name"),)),
        ("Sayın @surname,", (Piece(text="Sayın "), Piece(field="surname"), Piece(text=","))),
        ("@name@surname", (Piece(field="name"), Piece(field="surname"))),
        ("@birthday:short", (Piece(field="birthday", format="short"),)),
        ("@order: soon", (Piece(field="order"), Piece(text=": soon"))),
        ("me@@shop.example", (Piece(text="me@shop.example"),)),
        ("5 @ 10", (Piece(text="5 @ 10"),)),
        ("@@@name", (Piece(text="@"), Piece(field="name"))),
        ("@Name", (Piece(text="@Name"),)),
    ],
)
def test_typed_text_is_taken_apart(typed: str, pieces: tuple[Piece, ...]) -> None:
    assert parse_pieces(typed) == pieces


@given(st.text(alphabet="ab@:_ short%İ", max_size=30))
def test_typing_again_what_was_kept_changes_nothing(typed: str) -> None:
    kept = Binding.of(typed)
    assert Binding.of(kept.typed) == kept


def test_a_field_without_a_fallback_leaves_people_out() -> None:
    assert Binding.of("@name").leaves_out
    assert not Binding.of("@name", fallback="dear customer").leaves_out
    assert not Binding.of("a constant").leaves_out


def test_a_slot_is_empty_until_something_is_typed() -> None:
    found = template(body("{{1}} {{2}} {{3}}"))
    bindings = {"body:1": Binding.of("@name"), "body:2": Binding.of("  ")}
    assert [slot.key for slot in empty_slots(found, bindings)] == ["body:2", "body:3"]


def test_fields_are_named_once_and_strange_ones_are_found() -> None:
    bindings = {"body:1": Binding.of("@name @city"), "body:2": Binding.of("@name @colour")}
    assert fields_of_bindings(bindings) == ("name", "city", "colour")
    assert unknown_fields(bindings, ["name", "city"]) == ("colour",)


def test_an_uploaded_file_is_named_by_its_hash() -> None:
    digest = "ab" * 32
    assert Binding.of(f"media:{digest}").media_hash == digest
    assert media_of_bindings({"header.image": Binding.of(f"media:{digest}"), "body:1": Binding.of("@name")}) == (
        digest,
    )
