"""A segment in an address: its JSON, packed; and what a link that isn't whole says."""

from __future__ import annotations

import base64
import binascii
import json
import zlib

from engine.errors import InvalidRule
from engine.segments.rules import Segment, parse_segment
from engine.words import N_

EDITION = "1"
"""The first letter of a packed segment: another way to pack is another letter."""
LONGEST_LINK = 6_000
"""Characters that browsers, chats and mail programs still carry as one address."""
MOST_BYTES = 1_000_000


def pack_segment(segment: Segment) -> str:
    """The segment as letters, digits, `-` and `_`. One that holds no more than defaults is a few letters.

    Raises:
        InvalidRule: it is too long for an address.
    """
    values = segment.model_dump(mode="json", exclude_defaults=True)
    if segment.rule is not None:
        values["rule"] = segment.rule.model_dump(mode="json")  # `kind` is a default, and tells rules apart
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    packed = EDITION + base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
    if len(packed) > LONGEST_LINK:
        raise InvalidRule(
            reason=f"{len(packed)} characters", problem=N_("this filter is too long for a link; save it as a segment")
        )
    return packed


def unpack_segment(packed: str) -> Segment:
    """The segment of a link.

    Raises:
        InvalidRule: the link was cut, or changed, or is of another version of the app; `problem` says which.
    """
    if not packed.startswith(EDITION):
        raise InvalidRule(reason="unknown edition", problem=N_("the link was made by another version of the app"))
    body = packed[len(EDITION) :]
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), MOST_BYTES)
    except (ValueError, binascii.Error, zlib.error):
        raise InvalidRule(reason="not whole", problem=N_("the link is not whole; copy it again")) from None
    if not reader.eof:
        raise InvalidRule(reason="not whole", problem=N_("the link is not whole; copy it again"))
    return parse_segment(text)
