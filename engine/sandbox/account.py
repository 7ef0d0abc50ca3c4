"""The state of the simulated business account: limits, quality, and where its webhooks go."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Tier = Literal["TIER_250", "TIER_2K", "TIER_10K", "TIER_100K", "TIER_UNLIMITED"]
LIMITS: dict[str, int | None] = {
    "TIER_250": 250,
    "TIER_2K": 2_000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": None,
}
STANDARD_THROUGHPUT = 80
VERIFIED_NAME = "Ulak Deneme Mağazası"


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `PUT /sandbox/account` sets. `throughput` in messages per second of the one phone number; the tier
    counts unique people in a moving 24 hours. Each limit can be left unenforced: it is counted all the same."""

    throughput: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = STANDARD_THROUGHPUT
    tier: Tier = "TIER_10K"
    enforce_throughput: bool = True
    enforce_tier: bool = True
    enforce_pair: bool = True
    quality: Literal["GREEN", "YELLOW", "RED", "UNKNOWN"] = "GREEN"
    status: Literal["CONNECTED", "FLAGGED", "RESTRICTED", "BANNED", "DISCONNECTED"] = "CONNECTED"

    @property
    def limit(self) -> int | None:
        """People per 24 hours, None without a limit."""
        return LIMITS[self.tier]

    @property
    def throughput_level(self) -> str:
        """How the phone number node calls its throughput."""
        return "STANDARD" if self.throughput <= STANDARD_THROUGHPUT else "HIGH"


class Callback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where webhooks go; while not subscribed they wait."""

    url: str
    is_subscribed: bool = True
