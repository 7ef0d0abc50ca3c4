"""The faults: name -> (Lua part, text that stands, text that would be wrong).

As a pytest plugin (`-p tests.worker.ledger_faults`) it puts the one that LEDGER_FAULT names into the scripts
in memory.
"""

from __future__ import annotations

import os

from engine.operations import ledger_scripts

FAULTS: dict[str, tuple[str, str, str]] = {
    # The list of the send protocol.
    "a repeated token always returns its rows": (
        "claim",
        "-- A job that was closed, or whose lease ran out, and a call that arrives too late: nothing is theirs.\n",
        "local old = call('GET', C.token)\nif old then\n  load_operation()\n  claimed[1] = old\n"
        "  return answer(false)\nend\n",
    ),
    "no tombstone": ("claim", "if call('EXISTS', C.closed) == 1 then return answer(true) end", ""),
    "no not_after": ("claim", "if not_after > 0 and now > not_after then return answer(true) end", ""),
    "give-back lowers the attempt": (
        "transition",
        "  move(r, target, due)\n",
        "  move(r, target, due)\n  if what == PENDING then set_attempt(r, attempt - 1) end\n",
    ),
    "accepted after a failure counts": (
        "transition",
        "local POSTED = {[CLAIMED] = true,",
        "local POSTED = {[FAILED] = true, [RETRY] = true, [CLAIMED] = true,",
    ),
    "a person's retry goes to pending": ("control", "  set_state(r, RETRY)\n", "  set_state(r, PENDING)\n"),
    "suppressed rows stay pending": (
        "claim",
        "    set_state(r, SUPPRESSED)\n    emit(pack_row(r, attempt_of(r), SUPPRESSED, 0, 0, now_s))\n",
        "",
    ),
    "a late retry doesn't reopen": (
        "prelude",
        "elseif open > 0 and op.state == 'completed' then",
        "elseif false then",
    ),
    "give-back in a cancelled operation stays pending": (
        "transition",
        "if op.state ~= 'cancelled' then return PENDING end",
        "if true then return PENDING end",
    ),
    "a delivered place is dropped": ("places", "if holder and holder.status ~= GIVEN then", "if holder then"),
    "the place of an unknown row is dropped": ("transition", "elseif what ~= UNKNOWN then", "else"),
    "holders move only when the byte changes": (
        "transition",
        "  move_place(r, attempt, what, at_s, not (is_current and (s == DELIVERED or s == READ)))\n"
        "  local takes_effect\n  if what == DELIVERED or what == READ then\n"
        "    takes_effect = s ~= READ and s ~= what\n  else\n"
        "    takes_effect = is_current and FROM[what] and FROM[what][from]\n  end\n",
        "  local takes_effect\n  if what == DELIVERED or what == READ then\n"
        "    takes_effect = s ~= READ and s ~= what\n  else\n"
        "    takes_effect = is_current and FROM[what] and FROM[what][from]\n  end\n"
        "  if takes_effect then move_place(r, attempt, what, at_s, true) end\n",
    ),
    "send again is not gated": ("control", "if gate > now or gate <= 0 then return false end", ""),
    # And more of our own.
    "an expired job may claim before it is swept": (
        "claim",
        "if deadline > 0 and deadline <= now then return answer(true) end",
        "",
    ),
    "a renewal doesn't win": (
        "transition",
        "'-inf', whole(now), 'LIMIT', 0, 20",
        "'-inf', '+inf', 'LIMIT', 0, 20",
    ),
    "a row of any attempt fails": (
        "transition",
        "takes_effect = is_current and FROM[what]",
        "takes_effect = FROM[what]",
    ),
    "closing forgets rows of a lost answer": (
        "transition",
        "local what = (posted == nil or posted[member]) and UNKNOWN or PENDING",
        "local what = (posted == nil or posted[member]) and UNKNOWN or PENDING\n"
        "    if posted and next(posted) == nil then break end",
    ),
    "posted rows are given back at close": (
        "transition",
        "local what = (posted == nil or posted[member]) and UNKNOWN",
        "local what = posted == nil and UNKNOWN",
    ),
    "rows sent again are cancelled": ("control", "  return_sent_again(lo, hi)\n", ""),
    "completed is not set by claim": ("claim", "if #suppressed > 0 then settle_operation() end", ""),
    "a cancelled operation retries": ("transition", "  if op.state == 'cancelled' then return FAILED end\n", ""),
    "a full limit gives places": ("claim", "if not has_one and used >= P.limit then return false end", ""),
    "a window counts to its last moment": (
        "claim",
        ">= now + 120000 then return true end",
        ">= now then return true end",
    ),
    "a failure by webhook is retried at once": (
        "transition",
        "if source == 'webhook' then due = max(due, now + WEBHOOK_RETRY_MS) end",
        "",
    ),
    "a paused operation claims": ("claim", "if op.state ~= 'running' then return answer(false) end", ""),
    "a retry is claimed before it is due": (
        "claim",
        "(s == RETRY and tonumber(call('ZSCORE', K.due, r) or 0) <= now)",
        "s == RETRY",
    ),
    "delivered may follow read": ("transition", "takes_effect = s ~= READ and s ~= what", "takes_effect = s ~= what"),
    "counters miss the claim": ("prelude", "if by ~= 0 then", "if by ~= 0 and state ~= CLAIMED then"),
    "a later delivery takes no place": (
        "places",
        "elseif P.limited and is_news and expiry > now then",
        "elseif false then",
    ),
    "sent prolongs the place": (
        "places",
        "if holder and holder.status == UNPOSTED then\n    holder.status, holder.expiry, h.dirty = TAKEN",
        "if holder and holder.status ~= GIVEN then\n    holder.status, holder.expiry, h.dirty = TAKEN",
    ),
    "the cohort grows beyond 200": (
        "consequences",
        "local COHORT, BUDGET, TEMPLATE_ERRORS = 200,",
        "local COHORT, BUDGET, TEMPLATE_ERRORS = 100000,",
    ),
    "a cohort failure counts twice": ("consequences", "and at and cohort.bad[at] == 0 then", "and at then"),
    "a higher attempt is ignored": ("transition", "if attempt > attempt_of(r) then", "if false then"),
    "halving never climbs back": ("claim", "0.05 * rate * max(0, now - tonumber(channel[6])) / 1000", "0"),
    "a person's retry keeps its tries": (
        "control",
        "if byte(call('GETRANGE', K.tries, r, r)) then call('SETRANGE', K.tries, r, '\\0') end",
        "",
    ),
    "a marketing suppression stops everything": (
        "claim",
        "(scope == 'm' and op.category == 'MARKETING')",
        "scope == 'm'",
    ),
    "a late status is dropped": ("transition", "    return what, LATE\n", "    return nil\n"),
    "an exact repeat is recorded": (
        "transition",
        " or (s == what and is_current) then return nil end",
        " then return nil end",
    ),
    "no slot is too far ahead": ("claim", "if slot - now_us > horizon_us then", "if false then"),
    "a missed slot takes a new attempt": (
        "claim",
        "local number = attempt or attempt_of(r) + 1",
        "local number = attempt_of(r) + 1",
    ),
    "unlimited portfolios count places": ("places", "P.limited = P.limit >= 0", "P.limited = true"),
}


def faulty_parts(name: str, parts: dict[str, str]) -> dict[str, str]:
    """The Lua parts with one fault in them.

    Raises:
        ValueError: the text that should stand there doesn't, or more than once.
    """
    part, right, wrong = FAULTS[name]
    if parts[part].count(right) != 1:
        raise ValueError(f"{name}: found {parts[part].count(right)} times in {part}")
    return {**parts, part: parts[part].replace(right, wrong)}


def _put_in(name: str) -> None:
    parts = faulty_parts(name, ledger_scripts.read_parts())
    for script in ledger_scripts.PARTS:
        ledger_scripts.SCRIPTS[script] = ledger_scripts.assemble(script, parts)


if os.environ.get("LEDGER_FAULT"):
    _put_in(os.environ["LEDGER_FAULT"])
