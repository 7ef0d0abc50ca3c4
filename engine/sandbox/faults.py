"""The faults that `PUT /sandbox/faults` asks for, and the seeded decision whether one strikes a certain POST.

A decision follows from the seed, the fault, the person and the number of that person's POST: not from the order
in which messages arrive, so a run can be repeated. A `count` caps how often a fault strikes in all.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import msgspec

from engine.sandbox.chance import rolls
from engine.sandbox.people import Seconds, Share, Span

Count = Annotated[int, msgspec.Meta(ge=0)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=600_000)]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a fault strikes: by chance, at most `count` times, after the first `after` POSTs. A count alone means
    always until it is used up; nothing means never."""

    probability: Share | None = None
    count: Count | None = None
    after: Count = 0

    @property
    def chance(self) -> float:
        """The probability that holds."""
        if self.probability is not None:
            return self.probability
        return 1.0 if self.count is not None else 0.0


class Hang(Fault, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Accept, then leave the line silent for so long, then answer."""

    seconds: Seconds = 30.0


class CodeFault(Fault, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Answer with an error code of the platform, or let an accepted message fail with it."""

    code: int
    details: str = ""


class Hold(Fault, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Answer `held_for_quality_assessment`; later release the message, or drop it with 132015."""

    seconds: Seconds = 5.0
    dropped: bool = False


class PauseTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pause a template once so many of its messages were accepted."""

    name: str
    language: str
    after: Count


class WebhookFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to updates on their way: some come twice, late, or overtaken by the next one."""

    duplicate: Share = 0.02
    duplicate_seconds: Span = (0.1, 5.0)
    late: Share = 0.02
    late_seconds: Span = (1.0, 8.0)
    out_of_order: Share = 0.03
    batch: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All knobs. `accept_*` faults write the message to the ledger first: the sender can't know."""

    accept_then_500: Fault = Fault()
    accept_then_hang: Hang = Hang()
    accept_then_cut: Fault = Fault()
    refuse_500: Fault = Fault()
    cut_before: Fault = Fault()
    codes: tuple[CodeFault, ...] = ()
    webhook_codes: tuple[CodeFault, ...] = ()
    hold: Hold = Hold()
    pause_template: PauseTemplate | None = None
    latency_ms: Milliseconds = 0.0
    latency_jitter_ms: Milliseconds = 0.0
    webhooks: WebhookFaults = WebhookFaults()


AMBIGUOUS = ("accept_then_500", "accept_then_hang", "accept_then_cut", "refuse_500", "cut_before")


class FaultBox:
    """The faults in force, and how often each has struck."""

    def __init__(self) -> None:
        self.struck: Counter[str] = Counter()
        self.put(Faults())

    def put(self, faults: Faults) -> None:
        """Replace the faults; the counts start anew, `struck` goes on."""
        self.faults = faults
        self.used: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        named = {name: getattr(faults, name) for name in (*AMBIGUOUS, "hold")}
        named |= {f"code {number}": fault for number, fault in enumerate(faults.codes)}
        named |= {f"webhook code {number}": fault for number, fault in enumerate(faults.webhook_codes)}
        self._live: dict[str, Fault] = {name: fault for name, fault in named.items() if fault.chance > 0}

    def strikes(self, name: str, seed: int, person: str, post_no: int) -> bool:
        """Whether the fault of that name strikes this POST; if so it is counted."""
        fault = self._live.get(name)
        if fault is None:
            return False
        self._seen[name] += 1
        if self._seen[name] <= fault.after or (fault.count is not None and self.used[name] >= fault.count):
            return False
        if fault.chance < 1 and rolls(seed, "fault", name, person, post_no)[0] >= fault.chance:
            return False
        self.used[name] += 1
        self.struck[name] += 1
        return True

    def code_of(self, prefix: str, seed: int, person: str, post_no: int) -> CodeFault | None:
        """The code fault that strikes this POST: `prefix` is `code` or `webhook code`."""
        if not self._live:
            return None
        table = self.faults.codes if prefix == "code" else self.faults.webhook_codes
        for number, fault in enumerate(table):
            if self.strikes(f"{prefix} {number}", seed, person, post_no):
                return fault
        return None

    @property
    def ambiguous_count(self) -> int:
        """How many senders were left without a clear answer."""
        return sum(self.struck[name] for name in AMBIGUOUS)
