"""The provider's error codes as data: what each means, and what follows from it.

The same code can come in an answer or by webhook; one table serves both. A code that nobody knows halts the
operation: guessing costs quality. Source: whatsapp.md §5.2 and §5.3 (Meta's error pages of Dec 2025 and Sept 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.words import N_

ErrorAction = Literal["retry", "skip", "suppress", "template_error", "halt_operation", "halt_channel"]

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
BACKOFF_MS = (5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR)
PAIR_MS = (1 * SECOND, 4 * SECOND, 16 * SECOND, 64 * SECOND, 256 * SECOND)
THROUGHPUT_MS = (1 * SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, 16 * SECOND)
WAIT_A_DAY_MS = (24 * HOUR, 48 * HOUR)
APP_LIMIT_MS = (5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR)
MAINTENANCE_MS = (MINUTE, 2 * MINUTE, 5 * MINUTE, 5 * MINUTE)
SYNC_MS = (10 * MINUTE, 20 * MINUTE)


@dataclass(frozen=True)
class ErrorRule:
    """What one code means and what Ulak does.

    Attributes:
        meaning: an English text for people, marked for translation.
        delays_ms: how long to wait before try 2, 3, … (retry only); their number + 1 is how often it is tried.
    """

    code: int
    action: ErrorAction
    meaning: str
    delays_ms: tuple[int, ...] = ()

    @property
    def max_tries(self) -> int:
        """How often a row is tried in all."""
        return len(self.delays_ms) + 1

    def delay_ms(self, tries: int) -> int:
        """How long to wait after so many tries (1 or more)."""
        return self.delays_ms[min(max(tries, 1), len(self.delays_ms)) - 1] if self.delays_ms else 0


ACTION_LABELS: Mapping[str, str] = {
    "retry": N_("tries again by itself"),
    "skip": N_("leaves this person; nothing more is tried"),
    "suppress": N_("sends this person no marketing any more"),
    "template_error": N_("stops the operation after three in a row"),
    "halt_operation": N_("stops the operation; nobody is lost"),
    "halt_channel": N_("stops everything on this channel; nobody is lost"),
}

_TOKEN = N_("The access token or a permission is missing or invalid")
_TEMPLATE_VALUES = N_("The values don't fit the template")
_PAYMENT = N_("The provider reports a payment problem of the account")
_LOCKED = N_("The account or number is restricted by the provider")
_UNAVAILABLE = N_("The provider is overloaded or down")
_NUMBER = N_("The sender number isn't registered or set up right")

_ROWS: tuple[ErrorRule, ...] = (
    *(ErrorRule(code, "halt_channel", _TOKEN) for code in (0, 3, 10, 104, 190, 131005)),
    ErrorRule(368, "halt_channel", _LOCKED),
    ErrorRule(131031, "halt_channel", _LOCKED),
    ErrorRule(130497, "skip", N_("The business may not message people in this country")),
    *(ErrorRule(code, "retry", N_("Too many calls of the app; waits"), APP_LIMIT_MS) for code in (4, 80007)),
    ErrorRule(130429, "retry", N_("Too fast for the channel's throughput; slows down"), THROUGHPUT_MS),
    ErrorRule(131048, "halt_channel", N_("Spam limit: the number is held back because of blocks and reports")),
    ErrorRule(131056, "retry", N_("Too fast to the same person"), PAIR_MS),
    ErrorRule(131064, "halt_channel", N_("Messaging limit reached because of miscategorised templates")),
    ErrorRule(133016, "halt_channel", _NUMBER),
    ErrorRule(1, "retry", N_("The provider didn't understand, or had a fault"), (5 * SECOND, 30 * SECOND)),
    ErrorRule(2, "retry", _UNAVAILABLE, BACKOFF_MS[:4]),
    ErrorRule(33, "halt_channel", _NUMBER),
    ErrorRule(100, "template_error", N_("A parameter is invalid")),
    ErrorRule(130403, "skip", N_("The business has blocked this person")),
    ErrorRule(130472, "skip", N_("The person is in an experiment of the provider and gets no marketing")),
    ErrorRule(131000, "retry", N_("Something went wrong at the provider"), (5 * SECOND, 30 * SECOND)),
    ErrorRule(131008, "template_error", _TEMPLATE_VALUES),
    ErrorRule(131009, "skip", N_("A value is invalid")),
    ErrorRule(131016, "retry", _UNAVAILABLE, BACKOFF_MS[:4]),
    ErrorRule(131021, "skip", N_("The recipient is the sender")),
    ErrorRule(131026, "skip", N_("Not on WhatsApp, or an old version")),
    ErrorRule(131030, "skip", N_("The number is not on the test account's list")),
    ErrorRule(131037, "halt_channel", N_("The sender's display name needs approval")),
    *(ErrorRule(code, "halt_channel", _PAYMENT) for code in (131042, 131044, 134011)),
    ErrorRule(131045, "halt_channel", _NUMBER),
    ErrorRule(131047, "skip", N_("More than 24 hours since the person's last message")),
    ErrorRule(
        131049, "retry", N_("Held back by the provider: this person gets many marketing messages"), WAIT_A_DAY_MS
    ),
    ErrorRule(131050, "suppress", N_("The person stopped marketing messages")),
    ErrorRule(131051, "skip", N_("This kind of message isn't supported")),
    ErrorRule(131053, "template_error", N_("The media can't be fetched or has the wrong type")),
    ErrorRule(131055, "halt_operation", N_("This endpoint takes marketing templates only")),
    ErrorRule(131057, "retry", N_("The number is in maintenance"), MAINTENANCE_MS),
    ErrorRule(131060, "skip", N_("The message isn't available to the person")),
    ErrorRule(131061, "halt_operation", N_("This template must go through the marketing endpoint")),
    ErrorRule(131062, "skip", N_("This message needs a phone number")),
    ErrorRule(131063, "halt_operation", N_("Marketing over this endpoint is switched off for the account")),
    ErrorRule(132000, "template_error", N_("The number of parameters doesn't match the template")),
    ErrorRule(132001, "halt_operation", N_("The template doesn't exist in this language, or isn't approved")),
    ErrorRule(132005, "skip", N_("The text is too long with this person's values")),
    ErrorRule(132007, "halt_operation", N_("The content breaks a policy of the provider")),
    ErrorRule(132008, "skip", N_("A value is invalid")),
    ErrorRule(132012, "template_error", N_("A parameter's format doesn't match the template")),
    ErrorRule(132015, "halt_operation", N_("The template is paused because of its quality")),
    ErrorRule(132016, "halt_operation", N_("The template is disabled for good")),
    ErrorRule(132018, "skip", N_("A value holds a line break, a tab or too many spaces")),
    *(ErrorRule(code, "halt_operation", N_("The flow is blocked or throttled")) for code in (132068, 132069)),
    *(ErrorRule(code, "halt_operation", N_("The marketing endpoint isn't set up")) for code in (134100, 134102)),
    ErrorRule(134101, "retry", N_("The template is still being synced at the provider"), SYNC_MS),
    ErrorRule(141002, "halt_operation", N_("The template isn't approved")),
    *(ErrorRule(code, "halt_channel", _NUMBER) for code in (133000, 133005, 133006, 133008, 133009, 133010)),
    ErrorRule(133004, "retry", _UNAVAILABLE, BACKOFF_MS[:4]),
    ErrorRule(133015, "retry", N_("The number was deleted a moment ago"), (5 * MINUTE, 10 * MINUTE)),
    ErrorRule(135000, "skip", N_("The provider refused without saying why")),
    ErrorRule(137000, "skip", N_("The person's identity key has changed")),
)
TABLE: Mapping[int, ErrorRule] = {rule.code: rule for rule in _ROWS}
_UNKNOWN = N_("A code Ulak doesn't know")
_NORTH_AMERICA = frozenset({"US"})


def classify(code: int, *, asynchronous: bool = False, country: str | None = None) -> ErrorRule:
    """The rule for a code.

    Args:
        asynchronous: it came by webhook; the table is the same, the ledger waits ten minutes at least before a retry.
        country: the recipient's; marketing to US numbers is never delivered, so 131049 isn't tried again there.
    """
    if 200 <= code <= 299:
        return ErrorRule(code, "halt_channel", _TOKEN)
    rule = TABLE.get(code)
    if rule is None:
        return ErrorRule(code, "halt_operation", _UNKNOWN)
    if code == 131049 and country in _NORTH_AMERICA:
        return ErrorRule(code, "skip", rule.meaning)
    return rule
