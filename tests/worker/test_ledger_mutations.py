"""Faults put into the Lua by hand, one at a time: the named tests or the walks must find each.

It runs the suite once a fault, so it is asked for:
`LEDGER_MUTATIONS=1 pytest tests/worker/test_ledger_mutations.py -s`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.operations.ledger_scripts import read_parts
from tests.worker.ledger_faults import FAULTS, faulty_parts

SUITES = {
    "named": ["claiming", "gates", "changes", "jobs", "places", "control", "deciding_again", "systemic"],
    "walks": ["machine"],
}
# What no walk can reach (five rows never fill a cohort, nothing is restored): the named tests alone.
NAMED_ALONE = {
    "the cohort grows beyond 200",
    "a cohort failure counts twice",
    "a higher attempt is ignored",
    "halving never climbs back",
    "a person's retry keeps its tries",
    "a marketing suppression stops everything",
    "a late status is dropped",
    "an exact repeat is recorded",
    "no slot is too far ahead",
    "a missed slot takes a new attempt",
    "unlimited portfolios count places",
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_changes_the_text_exactly_once(name: str) -> None:
    parts = read_parts()
    changed = faulty_parts(name, parts)
    assert sum(changed[part] != parts[part] for part in parts) == 1


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("name", FAULTS if os.environ.get("LEDGER_MUTATIONS") else [])
def test_the_suite_finds_the_fault(name: str, suite: str) -> None:
    if suite == "walks" and name in NAMED_ALONE:
        pytest.skip("out of the walks' reach")
    folder = Path(__file__).parent
    files = [str(folder / f"test_ledger_{part}.py") for part in SUITES[suite]]
    environment = {**os.environ, "LEDGER_FAULT": name, "LEDGER_WALKS": os.environ.get("LEDGER_WALKS", "400")}
    environment.pop("LEDGER_MUTATIONS")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x" if suite == "walks" else "-q",
            "-p",
            "tests.worker.ledger_faults",
            *files,
        ],
        capture_output=True,
        text=True,
        env=environment,
        cwd=folder.parents[1],
        check=False,
    )
    found = [line.split("::")[1].split(" ")[0] for line in run.stdout.splitlines() if line.startswith("FAILED")]
    reason = [line for line in run.stdout.splitlines() if "AssertionError:" in line][-1:]
    sys.__stdout__.write(
        f"\n{name} [{suite}]: {len(found)} found it: {', '.join(found[:3])} {reason if suite == 'walks' else ''}\n"
    )
    assert run.returncode == 1, run.stdout[-2_000:]
    assert found
