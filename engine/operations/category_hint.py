"""Whether a utility template reads like marketing: plain word rules in Turkish and English, for a hint and no more.

The provider may move such a template to marketing, with its price and rules (whatsapp.md §1.6).
"""

from __future__ import annotations

import re
from itertools import chain

from engine.templates import Template

WORDS = (
    "indirim", "kampanya", "fırsat", "hediye", "kupon", "ücretsiz", "bedava", "promosyon", "kaçırma", "özel teklif",
    "discount", "sale", "special offer", "limited offer", "coupon", "promo", "voucher", "gift", "deal", "for free",
    "don't miss", "shop now", "buy now",
)  # fmt: skip
_FOLDED = str.maketrans("İIı", "iii")
_PERCENT = re.compile(r"%\s?\d{1,2}\b|\b\d{1,2}\s?%")
_PATTERN = re.compile(r"\b(" + "|".join(re.escape(word.translate(_FOLDED)) for word in WORDS) + r")")


def marketing_words(template: Template) -> tuple[str, ...]:
    """The words of a utility template that read like marketing, in the order of the message; none for others."""
    if template.category.upper() != "UTILITY":
        return ()
    texts = chain.from_iterable(
        [part.text or "", *(button.text or "" for button in part.buttons)] for part in template.components
    )
    text = " ".join(texts).translate(_FOLDED).lower()
    found = [*_PATTERN.findall(text), *_PERCENT.findall(text)]
    return tuple(dict.fromkeys(found))
