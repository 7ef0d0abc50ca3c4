"""What a message costs: by hand, from the card of the day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.channels.rates import all_cards, card_on
from engine.errors import NotFound
from engine.operations.costs import INTERNATIONAL, estimate_costs

DAY = date(2026, 11, 24)


def test_turkey_and_germany_by_hand() -> None:
    costs = estimate_costs({"TR": 1_000, "DE": 200}, "MARKETING", DAY)
    assert [(line.region, line.market, line.rate, line.amount) for line in costs.lines] == [
        ("DE", "Germany", Decimal("0.1365"), Decimal("27.3000")),
        ("TR", "Turkey", Decimal("0.0109"), Decimal("10.9000")),
    ]
    assert (costs.total, costs.currency, costs.card_date) == (Decimal("38.2"), "USD", date(2026, 10, 1))


@pytest.mark.parametrize(
    ("region", "category", "day", "market", "rate"),
    [
        ("TR", "UTILITY", DAY, "Turkey", "0.0009"),
        ("US", "UTILITY", DAY, "North America", None),
        ("CA", "UTILITY", DAY, "North America", None),
        ("JM", "MARKETING", DAY, "Rest of Latin America", "0.0740"),
        ("KZ", "MARKETING", DAY, "Kazakhstan", "0.0604"),
        ("RU", "MARKETING", DAY, "Russia", "0.0802"),
        ("GG", "MARKETING", DAY, "Other", "0.0604"),
    ],
)
def test_a_country_has_the_price_of_its_market(
    region: str, category: str, day: date, market: str, rate: str | None
) -> None:
    line = estimate_costs({region: 1}, category, day).lines[0]
    assert line.market == market
    assert rate is None or line.rate == Decimal(rate)


def test_a_market_of_its_own_begins_with_its_card() -> None:
    assert card_on(date(2026, 9, 30)).market_of("KZ") == "Other"
    assert card_on(date(2026, 10, 1)).market_of("KZ") == "Kazakhstan"


def test_in_an_open_window_utility_is_charged_since_october() -> None:
    assert [card.is_window_free for card in all_cards()] == [True, False]


def test_a_number_without_a_country_is_named_and_not_priced() -> None:
    costs = estimate_costs({"": 3, "TR": 1}, "UTILITY", DAY)
    assert (costs.unpriced_count, costs.total) == (3, Decimal("0.0009"))


def test_no_price_on_the_card_is_not_zero() -> None:
    assert card_on(DAY).rate("TR", "authentication_international") is None
    assert card_on(DAY).rate("TR", "service") is not None


def test_authentication_says_that_an_international_price_may_apply() -> None:
    assert INTERNATIONAL in estimate_costs({"TR": 1}, "AUTHENTICATION", DAY).not_included
    assert INTERNATIONAL not in estimate_costs({"TR": 1}, "MARKETING", DAY).not_included


def test_before_the_first_card_nothing_is_claimed() -> None:
    with pytest.raises(NotFound):
        estimate_costs({"TR": 1}, "MARKETING", date(2026, 1, 1))
