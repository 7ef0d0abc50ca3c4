"""Runs the benchmarks one after another, each in a process of its own, and ends with a table.

    python -m bench                     # all of them
    python -m bench send [ARGUMENT …]   # one, with what it takes

Figures of a machine that does other work at the same time say little; ratios say more.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAMES = (
    "ledger",
    "send",
    "receiver",
    "recorder",
    "segments",
    "preflight",
    "phones",
    "importing",
    "listmonk",
    "crowd",
)
RATIO = re.compile(r"ratio\s+(\d+\.\d+)|(\d+\.\d+) ?x\b")


@dataclass
class Run:
    """One benchmark that was run."""

    name: str
    seconds: float = 0.0
    code: int = 0
    ratios: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """Its line of the table."""
        ending = "" if self.code == 0 else f"  ended with {self.code}"
        return f"{self.name:<12} {self.seconds:7.0f} s   {' '.join(self.ratios) or '-'}{ending}"


def run(name: str, arguments: list[str]) -> Run:
    """Run one; its lines are shown as they come."""
    print(f"\n== {name}", flush=True)
    one, began_at = Run(name), time.monotonic()
    command = [sys.executable, "-u", "-m", f"bench.{name}", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            print(text, end="", flush=True)
            one.ratios += [first or second for first, second in RATIO.findall(text)]
    one.code, one.seconds = process.returncode, time.monotonic() - began_at
    return one


def main() -> int:
    """Run what was asked for. Returns 1 when one of them failed."""
    wanted, arguments = sys.argv[1:2], sys.argv[2:]
    if wanted and wanted[0] not in NAMES:
        print(f"there is no benchmark {wanted[0]}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    runs = [run(name, arguments) for name in wanted or NAMES]
    print(f"\n{'benchmark':<12} {'time':>9}   ratios, in the order of the lines above")
    for one in runs:
        print(one.line)
    return int(any(one.code for one in runs))


if __name__ == "__main__":
    raise SystemExit(main())
