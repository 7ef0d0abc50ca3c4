"""Why an operation waits or halted when neither a person nor the provider's code says it.

The key stands in the ledger and the store, the label is for people. What the scripts write themselves
(`error_budget`, `template:…`, `operation:…`, `channel:…`) carries a code, and the page explains that.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.operations.stream import HOLD_CAUSE
from engine.words import N_

MESSAGING_LIMIT = "messaging_limit"
UNREACHABLE = "unreachable"
SNAPSHOT = "snapshot"
CHANNEL_UNREADABLE = "channel_unreadable"
EPOCH = "epoch"
LEDGER_MISSING = "ledger_missing"
TEMPLATE_CHANGED = "template_changed"

CAUSE_LABELS: Mapping[str, str] = {
    MESSAGING_LIMIT: N_("the messaging limit is used up"),
    UNREACHABLE: N_("the provider can't be reached"),
    HOLD_CAUSE: N_("events are recorded too slowly; sending waits for them"),
    SNAPSHOT: N_("the frozen audience is missing, or can't be read by the worker"),
    CHANNEL_UNREADABLE: N_("the channel's record or secrets can't be read by the worker"),
    EPOCH: N_("the store was replaced since the launch; what was sent before isn't known for sure"),
    TEMPLATE_CHANGED: N_(
        "the template has other blanks than when this was launched; cancel the rest and start anew with the new ones"
    ),
    LEDGER_MISSING: N_("Redis lost the operation's ledger; what was sent isn't known for sure"),
}
