"""Ids of a person at the simulated WhatsApp: `wa_id` (may differ from the number that was sent) and `user_id`.

Source: reference §2.7 (business-scoped ids) and §11.2 (what Brazil, Mexico and Argentina do to a number).
"""

from __future__ import annotations

import base64
import os

from engine.sandbox.chance import rolls

_COUNTRIES = (
    ("90", "TR"), ("49", "DE"), ("44", "GB"), ("33", "FR"), ("31", "NL"), ("39", "IT"), ("34", "ES"), ("994", "AZ"),
    ("966", "SA"), ("971", "AE"), ("55", "BR"), ("52", "MX"), ("54", "AR"), ("91", "IN"), ("62", "ID"), ("20", "EG"),
    ("1", "US"), ("7", "RU"),
)  # fmt: skip


def wa_id_of(digits: str) -> str:
    """WhatsApp's own form of a number: older Brazilian accounts lack the ninth digit, Mexican ones carry a 1."""
    older = rolls(0, "account age", digits)[0] < 0.5
    if digits.startswith("55") and len(digits) == 13 and digits[4] == "9" and digits[2] >= "3" and older:
        return digits[:4] + digits[5:]
    if digits.startswith("52") and len(digits) == 12 and older:
        return "521" + digits[2:]
    if digits.startswith("54") and len(digits) == 12:
        return "549" + digits[2:]
    return digits


def user_id_of(person: str) -> str:
    """The business-scoped id of a person (a BSUID stands for itself)."""
    if not person.isdigit():
        return person
    country = next((name for prefix, name in _COUNTRIES if person.startswith(prefix)), "ZZ")
    roll = rolls(0, "user id", person)
    return f"{country}.{int(roll[0] * 9e9 + 1e9)}{int(roll[1] * 9e9 + 1e9)}"


def message_id(person: str, token: str, *, inbound: bool = False) -> str:
    """A `wamid` built the way real ones are, around a token of up to 40 characters."""
    name, tail = person.encode()[:40], token.encode()[:40]
    way = b"\x12" if inbound else b"\x11"
    raw = (
        b"\x1c\x18"
        + bytes([len(name)])
        + name
        + b"\x15\x02\x00"
        + way
        + b"\x18"
        + bytes([len(tail)])
        + tail
        + b"\x00"
    )
    return "wamid." + base64.b64encode(raw).decode()


def new_token() -> str:
    """A fresh token for a `wamid`."""
    return os.urandom(9).hex().upper()
