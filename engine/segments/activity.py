"""What people did, as fields beside their own: how the conversation began, their last message, the service window.

The recorder keeps these in tables of their own (`contact_facts`, `windows`); a segment that looks at one joins it
(`joins`). In rules and facets they behave like any field of their type.
"""

from __future__ import annotations

from engine.contacts.fields import Field, FieldType
from engine.words import N_

BEGAN, LAST_MESSAGE, LAST_ANSWER, WINDOW = "@began", "@last_message", "@last_answer", "@window"

ACTIVITY: dict[str, Field] = {
    BEGAN: Field(BEGAN, N_("Conversation began by"), FieldType.CHOICE, built_in=True),
    LAST_MESSAGE: Field(LAST_MESSAGE, N_("Last message from the contact"), FieldType.DATE, built_in=True),
    LAST_ANSWER: Field(LAST_ANSWER, N_("Last answer to a message of ours"), FieldType.DATE, built_in=True),
    WINDOW: Field(WINDOW, N_("Service window open"), FieldType.BOOL, built_in=True),
}
"""`@began` is what the first inbound message tells; of those who never wrote, the contact's own `origin`."""
