"""The states of operations and deliveries, and what a stream row looks like in bytes.

A delivery's state is one byte of the ledger and one UTINYINT of the store; the numbers are for ever.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import numpy as np

from engine.words import N_


class OperationState(StrEnum):
    """Where a bulk message stands (DESIGN §1)."""

    DRAFT = "draft"
    LAUNCHING = "launching"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    HALTED = "halted"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


FINAL_OPERATION_STATES = frozenset({OperationState.COMPLETED, OperationState.CANCELLED})


class DeliveryState(IntEnum):
    """What is known of one recipient."""

    PENDING = 0
    RETRY = 1
    CLAIMED = 2
    ACCEPTED = 3
    HELD = 4
    SENT = 5
    DELIVERED = 6
    READ = 7
    FAILED = 8
    UNKNOWN = 9
    SUPPRESSED = 10
    CANCELLED = 11
    EXPIRED = 12


OPEN_DELIVERY_STATES = (DeliveryState.PENDING, DeliveryState.RETRY, DeliveryState.CLAIMED)
"""While a byte holds one of these, the operation is not completed."""

OPERATION_STATE_LABELS = {
    OperationState.DRAFT: N_("draft"),
    OperationState.LAUNCHING: N_("launching"),
    OperationState.SCHEDULED: N_("scheduled"),
    OperationState.RUNNING: N_("running"),
    OperationState.WAITING: N_("waiting"),
    OperationState.PAUSED: N_("paused"),
    OperationState.HALTED: N_("halted"),
    OperationState.COMPLETED: N_("completed"),
    OperationState.CANCELLED: N_("cancelled"),
}
DELIVERY_STATE_LABELS = {
    DeliveryState.PENDING: N_("pending"),
    DeliveryState.RETRY: N_("to be tried again"),
    DeliveryState.CLAIMED: N_("being sent"),
    DeliveryState.ACCEPTED: N_("accepted"),
    DeliveryState.HELD: N_("held by the provider"),
    DeliveryState.SENT: N_("sent"),
    DeliveryState.DELIVERED: N_("delivered"),
    DeliveryState.READ: N_("read"),
    DeliveryState.FAILED: N_("failed"),
    DeliveryState.UNKNOWN: N_("unknown"),
    DeliveryState.SUPPRESSED: N_("opted out"),
    DeliveryState.CANCELLED: N_("cancelled"),
    DeliveryState.EXPIRED: N_("expired"),
}

ROW_DTYPE = np.dtype(
    [
        ("recipient_no", "<u4"),
        ("attempt", "<u2"),
        ("state", "u1"),
        ("flags", "u1"),
        ("code", "<u4"),
        ("at_s", "<u4"),
    ]
)
"""One row of a `rows` entry of the event stream: 16 bytes, little endian; `at_s` is unix seconds."""

ROW_STRUCT = "<IHBBII"

FLAG_LATE = 0x01
"""The row changed no state: only its time and price are news."""


def pack_pricing(kind: int, category: int) -> int:
    """Flags bits 1–2 (price type) and 3–6 (category); see `PRICE_TYPES`, `PRICE_CATEGORIES`."""
    return (kind & 0x3) << 1 | (category & 0xF) << 3


PRICE_TYPES = ("", "regular", "free_customer_service", "free_entry_point")
PRICE_CATEGORIES = (
    "",
    "marketing",
    "utility",
    "authentication",
    "authentication-international",
    "service",
    "referral_conversion",
    "marketing_lite",
    "general_purpose_ai",
    "other",
)
