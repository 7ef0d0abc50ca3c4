"""Home: what runs now, what is left of the limit, the last results."""

from __future__ import annotations

from pages.ui import header, t

header(t("Home"), t("What runs now, what is left today, what came of the last messages."))
