"""The simulated people: what becomes of a message follows from the seed and the person's number alone.

A fate says whether the message arrives, is read, and what the person does then. Shares and delays are settings
(`PUT /sandbox/people`); the defaults are near to what a Turkish retailer sees, with delays fit for a demonstration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec

from engine.sandbox.chance import rolls

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Span = tuple[Seconds, Seconds]

NOT_ON_WHATSAPP, STOPPED_MARKETING, HELD_BACK, IN_EXPERIMENT = 131026, 131050, 131049, 130472
MARKETING_ONLY = (STOPPED_MARKETING, HELD_BACK, IN_EXPERIMENT)

NAMES = (
    "Ayşe", "Mehmet", "Zeynep", "Mustafa", "Elif", "Ahmet", "Fatma", "Emre", "Merve", "Burak", "Hatice", "Can",
    "Esra", "Murat", "Selin", "Hüseyin", "Derya", "Ömer", "Gizem", "İbrahim", "Ebru", "Kerem", "Şeyma", "Oğuz",
)  # fmt: skip
ANSWERS = (
    "Teşekkürler!", "Bilgi için teşekkür ederim.", "Hangi mağazada geçerli?", "Beni arar mısınız?",
    "Harika, gelirim.", "Fiyatı ne kadar?", "Thank you!", "Is it available online?", "Tamamdır 👍",
    "Kargo ücretsiz mi?",
)  # fmt: skip
OPT_OUT_WORDS = ("DUR", "STOP", "dur", "İptal", "Stop.", "ÇIK")


class People(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the simulated people behave. Shares are of everyone for the failures, of those before for the rest.

    Of everyone: not_on_whatsapp, stopped_marketing, held_back, in_experiment, unreachable. Of those reached: slow,
    reads. Of those who read: chat_open (no `delivered` comes, `read` says it), presses (if there is a quick reply),
    answers, opts_out (by word), stops (by WhatsApp's own switch). Delays in seconds.
    """

    enabled: bool = True
    not_on_whatsapp: Share = 0.03
    stopped_marketing: Share = 0.006
    held_back: Share = 0.01
    in_experiment: Share = 0.004
    unreachable: Share = 0.03
    slow: Share = 0.04
    reads: Share = 0.72
    chat_open: Share = 0.02
    presses: Share = 0.12
    answers: Share = 0.04
    opts_out: Share = 0.012
    stops: Share = 0.006
    sent_delay: Span = (0.05, 0.3)
    delivered_delay: Span = (0.3, 4.0)
    read_delay: Span = (1.0, 20.0)
    answer_delay: Span = (2.0, 15.0)
    failed_delay: Span = (0.3, 3.0)
    slow_factor: Annotated[float, msgspec.Meta(ge=1, le=10_000)] = 8.0

    def __post_init__(self) -> None:
        of_everyone = (
            self.not_on_whatsapp + self.stopped_marketing + self.held_back + self.in_experiment + self.unreachable
        )
        of_readers = self.presses + self.answers + self.opts_out + self.stops
        if max(of_everyone, of_readers) > 1.000001:
            raise ValueError("the shares of one group add up to more than 1")
        if any(low > high for low, high in self.delays):
            raise ValueError("a delay starts after its end")

    @property
    def delays(self) -> tuple[Span, ...]:
        """All spans of delays."""
        return (self.sent_delay, self.delivered_delay, self.read_delay, self.answer_delay, self.failed_delay)


@dataclass(frozen=True, slots=True)
class Fate:
    """One person: the code their messages fail with (0: none), and what they do with those that arrive."""

    fails_with: int
    is_unreachable: bool
    is_slow: bool
    reads: bool
    reaction: str | None


def fate_of(people: People, seed: int, person: str) -> Fate:
    """The fate of a person, by digits or business-scoped id."""
    roll = rolls(seed, "fate", person)
    kind = _pick(
        roll[0],
        (
            (NOT_ON_WHATSAPP, people.not_on_whatsapp),
            (STOPPED_MARKETING, people.stopped_marketing),
            (HELD_BACK, people.held_back),
            (IN_EXPERIMENT, people.in_experiment),
            (-1, people.unreachable),
        ),
    )
    reaction = _pick(
        roll[3],
        (("button", people.presses), ("text", people.answers), ("opt_out", people.opts_out), ("stop", people.stops)),
    )
    return Fate(
        fails_with=kind if isinstance(kind, int) and kind > 0 else 0,
        is_unreachable=kind == -1,
        is_slow=roll[1] < people.slow,
        reads=roll[2] < people.reads,
        reaction=reaction if isinstance(reaction, str) else None,
    )


def _pick(roll: float, shares: tuple[tuple[int | str, float], ...]) -> int | str | None:
    edge = 0.0
    for what, share in shares:
        edge += share
        if roll < edge:
            return what
    return None


def profile_name(person: str) -> str:
    """The name in a person's WhatsApp profile."""
    return NAMES[int(rolls(0, "name", person)[0] * len(NAMES))]


def answer_text(seed: int, person: str, message_no: int) -> str:
    """What a person who answers writes."""
    return ANSWERS[int(rolls(seed, "answer", person, message_no)[0] * len(ANSWERS))]


def opt_out_text(seed: int, person: str) -> str:
    """The word a person opts out with."""
    return OPT_OUT_WORDS[int(rolls(seed, "word", person)[0] * len(OPT_OUT_WORDS))]
