"""The provider's list prices: rate cards by the day they hold from, and the market that a country belongs to.

Data, not code: every file in `rate_cards/` with its source and date (a newer file beside it takes over from its day).
Prices are decimals per delivered message. Source: whatsapp.md §8, Meta's rate cards of 2026-07-01 and 2026-10-01.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.errors import NotFound

FOLDER = Path(__file__).parent / "rate_cards"
SOURCE = "Meta"


@dataclass(frozen=True)
class RateCard:
    """The prices that hold from one day on.

    Attributes:
        rates: market -> category (lower case) -> price; a category that has no price there is absent.
        markets: ISO country -> market; who isn't in it belongs to `other`.
        is_window_free: whether a utility template costs nothing while the person's service window is open.
        free_entry_hours: how long after an answer to a click on an ad everything is free.
    """

    effective_from: date
    currency: str
    rates: Mapping[str, Mapping[str, Decimal]]
    markets: Mapping[str, str]
    other: str
    is_window_free: bool
    free_entry_hours: int

    def market_of(self, region: str) -> str:
        """The market of an ISO country."""
        return self.markets.get(region.upper(), self.other)

    def rate(self, region: str, category: str) -> Decimal | None:
        """The price of one delivered message; None where the card names none (which is not zero)."""
        return self.rates.get(self.market_of(region), {}).get(category.lower())


def card_on(day: date) -> RateCard:
    """The card that holds on a day of the business account's own time zone.

    Raises:
        NotFound: the first card begins later.
    """
    held = [card for card in all_cards() if card.effective_from <= day]
    if not held:
        raise NotFound(kind="rate card", id=day.isoformat())
    return held[-1]


@lru_cache(maxsize=1)
def all_cards() -> tuple[RateCard, ...]:
    """Every card of every file, the oldest first."""
    cards = [
        _card(content, card)
        for path in sorted(FOLDER.glob("*.json"))
        for content in [json.loads(path.read_text("utf-8"))]
        for card in content["cards"]
    ]
    return tuple(sorted(cards, key=lambda card: card.effective_from))


def _card(content: Mapping[str, Any], card: Mapping[str, Any]) -> RateCard:
    day = date.fromisoformat(card["effective_from"])
    return RateCard(
        effective_from=day,
        currency=content["currency"],
        rates={
            market: {category: Decimal(text) for category, text in prices.items() if text is not None}
            for market, prices in card["rates"].items()
        },
        markets=_markets(content["market_by_country"], day),
        other=content["market_by_country"]["default"],
        is_window_free=any(rule["utility_in_csw"] == "free" for rule in content["rules"] if _holds(rule, day)),
        free_entry_hours=int(content["free_entry_point_hours"]),
    )


def _markets(content: Mapping[str, Any], day: date) -> dict[str, str]:
    """The base, then each change that holds by then, in order."""
    markets = {row["iso2"]: row["market"] for row in content["base"]}
    for change in sorted(content["overrides"], key=lambda each: str(each["effective_from"])):
        if date.fromisoformat(change["effective_from"]) <= day:
            markets |= change["iso2_to_market"]
    return markets


def _holds(rule: Mapping[str, Any], day: date) -> bool:
    until = rule.get("effective_until")
    begun = date.fromisoformat(rule["effective_from"]) <= day
    return begun and (until is None or day <= date.fromisoformat(until))
