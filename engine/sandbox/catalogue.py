"""The templates that the sandbox's business has, in Graph's own response shape (`templates/*.json`), and their state.

The data is read once; a status changes only through `set_status` (a pause that a fault asked for, a control call),
and `restore` puts everything back.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from engine.errors import UnknownName
from engine.sandbox.shapes import Shape, shape_of

FOLDER = Path(__file__).parent / "templates"
NODE_FIELDS = frozenset(
    {
        "id", "name", "language", "status", "category", "previous_category", "correct_category", "sub_category",
        "components", "parameter_format", "quality_score", "rejected_reason", "message_send_ttl_seconds",
        "library_template_name", "cta_url_link_tracking_opted_out", "health_status",
    }
)  # fmt: skip
DEFAULT_FIELDS = ("name", "parameter_format", "components", "language", "status", "category", "id")
STATUSES = ("APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "ARCHIVED")
HOME_LINK = "{sandbox}"


class Template:
    """One (name, language) pair: the node as Graph returns it, and the compiled check of what may be sent."""

    def __init__(self, node: dict[str, Any]) -> None:
        self.node = node
        self.shape: Shape = shape_of(node)
        self.accepted_count = 0

    @property
    def key(self) -> str:
        """`name/language`: how the journal and the ledger call it."""
        return f"{self.node['name']}/{self.node['language']}"

    @property
    def status(self) -> str:
        """The present status, in Graph's words."""
        return str(self.node["status"])

    def status_value(self, reason: str, title: str = "") -> dict[str, Any]:
        """The value of the webhook in which Meta tells of the present status."""
        value: dict[str, Any] = {
            "event": self.status,
            "message_template_id": int(self.node["id"]),
            "message_template_name": self.node["name"],
            "message_template_language": self.node["language"],
            "message_template_category": self.node["category"],
            "reason": reason,
        }
        if title:
            value["other_info"] = {"title": title, "description": f"The template is now {self.status.lower()}."}
        return value


class Catalogue:
    """All templates of the sandbox's business account."""

    def __init__(self) -> None:
        self._nodes = [node for path in sorted(FOLDER.glob("*.json")) for node in json.loads(path.read_text("utf-8"))]
        self.restore()

    def restore(self) -> None:
        """Put every template back as it is shipped."""
        self.templates = [Template(copy.deepcopy(node)) for node in self._nodes]
        self.locked: dict[tuple[str, str], int] = {}
        self._index()

    def _index(self) -> None:
        self._by_key = {(t.node["name"], t.node["language"]): t for t in self.templates}
        self._by_id = {t.node["id"]: t for t in self.templates}

    def put(self, node: dict[str, Any]) -> Template:
        """Add a template, or put another in the place of the one with its id."""
        template = Template(node)
        former = self.by_id(node["id"])
        if former is None:
            self.templates.append(template)
        else:
            self.templates[self.templates.index(former)] = template
            template.accepted_count = former.accepted_count
        self._index()
        return template

    def remove(self, template_id: str, locked_until_ms: int) -> None:
        """Take a template out; its name can't be used again before then."""
        template = self.by_id(template_id)
        if template is not None:
            self.templates.remove(template)
            self.locked[template.node["name"], template.node["language"]] = locked_until_ms
            self._index()

    def settle(self, value: dict[str, Any]) -> None:
        """A review's outcome takes effect, as its webhook tells it."""
        template = self.by_id(str(value.get("message_template_id")))
        if template is not None and template.status == "PENDING":
            template.node |= {"status": value["event"], "rejected_reason": value["reason"]}

    def redo(self, what: str, value: Any) -> None:
        """Do again what the journal tells."""
        if what == "made":
            self.put(value)
        elif what == "removed":
            self.remove(*value)
        else:
            self.set_status(*value)

    def find(self, name: str, language: str) -> Template | None:
        """The template of that name and exactly that language."""
        return self._by_key.get((name, language))

    def by_id(self, template_id: str) -> Template | None:
        """The template with that id."""
        return self._by_id.get(template_id)

    def set_status(self, name: str, language: str, status: str) -> Template:
        """Change a template's status.

        Raises:
            UnknownName: there is no such template, or no such status.
        """
        template = self.find(name, language)
        if template is None:
            raise UnknownName(kind="template", name=f"{name}/{language}")
        if status not in STATUSES:
            raise UnknownName(kind="template status", name=status)
        template.node["status"] = status
        return template


def node_view(template: Template, fields: tuple[str, ...], home_url: str) -> dict[str, Any]:
    """The fields asked for that the node has, with example links that lead to this sandbox."""
    view = {name: template.node[name] for name in fields if name in template.node}
    if "health_status" in fields:
        view["health_status"] = _health(template)
    view["id"] = template.node["id"]
    if "components" in view:
        view["components"] = json.loads(json.dumps(view["components"]).replace(HOME_LINK, home_url.rstrip("/")))
    return view


def _health(template: Template) -> dict[str, Any]:
    entity: dict[str, Any] = {"entity_type": "MESSAGE_TEMPLATE", "id": template.node["id"]}
    if template.status == "APPROVED":
        entity["can_send_message"] = "AVAILABLE"
    else:
        entity["can_send_message"] = "BLOCKED"
        entity["errors"] = [
            {
                "error_code": 141002,
                "error_description": "The message template is not approved.",
                "possible_solution": "Wait for the approval, or edit the template.",
            }
        ]
    return {"can_send_message": entity["can_send_message"], "entities": [entity]}
