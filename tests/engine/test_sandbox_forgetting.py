"""Forgetting a person in the sandbox: nothing on its disk names them, its counts stay, their webhooks are off."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine.sandbox.credentials import Credentials
from engine.sandbox.forgetting import IN_USE_CODE, Forget, forget_on_disk
from engine.sandbox.identity import message_id, user_id_of
from engine.sandbox.journal import Accepted, JournalInUse, Refused
from engine.sandbox.people import People
from engine.sandbox.world import World

ERASED, OTHER = "905321112233", "905321112244"
KEYS = Credentials("t", "s", "v", "1", "2", "3", "905550000000")


def make_world(folder: Path) -> World:
    world = World(folder, KEYS, "http://127.0.0.1:1/", clock=lambda: 1_700_000_000_000)
    world.load()
    return world


def fill(world: World) -> None:
    world.put("people", People(not_on_whatsapp=0, unreachable=0))
    for person in (ERASED, OTHER, ERASED):
        number = world.next_no()
        world.ledger.post(person, world.clock())
        wamid = message_id(person, f"T{number}")
        texts = ("Ayşe",) if person == ERASED else ("Can",)
        world.accept(Accepted(number, world.clock(), person, person, wamid, f"op-1:{number}:1", texts=texts))
    world.refuse(Refused(world.clock(), ERASED, 131026))
    world.happen(ERASED, "messages", {"messages": [{"from": ERASED, "text": {"body": "Merhaba"}}]})


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_forgotten_person_is_on_no_line_and_every_count_stays(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    fill(world)
    before, others = world.ledger.summary(world.clock()), world.ledger.messages_of(OTHER)
    assert world.forget(Forget(phones=("+" + ERASED,))) == 4
    written = everything(tmp_path)
    for trace in (ERASED, ERASED[2:], "Ayşe", user_id_of(ERASED), message_id(ERASED, "T1")):
        assert trace.encode() not in written
    assert world.ledger.summary(world.clock()) == before
    assert world.ledger.messages_of(OTHER) == others
    assert ERASED not in world.ledger.posts_of()
    world.close()


def test_their_webhooks_are_off_and_stay_off_after_a_restart(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    fill(world)
    waiting = world.waiting_count
    world.forget(Forget(phones=(ERASED,)))
    assert 0 < world.waiting_count < waiting
    left = world.waiting_count
    world.close()
    again = make_world(tmp_path)
    assert again.waiting_count == left
    assert again.ledger.accepted_count == 3
    assert all(entry[3].subject.person == OTHER for entry in again._due)
    again.close()


def test_a_webhook_that_was_on_its_way_is_not_sent_again(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    fill(world)
    world.clock = lambda: 1_700_009_999_999
    taken = world.take_due(100)
    world.forget(Forget(phones=(ERASED,)), [update.subject for update in taken])
    assert {update.subject.person for update in taken if not update.subject.is_forgotten} == {OTHER}
    world.close()


def test_the_journal_of_a_running_sandbox_is_its_own(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    fill(world)
    with pytest.raises(JournalInUse):
        forget_on_disk(world.journal.path, Forget(phones=(ERASED,)))
    world.forget(Forget(phones=(OTHER,)))
    with pytest.raises(JournalInUse):
        forget_on_disk(world.journal.path, Forget(phones=(ERASED,)))
    world.close()


def test_without_a_sandbox_the_journal_itself_forgets(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    fill(world)
    command = [sys.executable, "-m", "engine.sandbox.forgetting", str(world.journal.path)]
    asked = msgspec.json.encode(Forget(phones=(ERASED,)))
    assert subprocess.run(command, input=asked, check=False).returncode == IN_USE_CODE
    assert ERASED.encode() in everything(tmp_path)
    world.close()
    assert subprocess.run(command, input=asked, check=False).returncode == 0
    assert ERASED.encode() not in everything(tmp_path)
    lines = [json.loads(line) for line in world.journal.path.read_bytes().splitlines()]
    assert len([line for line in lines if line["k"] == "a"]) == 3
    assert forget_on_disk(tmp_path / "none.jsonl", Forget(phones=(ERASED,))) == 0
