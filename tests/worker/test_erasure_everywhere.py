"""Erase and purge on a real home: afterwards no file and no key of Redis holds the person, and every sum is true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.clock import utc_now
from engine.contacts.person import is_pseudonym, key_from_int
from engine.errors import NotFound
from engine.live import OPERATIONS, SUPPRESSED, operation_key
from engine.operations import ledger
from engine.operations.drafts import Draft, create_draft
from engine.operations.erasure import erase_contact
from engine.operations.erasure_snapshot import check_rows
from engine.operations.purge import purge, purge_due
from engine.operations.snapshot import hash_file, snapshot_path
from engine.operations.states import DeliveryState
from engine.operations.suppressions import suppress_person
from engine.segments import Audience, Comparison, Segment, Selection, load_context, save_segment
from tests.worker.api_world import prepare
from tests.worker.erasure_world import (
    EMAIL,
    NATIONAL,
    PHONE,
    ROWS,
    Home,
    running_home,
    traces_in_files,
    traces_in_redis,
)
from worker.jobs import send_batch

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    with running_home(monkeypatch) as running:
        yield running


def fill(home: Home, folder: Path) -> None:
    """An import with undo, a sent and a waiting operation, an answer, a suppression, a rule, a draft."""
    home.upload(folder)
    home.upload(folder, tuple(row.replace("Ankara", "Ankara ") for row in (*ROWS[:1], "X;Y;+905321111104;;Ankara")))
    home.launch()
    home.wait_for_webhooks()
    home.write_to_us("Merhaba")
    home.launch(is_paused=True)
    person = key_from_int(home.row("SELECT person_key FROM contacts WHERE phone = ?", PHONE)[0])
    suppress_person(home.warehouse, home.client, person, scope="marketing", who="Elif", now=utc_now())
    rule = Segment(rule=Comparison(field="phone", operator="equals", value=f"0{NATIONAL}"))
    context = load_context(home.warehouse.cursor(), now=utc_now(), zone=home.settings.zone)
    save_segment(home.warehouse, "One number", rule, who="Elif", context=context)
    only = Draft(audience=Audience(selection=Selection.only(frozenset({home.contact_id()}))))
    create_draft(home.warehouse, who="Elif", now=utc_now(), draft=only)
    (home.settings.home / "exports").mkdir(exist_ok=True)
    (home.settings.home / "exports" / "people.csv").write_text(f"phone,mail\n{PHONE},{EMAIL}\n")
    home.recorder.drain()


def erase(home: Home) -> object:
    return erase_contact(
        home.warehouse, home.client, home.settings, home.contact_id(), who="Elif", now=utc_now(), reason="asked"
    )


def test_after_erase_and_purge_nothing_holds_the_person_and_every_sum_is_true(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path)
    where = traces_in_files(home.settings.home)
    assert {"ulak.duckdb.wal", "sandbox/journal.jsonl"} <= where.keys()
    assert any("redis/" in name for name in where)
    before, total = home.counts(), home.row("SELECT sum(recipient_count) FROM operations")
    assert before[1][DeliveryState.READ] == 4

    done = erase(home)
    assert done.operation_ids == tuple(home.operations)
    assert done.ended_count == 1
    result = purge(home.warehouse, home.client, home.settings, who="Elif", now=utc_now(), drain=home.recorder.drain)
    assert result.erasure_count == 1
    assert result.is_log_anew

    assert traces_in_files(home.settings.home) == {}
    assert traces_in_redis(home.client) == []
    after = home.counts()
    assert after[1] == before[1]
    assert sum(after[2].values()) == 4
    assert after[2][DeliveryState.SUPPRESSED] == 1
    assert home.row("SELECT sum(recipient_count) FROM operations") == total
    assert home.row("SELECT count(*) FROM events WHERE operation_no = 1")[0] >= 4 * 3
    assert purge_due(home.warehouse.cursor()).count == 0


def test_the_other_rows_of_the_evidence_stay_checkable(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path)
    erase(home)
    for operation_id in home.operations:
        path = snapshot_path(home.settings.operations_folder, operation_id)
        checked = check_rows(path)
        assert (checked.right_count, checked.erased_count, checked.wrong) == (3, 1, ())
        stored = home.row("SELECT snapshot_hash FROM operations WHERE operation_id = ?", operation_id)[0]
        assert stored == hash_file(path)
        who = home.client.get(operation_key(operation_id, "who"))
        assert sum(is_pseudonym(who[start : start + 8]) for start in range(0, len(who), 8)) == 1
    assert ledger.counters(home.client, home.operations[1])[DeliveryState.PENDING] == 3


def test_the_waiting_operation_goes_on_without_them(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path)
    erase(home)
    ledger.run(home.client, ledger.control(home.operations[1], "resume", who="Elif"))
    send_batch(home.operations[1], 0)
    home.wait_for_webhooks()
    counts = home.counts()[2]
    assert counts[DeliveryState.SUPPRESSED] == 1
    assert counts[DeliveryState.READ] == 3
    assert ledger.operation_state(home.client, home.operations[1]) == "completed"


def test_an_import_that_brings_them_again_finds_them_suppressed(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path)
    former = home.row("SELECT contact_id, person_key FROM contacts WHERE phone = ?", PHONE)
    erase(home)
    home.upload(tmp_path, ROWS[:1])
    again = home.row("SELECT contact_id, person_key FROM contacts WHERE phone = ?", PHONE)
    assert again[0] > former[0]
    assert again[1] == former[1]
    assert home.client.hexists(SUPPRESSED, key_from_int(again[1]))
    assert home.row("SELECT count(*) FROM suppressions WHERE person_key = ? AND lifted_at IS NULL", again[1])[0] >= 1
    third = home.launch()
    frozen = home.row("SELECT count(*) FROM left_out WHERE contact_id = ? AND reason LIKE '%suppressed%'", again[0])
    assert frozen[0] == 1, third


def test_one_who_had_opted_out_by_consent_alone_is_suppressed_from_then_on(home: Home, tmp_path: Path) -> None:
    home.upload(tmp_path)
    home.warehouse.cursor().execute("UPDATE contacts SET consent = 'opted_out' WHERE phone = ?", [PHONE])
    person = home.row("SELECT person_key FROM contacts WHERE phone = ?", PHONE)[0]
    assert not home.client.hexists(SUPPRESSED, key_from_int(person))
    erase(home)
    assert home.client.hget(SUPPRESSED, key_from_int(person)).startswith(b"m;")


def test_what_was_on_its_way_brings_nobody_back(home: Home, tmp_path: Path) -> None:
    """A receipt and an answer that wait in the stream, and a receipt that comes later."""
    home.upload(tmp_path)
    home.launch()
    home.client.xrange("ulak:events")
    erase(home)
    home.wait_for_webhooks()
    assert home.row("SELECT count(*) FROM contacts WHERE phone = ?", PHONE)[0] == 0
    assert home.row("SELECT count(*) FROM identities WHERE match_key = ?", PHONE[1:])[0] == 0
    assert home.row("SELECT count(*) FROM deliveries WHERE message_id IS NULL AND state >= 3")[0] == 1


def test_a_rule_that_named_the_number_names_it_no_more_and_a_draft_for_them_alone_is_for_nobody(
    home: Home, tmp_path: Path
) -> None:
    fill(home, tmp_path)
    done = erase(home)
    assert done.changed_text_count >= 1
    assert json.loads(home.row("SELECT definition FROM segments WHERE name = 'One number'")[0])["rule"]["value"] == (
        "erased"
    )
    draft = json.loads(home.row("SELECT draft FROM operations WHERE state = 'draft'")[0])
    assert draft["audience"]["selection"] == {"mode": "only", "ids": []}


def test_erasing_twice_is_refused_clearly(home: Home, tmp_path: Path) -> None:
    home.upload(tmp_path)
    contact_id = home.contact_id()
    erase(home)
    with pytest.raises(NotFound, match=f"no contact {contact_id}"):
        erase_contact(home.warehouse, home.client, home.settings, contact_id, who="Elif", now=utc_now())


STEPS = ("begun", "ended", "frozen", "sandbox", "names", "finished")


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("fatal", STEPS)
def test_killed_after_any_step_it_is_finished_at_the_next_start(home: Home, tmp_path: Path, fatal: str) -> None:
    fill(home, tmp_path)
    contact_id, before = home.contact_id(), home.counts()

    def die(step: str) -> None:
        if step == fatal:
            raise Killed

    with pytest.raises(Killed):
        erase_contact(
            home.warehouse, home.client, home.settings, contact_id, who="Elif", now=utc_now(), after_step=die
        )
    home.reopen()
    assert home.row("SELECT count(*) FROM erasures WHERE finished_at IS NOT NULL") == (1,)
    purge(home.warehouse, home.client, home.settings, who="Elif", now=utc_now(), drain=home.recorder.drain)
    assert traces_in_files(home.settings.home) == {}
    assert traces_in_redis(home.client) == []
    assert home.counts()[1] == before[1]
    for operation_id in home.operations:
        assert home.row("SELECT state FROM operations WHERE operation_id = ?", operation_id)[0] != "halted"


@pytest.mark.parametrize("fatal", ["drained", "store", "log"])
def test_a_purge_that_is_killed_loses_nothing_and_is_due_again(home: Home, tmp_path: Path, fatal: str) -> None:
    fill(home, tmp_path)
    erase(home)
    people = home.row("SELECT count(*) FROM contacts")

    def die(step: str) -> None:
        if step == fatal:
            raise Killed

    with pytest.raises(Killed):
        purge(home.warehouse, home.client, home.settings, who="Elif", now=utc_now(), after_step=die)
    home.reopen()
    assert home.row("SELECT count(*) FROM contacts") == people
    assert purge_due(home.warehouse.cursor()).count == 1
    assert set(home.client.smembers(OPERATIONS)) == {each.encode() for each in home.operations}
    prepare(home.warehouse, home.client, home.settings)
