"""What the message costs at the list price: the figure, the day of the card, what is not in it, and the countries."""

from __future__ import annotations

import polars as pl
import streamlit as st
from babel.numbers import format_currency

from engine.clock import utc_now
from engine.errors import NotFound
from engine.operations.category_hint import marketing_words
from engine.operations.costs import Costs, estimate_costs
from engine.templates import Template
from pages.ui import formats, language, nt, t
from pages.ui.operation_words import plain
from pages.ui.services import settings
from pages.ui.wizard_preflight import Verdicts


def draw_costs(template: Template, found: Verdicts) -> None:
    """The estimate; without a card for today, that there is none."""
    if found.recipient_count == 0:
        return
    try:
        costs = estimate_costs(found.regions, template.category, utc_now().astimezone(settings().zone).date())
    except NotFound:
        st.caption(t("There is no price list for today, so no cost is estimated."))
        return
    st.markdown(
        t("Estimated cost: at most **{total}**", total=money(costs)).replace("$", "\\$") + " " + _per_category(costs)
    )
    unpriced = ""
    if costs.unpriced_count:
        unpriced = nt(
            "{count} recipient has no price: the country is unknown or not on the list.",
            "{count} recipients have no price: the country is unknown or not on the list.",
            costs.unpriced_count,
        )
    st.caption(
        f"{unpriced} "
        + t(
            "List price of Meta in {currency} from {day}, if everybody gets it; who isn't reached costs nothing. "
            "Not in it: {missing}.",
            currency=costs.currency,
            day=formats.day(costs.card_date),
            missing="; ".join(t(each) for each in costs.not_included),
        )
    )
    with st.popover(t("Cost by country"), icon=":material/payments:"):
        _draw_countries(costs)


def draw_category_hint(template: Template) -> None:
    """A utility template that reads like marketing: a hint, it forbids nothing."""
    if words := marketing_words(template):
        st.info(
            t(
                "This template is approved as **Utility**, but some of its words read like marketing: {words}. "
                "The provider may move it to Marketing, with that price and those rules.",
                words=plain(", ".join(words)),
            ),
            icon=":material/info:",
        )


def money(costs: Costs) -> str:
    """The total in the card's currency, as the language writes it."""
    return format_currency(costs.total, costs.currency, locale=language())


def _per_category(costs: Costs) -> str:
    return f":gray[· {t(costs.category.capitalize())}]"


def _draw_countries(costs: Costs) -> None:
    def price(value: object) -> str:
        if value is None:
            return "–"
        return format_currency(value, costs.currency, locale=language(), currency_digits=False, format="¤#,##0.00##")

    frame = pl.DataFrame(
        {
            "country": [formats.country_name(line.region) if line.region else t("unknown") for line in costs.lines],
            "market": [line.market or "–" for line in costs.lines],
            "count": [formats.number(line.count) for line in costs.lines],
            "rate": [price(line.rate) for line in costs.lines],
            "amount": [price(line.amount) for line in costs.lines],
        }
    )
    text = st.column_config.TextColumn
    columns = {
        "country": text(t("Country")),
        "market": text(t("Market of the price list")),
        "count": text(t("People"), alignment="right"),
        "rate": text(t("A message"), alignment="right"),
        "amount": text(t("Together"), alignment="right"),
    }
    st.dataframe(frame, hide_index=True, column_config=columns, width=620)
