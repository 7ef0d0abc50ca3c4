"""A portfolio's tier, and the messaging limit that follows from it."""

from __future__ import annotations

from datetime import datetime

from engine.clock import to_store
from engine.warehouse import Warehouse

TIER_LIMITS: dict[str, int | None] = {
    "TIER_50": 50,
    "TIER_250": 250,
    "TIER_1K": 1_000,
    "TIER_2K": 2_000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": None,
}
"""Unique people a moving 24 hours; None: unlimited. Source: whatsapp.md §6.1."""


def save_portfolio(warehouse: Warehouse, portfolio_id: str, tier: str, *, source: str, now: datetime) -> None:
    """Keep a portfolio's tier and the limit that follows from it; an unknown tier keeps the former limit."""
    with warehouse.writing() as cursor:
        cursor.execute(
            """MERGE INTO portfolios AS old USING (SELECT ? AS portfolio_id, ? AS tier, ?::BIGINT AS messaging_limit,
                   ? AS is_known, ? AS source, ?::TIMESTAMP AS read_at) AS new
               ON old.portfolio_id = new.portfolio_id
               WHEN MATCHED THEN UPDATE SET tier = new.tier, source = new.source, read_at = new.read_at,
                   messaging_limit = CASE WHEN new.is_known THEN new.messaging_limit ELSE old.messaging_limit END
               WHEN NOT MATCHED THEN INSERT (portfolio_id, tier, messaging_limit, source, read_at)
                   VALUES (new.portfolio_id, new.tier,
                           CASE WHEN new.is_known THEN new.messaging_limit ELSE 250 END, new.source, new.read_at)""",
            [portfolio_id, tier, TIER_LIMITS.get(tier), tier in TIER_LIMITS, source, to_store(now)],
        )
