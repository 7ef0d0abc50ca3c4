"""What a person set for themselves: kept by person and key, in the shape of its record."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from engine.errors import InputError
from engine.warehouse import Warehouse
from engine.warehouse.person_settings import get_setting, set_setting

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Order(BaseModel):
    names: tuple[str, ...] = ()
    opened: tuple[str, ...] | None = None


def test_a_setting_is_the_persons_own_and_the_last_one_counts(warehouse: Warehouse) -> None:
    set_setting(warehouse, "Elif", "facets", Order(names=("city",)), now=NOW)
    set_setting(warehouse, "Elif", "facets", Order(names=("İl", "city"), opened=()), now=NOW)
    set_setting(warehouse, "Can", "facets", Order(names=("plan",)), now=NOW)
    cursor = warehouse.cursor()
    assert get_setting(cursor, "Elif", "facets", Order) == Order(names=("İl", "city"), opened=())
    assert get_setting(cursor, "Can", "facets", Order) == Order(names=("plan",))
    assert get_setting(cursor, "Elif", "columns", Order) == Order()
    assert cursor.execute("SELECT count(*) FROM person_settings").fetchall() == [(2,)]


def test_caches_of_contacts_stay_good(warehouse: Warehouse) -> None:
    before = warehouse.data_version
    set_setting(warehouse, "Elif", "facets", Order(), now=NOW)
    assert warehouse.data_version == before


@pytest.mark.parametrize("kept", ["", "{", '{"names": 3}', "[]"])
def test_what_can_not_be_read_is_as_good_as_never_set(warehouse: Warehouse, kept: str) -> None:
    with warehouse.writing() as cursor:
        cursor.execute("INSERT INTO person_settings VALUES ('Elif', 'facets', ?, ?)", [kept, datetime(2026, 1, 1)])
    assert get_setting(warehouse.cursor(), "Elif", "facets", Order) == Order()


def test_a_setting_stays_small(warehouse: Warehouse) -> None:
    with pytest.raises(InputError):
        set_setting(warehouse, "Elif", "facets", Order(names=("x" * 30_000,)), now=NOW)
    assert get_setting(warehouse.cursor(), "Elif", "facets", Order) == Order()
