from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from engine.contacts import FieldType, add_field, load_registry
from engine.contacts.fields import BUILT_IN_LABELS, field_name
from engine.errors import InvalidField, UnknownName
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_new_store_knows_the_built_in_fields(warehouse: Warehouse) -> None:
    registry = load_registry(warehouse.cursor())
    assert tuple(each.label for each in registry) == BUILT_IN_LABELS
    assert all(each.built_in for each in registry)
    assert registry.get("city").type is FieldType.CHOICE


@pytest.mark.parametrize(
    ("type", "column"),
    [("text", "VARCHAR"), ("number", "DOUBLE"), ("date", "DATE"), ("bool", "BOOLEAN"), ("choice", "VARCHAR")],
)
def test_a_field_is_a_real_column(warehouse: Warehouse, type: str, column: str) -> None:
    added = add_field(warehouse, "plan", "Paket", type, who="Deniz", now=NOW)
    rows = warehouse.cursor().execute("DESCRIBE contacts").fetchall()
    assert {row[0]: row[1] for row in rows}["plan"] == column
    assert load_registry(warehouse.cursor()).get("plan") == added


def test_adding_a_field_is_audited(warehouse: Warehouse) -> None:
    add_field(warehouse, "plan", "Paket", "choice", who="Deniz", now=NOW)
    ((moment, who, verb, kind, subject, detail),) = warehouse.cursor().execute("SELECT * FROM audit").fetchall()
    assert (moment, who, verb, kind, subject) == (datetime(2026, 11, 22, 12), "Deniz", "added", "field", "plan")
    assert json.loads(detail) == {"label": "Paket", "type": "choice"}


@pytest.mark.parametrize(
    ("name", "label", "type"),
    [
        ("Plan", "Paket", "text"),
        ("1plan", "Paket", "text"),
        ('plan" VARCHAR; DROP TABLE contacts; --', "Paket", "text"),
        ("", "Paket", "text"),
        ("a" * 41, "Paket", "text"),
        ("city", "Paket", "text"),
        ("match_key", "Paket", "text"),
        ("plan", "  ", "text"),
        ("plan", "x" * 81, "text"),
        ("plan", "CITY", "text"),
        ("plan", "Paket", "money"),
    ],
)
def test_a_field_that_cant_be_is_refused_and_nothing_changes(
    warehouse: Warehouse, name: str, label: str, type: str
) -> None:
    before = load_registry(warehouse.cursor())
    with pytest.raises(InvalidField):
        add_field(warehouse, name, label, type, who="Deniz", now=NOW)
    assert load_registry(warehouse.cursor()) == before
    assert warehouse.cursor().execute("SELECT count(*) FROM audit").fetchall() == [(0,)]


def test_an_unknown_field_is_named(warehouse: Warehouse) -> None:
    with pytest.raises(UnknownName, match="plan"):
        load_registry(warehouse.cursor()).get("plan")


def test_names_by_type_keep_their_order(warehouse: Warehouse) -> None:
    registry = load_registry(warehouse.cursor())
    assert registry.names(FieldType.DATE) == ("consent_at", "created_at", "updated_at")
    assert "city" in registry
    assert "plan" not in registry


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Doğum tarihi", "dogum_tarihi"),
        ("IŞIK Ç/Ğ", "isik_c_g"),
        ("2. telefon", "f_2_telefon"),
        ("العربية", "field"),
        ("Son sipariş tutarı (₺)", "son_siparis_tutari"),
    ],
)
def test_a_label_becomes_a_name(label: str, name: str) -> None:
    assert field_name(label) == name
