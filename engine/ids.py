"""Ids: sortable by time, readable in a log, safe in a file name, an RQ job id and a URL (`[A-Za-z0-9_-]`)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


def new_id(kind: str, now: datetime) -> str:
    """A new id such as `op-20261122-151002-7f3a91`; `kind` is its first part."""
    return f"{kind}-{now.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def callback_data(operation_id: str, recipient_no: int, attempt: int) -> str:
    """What travels with a message as `biz_opaque_callback_data`, and comes back in each status."""
    return f"{operation_id}:{recipient_no}:{attempt}"


def parse_callback_data(text: str) -> tuple[str, int, int] | None:
    """(operation id, recipient number, attempt), or None when the text is not ours."""
    operation_id, _, rest = text.partition(":")
    recipient, _, attempt = rest.partition(":")
    if not (operation_id.startswith("op-") and recipient.isascii() and recipient.isdigit()):
        return None
    if not (attempt.isascii() and attempt.isdigit()):
        return None
    return operation_id, int(recipient), int(attempt)
