"""Seeded chance: the same seed and the same words give the same numbers, in whatever order they are asked for."""

from __future__ import annotations

import hashlib
import struct

_EIGHT = struct.Struct(">8I")
_MANY = struct.Struct(">32H")
_SCALE, _COARSE = 1 / 2.0**32, 1 / 2.0**16


def rolls(seed: int, *words: object) -> list[float]:
    """Eight numbers in [0, 1) that follow from the seed and the words."""
    text = "\x1f".join([str(seed), *map(str, words)])
    return [number * _SCALE for number in _EIGHT.unpack(hashlib.blake2b(text.encode(), digest_size=32).digest())]


def many_rolls(seed: int, *words: object) -> list[float]:
    """Thirty-two numbers in [0, 1), in steps of 1/65536."""
    text = "\x1f".join([str(seed), *map(str, words)])
    return [number * _COARSE for number in _MANY.unpack(hashlib.blake2b(text.encode()).digest())]


def between(span: tuple[float, float], roll: float) -> float:
    """The place of a roll within a span."""
    low, high = span
    return low + (high - low) * roll
