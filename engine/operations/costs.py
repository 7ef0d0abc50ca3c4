"""What an operation costs at the provider's list price, by country: an estimate, and an upper bound.

Every recipient is counted as delivered; who isn't costs nothing. Since 2026-10-01 a template costs the same inside a
service window (whatsapp.md §8.1); before, the estimate still counts it, and so says too much, never too little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from engine.channels.rates import RateCard, card_on
from engine.words import N_

NOT_INCLUDED: tuple[str, ...] = (
    N_("tax and what a reseller adds"),
    N_("discounts by volume"),
    N_("messages to people who came by an ad within 72 hours, which are free"),
    N_("the 1,000 free service messages a month: a template is none"),
)
"""What the figure leaves out, always said with it."""
INTERNATIONAL = N_("the higher international price of authentication messages, if your account is told it applies")


@dataclass(frozen=True)
class CostLine:
    """One country: `rate` is None where the card names no price, then `amount` is, too."""

    region: str
    market: str
    count: int
    rate: Decimal | None
    amount: Decimal | None


@dataclass(frozen=True)
class Costs:
    """An estimate. `unpriced_count`: recipients whose card or number says no price; they are not in `total`."""

    card_date: date
    currency: str
    category: str
    lines: tuple[CostLine, ...]
    total: Decimal
    unpriced_count: int
    not_included: tuple[str, ...]


def estimate_costs(regions: Mapping[str, int], category: str, day: date) -> Costs:
    """The list price of sending a template of that category on that day.

    Args:
        regions: recipients by ISO country, "" for those whose country is unknown (`Preflight.regions`).
        day: in the business account's own time zone.

    Raises:
        NotFound: no rate card holds on that day.
    """
    card = card_on(day)
    lines = tuple(_line(card, region, count, category) for region, count in regions.items() if count)
    lines = tuple(sorted(lines, key=lambda line: (-(line.amount or Decimal(0)), -line.count, line.region)))
    is_authentication = category.upper() == "AUTHENTICATION"
    return Costs(
        card_date=card.effective_from,
        currency=card.currency,
        category=category.upper(),
        lines=lines,
        total=sum((line.amount for line in lines if line.amount is not None), Decimal(0)),
        unpriced_count=sum(line.count for line in lines if line.amount is None),
        not_included=(*NOT_INCLUDED, INTERNATIONAL) if is_authentication else NOT_INCLUDED,
    )


def _line(card: RateCard, region: str, count: int, category: str) -> CostLine:
    rate = card.rate(region, category) if region else None
    market = card.market_of(region) if region else ""
    return CostLine(region, market, count, rate, None if rate is None else rate * count)
