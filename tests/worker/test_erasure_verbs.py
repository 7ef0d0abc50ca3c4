"""The verbs of erasing and purging: who it is, a confirmation, the deed; and what the night does by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import redis

from engine.clock import to_store, utc_now
from engine.operations.purge import PurgeDue, is_time_for, purge_due
from engine.segments import Segment, load_context, save_segment
from engine.segments.sizes import list_sizes
from engine.settings import Settings, load_settings
from engine.warehouse import Warehouse
from tests.engine.operations_world import add_contacts
from tests.worker.api_world import Api, settings_with_ports
from worker.cli_erasure import _erased_line, _purged_line
from worker.night import do_what_is_due
from worker.recorder import drain_here

ISTANBUL = ZoneInfo("Europe/Istanbul")
NIGHT, DAY = datetime(2026, 11, 24, 0, 30, tzinfo=UTC), datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def settings(live: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return settings_with_ports(monkeypatch)


@pytest.fixture
def api(warehouse: Warehouse, live: redis.Redis, settings: Settings) -> Api:
    add_contacts(warehouse, [{"phone": "+905321111101"}, {"phone": "+905321111102"}])
    return Api(warehouse, settings)


def contacts(warehouse: Warehouse) -> list[int]:
    return [row[0] for row in warehouse.cursor().execute("SELECT contact_id FROM contacts ORDER BY ALL").fetchall()]


@pytest.mark.parametrize("who", ["2", "0532 111 11 02", "+905321111102", "905321111102"])
def test_somebody_is_found_by_id_or_number_and_erased_once_confirmed(
    api: Api, warehouse: Warehouse, who: str
) -> None:
    asked = api.call("POST", "/contacts/erase", json={"contact": who}).json()
    assert asked == {"erased": False, "contact_id": 2, "name": "Name 2"}
    assert contacts(warehouse) == [1, 2]
    refused = api.call("POST", "/contacts/erase", json={"contact": who, "confirmed_id": 1})
    assert (refused.status_code, contacts(warehouse)) == (422, [1, 2])
    done = api.call("POST", "/contacts/erase", json={"contact": who, "confirmed_id": 2, "reason": "asked"})
    assert (done.status_code, done.json()["contact_id"]) == (200, 2)
    assert contacts(warehouse) == [1]
    assert "contact 2 is erased" in _erased_line(done.json())


@pytest.mark.parametrize("who", ["3", "+905321111109", "nobody"])
def test_nobody_is_erased_in_place_of_somebody_else(api: Api, warehouse: Warehouse, who: str) -> None:
    answer = api.call("POST", "/contacts/erase", json={"contact": who, "confirmed_id": 1})
    assert (answer.status_code, contacts(warehouse)) == (404, [1, 2])
    assert who not in answer.text or who == "3"


def test_the_purge_says_what_is_due_and_what_it_did(api: Api, warehouse: Warehouse) -> None:
    assert api.call("GET", "/purge").json() == {"count": 0, "since": None}
    api.call("POST", "/contacts/erase", json={"contact": "1", "confirmed_id": 1})
    assert api.call("GET", "/purge").json()["count"] == 1
    done = api.call("POST", "/purge").json()
    assert (done["erasure_count"], done["is_log_anew"]) == (1, True)
    assert "1 erasures purged" in _purged_line(done)
    assert api.call("GET", "/purge").json()["count"] == 0
    verbs = warehouse.cursor().execute("SELECT verb, who FROM audit WHERE verb IN ('erased', 'purged')").fetchall()
    assert sorted(verbs) == [("erased", "Elif"), ("purged", "Elif")]


def test_without_redis_nothing_is_begun(warehouse: Warehouse, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ULAK_REDIS_URL", "unix:///nowhere/s")
    away = Api(warehouse, load_settings())
    answer = away.call("POST", "/contacts/erase", json={"contact": "1", "confirmed_id": 1})
    assert (answer.status_code, contacts(warehouse)) == (503, [1, 2])
    assert warehouse.cursor().execute("SELECT count(*) FROM erasures").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("now", "age", "is_time"),
    [
        (NIGHT, timedelta(hours=3), True),
        (DAY, timedelta(hours=3), False),
        (DAY, timedelta(hours=24), True),
        (NIGHT, None, False),
    ],
    ids=["in the night", "by day it waits", "not longer than a day", "nothing is due"],
)
def test_a_purge_that_is_due_waits_for_the_night(now: datetime, age: timedelta | None, is_time: bool) -> None:
    assert is_time_for(PurgeDue(1, None if age is None else now - age), now, ISTANBUL) is is_time


def test_the_night_purges_what_was_erased_by_day(
    api: Api, warehouse: Warehouse, live: redis.Redis, settings: Settings
) -> None:
    api.call("POST", "/contacts/erase", json={"contact": "1", "confirmed_id": 1})
    warehouse.cursor().execute("UPDATE erasures SET finished_at = ?", [to_store(NIGHT - timedelta(hours=8))])
    drain = lambda: drain_here(warehouse, live)  # noqa: E731
    assert do_what_is_due(warehouse, live, settings, NIGHT - timedelta(hours=7), drain) is None
    done = do_what_is_due(warehouse, live, settings, NIGHT, drain)
    assert done is not None
    assert done.erasure_count == 1
    assert do_what_is_due(warehouse, live, settings, NIGHT, drain) is None


def test_the_night_finishes_what_was_begun(
    api: Api, warehouse: Warehouse, live: redis.Redis, settings: Settings
) -> None:
    person = warehouse.cursor().execute("SELECT person_key FROM contacts WHERE contact_id = 1").fetchall()[0][0]
    warehouse.cursor().execute(
        "INSERT INTO erasures (erasure_id, person_key, pseudonym, contact_id, by_whom, erased_at)"
        " VALUES ('era-1', ?, 18446744069414584321, 1, 'Elif', ?)",
        [person, to_store(utc_now())],
    )
    do_what_is_due(warehouse, live, settings, DAY, lambda: None)
    assert contacts(warehouse) == [2]
    assert purge_due(warehouse.cursor()).count == 1


def test_saved_segments_are_counted_once_a_day(warehouse: Warehouse, live: redis.Redis, settings: Settings) -> None:
    add_contacts(warehouse, [{"phone": "+905321111101"}, {"phone": "+905321111102"}])
    context = load_context(warehouse.cursor(), now=DAY, zone=settings.zone)
    saved = save_segment(warehouse, "Everybody", Segment(), who="Elif", context=context)
    for hours in (0, 1, 24):
        do_what_is_due(warehouse, live, settings, DAY + timedelta(hours=hours), lambda: None)
    daily = [size for size in list_sizes(warehouse.cursor(), saved.segment_id) if size.cause == "daily"]
    assert [size.count for size in daily] == [2, 2]
