"""The estimated cost of a message, as REST gives it: decimals as texts, what is not in it beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.errors import NotFound
from engine.operations.costs import Costs, estimate_costs


def cost_row(regions: Mapping[str, int], category: str, moment: datetime) -> dict[str, Any] | None:
    """The estimate for that day of the business's zone; None when no price list holds on it."""
    try:
        return _row(estimate_costs(regions, category, moment.date()))
    except NotFound:
        return None


def _row(costs: Costs) -> dict[str, Any]:
    return {
        "total": format(costs.total, "f"),
        "currency": costs.currency,
        "card_date": costs.card_date.isoformat(),
        "category": costs.category,
        "unpriced": costs.unpriced_count,
        "countries": [
            {
                "country": line.region or None,
                "market": line.market or None,
                "recipients": line.count,
                "rate": None if line.rate is None else format(line.rate, "f"),
                "amount": None if line.amount is None else format(line.amount, "f"),
            }
            for line in costs.lines
        ],
        "not_included": list(costs.not_included),
    }
