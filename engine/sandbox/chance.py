"""Seeded chance: the same seed and the same words give the same numbers, in whatever order they are asked for."""

from __future__ import annotations

import hashlib
import struct

_EIGHT = struct.Struct(">8I")
_SCALE = 2.0**32


def rolls(seed: int, *words: object) -> tuple[float, ...]:
    """Eight numbers in [0, 1) that follow from the seed and the words."""
    text = "\x1f".join(map(str, (seed, *words)))
    return tuple(number / _SCALE for number in _EIGHT.unpack(hashlib.blake2b(text.encode(), digest_size=32).digest()))


def between(span: tuple[float, float], roll: float) -> float:
    """The place of a roll within a span."""
    low, high = span
    return low + (high - low) * roll
