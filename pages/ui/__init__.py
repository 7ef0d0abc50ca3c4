"""What the pages share: language, numbers and dates, the header, the person, the doors to the engine."""

from __future__ import annotations

from pages.ui.i18n import language, nt, t
from pages.ui.shell import empty_state, guarded, header, who

__all__ = ["empty_state", "guarded", "header", "language", "nt", "t", "who"]
