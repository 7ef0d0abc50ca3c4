"""What a person's message means for us: stop, take up again, or nothing by itself.

Only a whole message that is one of the words acts, folded so that İPTAL, iptal and "Iptal!" are one; a sentence with
such a word is for a human. A tap acts by its payload (`OPTOUT…`) or by a text that can only mean this: a button
"Cancel" under a reminder is no opt-out. Source: WhatsApp's business messaging policy and conventions, 2026-11.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.channels.webhook_events import InboundMessage, PreferenceChange
from engine.segments.folding import fold

STOP, RESUME = "stop", "resume"
STOP_WORDS = (
    *("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPT OUT"),
    *("DUR", "DURDUR", "İPTAL", "ÇIK", "ÇIKIŞ", "RET", "ABONELİKTEN ÇIK"),
    *("STOPP", "ABMELDEN", "BAJA", "PARAR", "SAIR", "ARRET", "إلغاء", "توقف"),
)
RESUME_WORDS = ("START", "UNSTOP", "BAŞLA", "DEVAM")
OPT_OUT_TAPS = (
    *("STOP", "STOPALL", "STOP PROMOTIONS", "STOP MESSAGES", "UNSUBSCRIBE", "OPT OUT", "NOT INTERESTED"),
    *("İSTEMİYORUM", "ABONELİKTEN ÇIK", "DURDUR", "MESAJ ALMAK İSTEMİYORUM", "REKLAMLARI DURDUR", "ABMELDEN", "BAJA"),
)
MUTE_KINDS = frozenset({"system", "edit", "revoke"})
"""Kinds that are no message: they open no window and mean nothing."""
WINDOWLESS_KINDS = frozenset({"reaction"})
"""Kinds that are not taken to open a service window: the provider's texts don't agree."""
_LONGEST_WORD = 60
_PAYLOAD = re.compile(r"optout(?:[^a-z]|$)", re.IGNORECASE)


class Way(StrEnum):
    """How a person lets us know; words heard one way never undo what was said the other way."""

    WORD = "word"  # a keyword or a button of ours
    SWITCH = "switch"  # WhatsApp's own switch for marketing messages


REASONS = {Way.WORD: ("keyword", "button"), Way.SWITCH: ("user_preferences", "provider_131050")}
"""Reasons of suppressions by way. The provider's 131050 tells of the same switch as `user_preferences`."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A person wants no more messages (`is_stop`), or wants them again.

    `reason` is the suppression's; a wish for more lifts all reasons of its way.
    """

    way: Way
    is_stop: bool
    reason: str


def fold_word(text: str) -> str:
    """A message as a word: İ, I, ı, i alike, no case, no accents, no punctuation, single spaces."""
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", fold(text)) if not unicodedata.combining(mark))
    return " ".join("".join(mark if mark.isalnum() else " " for mark in fold(plain)).split())


def default_words() -> dict[str, str]:
    """Folded word -> `stop` or `resume`."""
    words = {fold_word(word): STOP for word in STOP_WORDS}
    return words | {fold_word(word): RESUME for word in RESUME_WORDS}


_TAPS = frozenset(fold_word(text) for text in OPT_OUT_TAPS)


def wish_of_message(message: InboundMessage, words: Mapping[str, str]) -> Wish | None:
    """What a message wants, or None when a human must read it.

    Args:
        words: folded word -> `stop` or `resume`, as published in Redis.
    """
    if message.payload or message.title:
        is_opt_out = _PAYLOAD.match(message.payload) or any(
            fold_word(text) in _TAPS for text in (message.payload, message.title) if len(text) <= _LONGEST_WORD
        )
        return Wish(Way.WORD, True, "button") if is_opt_out else None
    if message.kind != "text" or len(message.text) > _LONGEST_WORD:
        return None
    verb = words.get(fold_word(message.text))
    if verb is None:
        return None
    return Wish(Way.WORD, verb == STOP, "keyword")


def wish_of_preference(change: PreferenceChange) -> Wish | None:
    """What a change of WhatsApp's own switch wants."""
    if change.value not in (STOP, RESUME):
        return None
    return Wish(Way.SWITCH, change.value == STOP, "user_preferences")


def is_news(stands: bytes | None, wish: Wish, at_ms: int) -> bool:
    """Whether a wish is newer than the newest heard the same way; at the same moment a stop wins.

    Webhooks come twice and out of order: an old START that arrives after a newer STOP must lift nothing.
    """
    if not stands:
        return True
    time_ms, was_stop = int(stands[:-1]), stands.endswith(b"-")
    return at_ms > time_ms or (at_ms == time_ms and (wish.is_stop or not was_stop))


def heard(wish: Wish, at_ms: int) -> str:
    """What is kept of a wish that was acted on."""
    return f"{at_ms}{'-' if wish.is_stop else '+'}"
