"""The Graph API's error bodies, as data: code, HTTP status, title; in answers and in failed statuses.

Source: reference of the Cloud API's error codes, 2026-09; the wording follows answers seen in the wild.
"""

from __future__ import annotations

import base64
import os
from typing import Any, NamedTuple

import msgspec

from engine.errors import UlakError

HREF = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"
OAUTH = "OAuthException"
GRAPH_METHOD = "GraphMethodException"


class Rule(NamedTuple):
    """One error code: the HTTP status it comes with, and its title."""

    status: int
    title: str


RULES: dict[int, Rule] = {
    1: Rule(400, "An unknown error occurred"),
    2: Rule(503, "Service temporarily unavailable"),
    4: Rule(400, "Application request limit reached"),
    10: Rule(403, "Application does not have permission for this action"),
    100: Rule(400, "Invalid parameter"),
    104: Rule(401, "An access token is required to request this resource"),
    190: Rule(401, "Invalid OAuth access token"),
    200: Rule(403, "Permissions error"),
    368: Rule(403, "Temporarily blocked for policies violations"),
    80007: Rule(400, "Rate limit issues"),
    130403: Rule(400, "User is blocked by the business"),
    130429: Rule(429, "Rate limit hit"),
    130472: Rule(400, "User's number is part of an experiment"),
    130497: Rule(403, "Business account is restricted from messaging users in this country"),
    131000: Rule(500, "Something went wrong"),
    131005: Rule(403, "Access denied"),
    131008: Rule(400, "Required parameter is missing"),
    131009: Rule(400, "Parameter value is not valid"),
    131016: Rule(500, "Service unavailable"),
    131021: Rule(400, "Recipient cannot be sender"),
    131026: Rule(400, "Message undeliverable"),
    131031: Rule(403, "Business Account locked"),
    131037: Rule(400, "WhatsApp provided number needs display name approval before message can be sent"),
    131042: Rule(400, "Business eligibility payment issue"),
    131045: Rule(500, "Incorrect certificate"),
    131047: Rule(400, "Re-engagement message"),
    131048: Rule(400, "Spam rate limit hit"),
    131049: Rule(400, "This message was not delivered to maintain healthy ecosystem engagement."),
    131050: Rule(400, "User has stopped marketing messages"),
    131051: Rule(400, "Unsupported message type"),
    131053: Rule(400, "Media upload error"),
    131056: Rule(400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: Rule(500, "Account in maintenance mode"),
    131063: Rule(400, "Marketing messages over the Cloud API are disabled for this account"),
    131064: Rule(400, "Messaging limit reached because of template misclassification"),
    132000: Rule(400, "Number of parameters does not match the expected number of params"),
    132001: Rule(404, "Template name does not exist in the translation"),
    132005: Rule(400, "Translated text too long"),
    132007: Rule(400, "Template format character policy violated"),
    132008: Rule(400, "Parameter value is not valid"),
    132012: Rule(400, "Parameter format does not match format in the created template"),
    132015: Rule(400, "Template is paused"),
    132016: Rule(400, "Template is disabled"),
    132018: Rule(400, "There's an issue with the parameters in your template"),
    132068: Rule(400, "Flow is blocked"),
    133004: Rule(503, "Server temporarily unavailable"),
    133010: Rule(400, "Phone number not registered"),
    135000: Rule(400, "Generic user error"),
}


class Refusal(UlakError):
    """The simulated Graph API refuses with code {code}."""

    code: int
    details: str
    text: str
    status: int
    subcode: int
    kind: str
    said: tuple[str, str] | None

    def body(self) -> bytes:
        """The answer's JSON body."""
        error: dict[str, Any] = {"message": self.text, "type": self.kind, "code": self.code}
        if self.subcode:
            error["error_subcode"] = self.subcode
        if self.said:
            error |= {"is_transient": False, "error_user_title": self.said[0], "error_user_msg": self.said[1]}
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        error["fbtrace_id"] = trace_id()
        return msgspec.json.encode({"error": error})


def refuse(
    code: int,
    details: str = "",
    *,
    text: str = "",
    status: int = 0,
    subcode: int = 0,
    kind: str = OAUTH,
    said: tuple[str, str] | None = None,
) -> Refusal:
    """The refusal with a code, to be raised; what is not given comes from the table. `said`: title and message for
    the person who manages templates."""
    rule = RULES.get(code, Rule(400, "Something went wrong"))
    return Refusal(
        code=code,
        details=details,
        text=text or f"(#{code}) {rule.title}",
        status=status or rule.status,
        subcode=subcode,
        kind=kind,
        said=said,
    )


def invalid(message: str) -> Refusal:
    """Code 100 with a sentence that names the parameter, as Graph does before anything of WhatsApp looks at it."""
    return refuse(100, text=f"(#100) {message}")


def unknown_object(method: str, object_id: str) -> Refusal:
    """Code 100, subcode 33: the id is no object that this token sees."""
    text = (
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api"
    )
    return refuse(100, text=text, subcode=33, kind=GRAPH_METHOD)


def status_error(code: int, details: str = "") -> dict[str, Any]:
    """One element of a failed status webhook's `errors`."""
    title = RULES.get(code, Rule(400, "Something went wrong")).title
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details or f"{title}."},
        "href": HREF,
    }


def trace_id() -> str:
    """A fresh `fbtrace_id`."""
    return "A" + base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
