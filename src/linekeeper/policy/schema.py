"""A JSON Schema of the language's shape, so that editors complete and validate as one writes.

A schema cannot check types and names inside expressions; `linekeeper check` does.
"""

from __future__ import annotations

from typing import Any

from linekeeper.policy.customers import CUSTOMER_KEYS, PUBLISHED_FACTS, PUBLISHED_MAX
from linekeeper.policy.dues import DUES_KEYS, HOLIDAYS_KEYS, PREPAID, WEEKDAYS
from linekeeper.policy.kinds import MEANS_KEY, MEANS_WORDS
from linekeeper.policy.links import LINKS_KEYS, NEEDS, PURPOSES, TIE_KEYS
from linekeeper.policy.lists import LIST_WORDS_MAX
from linekeeper.policy.load import KEYS, OLD_KEYS, REQUIRED
from linekeeper.policy.model import TIES
from linekeeper.policy.offers import AMOUNT_KEYS, CONSENT_WORDS, NAMED_OFFER_KEYS, OFFERS_MAX
from linekeeper.policy.parts import PART_KEYS
from linekeeper.policy.restorations import SCHEDULE_KEYS, SCHEDULES_MAX
from linekeeper.policy.sections import GROUPS, LIMIT_KEYS, OVER_LIMIT_WORDS, TRIGGER_KEYS
from linekeeper.policy.splits import ARM_KEYS, SPLIT_KEYS
from linekeeper.policy.tables import HITS, ROW_KEYS, ROWS_MAX, TABLE_KEYS
from linekeeper.policy.treatments import CONTACT_KEYS
from linekeeper.policy.warning_codes import WARNING_CODES

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_WORD: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
_HASH: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "the `sha256` of the card"}
_SHARE: Schema = {
    "type": "string",
    "pattern": r"^(\d[\d_]*(\.\d+)?%|\$[a-z_][a-z0-9_]*)$",
    "description": "a share, like 30%",
}
_DAYS: Schema = {
    "type": ["string", "integer"],
    "pattern": r"^(\d[\d_]*[dy]?|\$[a-z_][a-z0-9_]*)$",
    "description": "days, like 30d or 5y",
}
_YES: Schema = {"enum": [True, False, "yes", "no"]}
_CONDITION: Schema = {**_TEXT, "description": "a condition, like days_past_due >= 30"}

_ALLOW: Schema = {
    "type": "object",
    "properties": {
        code: {"type": "string", "description": f"why: {one.meaning}"} for code, one in WARNING_CODES.items()
    },
    "additionalProperties": False,
    "description": "warnings that are meant so, each with the reason",
}
_ALLOW_OF_EVENTS: Schema = {
    "type": "object",
    "patternProperties": {r"^events\.": _ALLOW},
    "additionalProperties": False,
    "description": "warnings about events that are meant so",
}

_MEASURED: dict[str, Schema] = {"value": _TEXT, "worse": {"enum": ["higher", "lower"]}, "allow": _ALLOW}
_TRIGGER: dict[str, Schema] = {
    "when": {**_CONDITION, "description": "sets the latch"},
    "clear": {**_CONDITION, "description": "releases it (default: not when)"},
    "hold": {**_DAYS, "description": "days that must have passed since `when` last held"},
    "cap": {**_SHARE, "description": "share of granted that the limit may reach"},
    "suspend": {**_YES, "description": "stops draws"},
    "close": {**_YES, "description": "closes the line"},
    "reason": {**_WORD, "description": "reason code"},
    "terminal": {**_YES, "description": "no way back but expiry and a person"},
    "expires": {**_DAYS, "description": "ends the latch that long after it was set"},
    "limit": {"oneOf": [_TEXT, {"type": "object"}], "description": "an amount that the limit may reach"},
    "allow": _ALLOW,
    "restore": {**_WORD, "description": "the schedule of restoration, where there are several (default: the first)"},
    "effective": {**_DAYS, "description": "days from the notice to the day from which on it restricts, like 30d"},
    "watch": {**_WORD, "description": "a code that is recorded, and told to nobody"},
    "contact": {"oneOf": [_WORD, {"type": "object"}], "description": "have the borrower contacted under that code"},
    "price": {**_WORD, "description": "a code of price or rate, of which the borrower is notified"},
}
assert tuple(_TRIGGER) == TRIGGER_KEYS


def _table(properties: dict[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_LIMIT: dict[str, Schema] = {
    "amount": {**_TEXT, "description": "an amount of money"},
    "round": {**_TEXT, "description": "up to a multiple of that amount"},
    "round_down": {**_TEXT, "description": "down to a multiple of that amount"},
    "floor": {**_TEXT, "description": "never less than that amount"},
    "follow": {**_YES, "description": "taken at each evaluation, not only when the latch is set"},
}
assert tuple(_LIMIT) == LIMIT_KEYS
_TRIGGER["limit"] = {"oneOf": [_TEXT, _table(_LIMIT, ("amount",))], "description": "an amount that the limit may reach"}


_CONTACT: dict[str, Schema] = {
    "code": {**_WORD, "description": "the lender's own word for what is said"},
    "at_most": {"type": "string", "pattern": r"^\d{1,3} in \d{1,4}d$", "description": "how often, like 2 in 30d"},
    "quiet": {
        "type": "string",
        "pattern": r"^\d{2}:00\s*-\s*\d{2}:00$",
        "description": "local hours in which nobody is reached, like 21:00-08:00",
    },
}
assert tuple(_CONTACT) == CONTACT_KEYS
_TRIGGER["contact"] = {"oneOf": [_WORD, _table(_CONTACT, ("code",))], "description": "have the borrower contacted"}


def _named(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values, "propertyNames": {"maxLength": 60}}


_ASSIGN: Schema = _table(
    {
        "limit": {**_TRIGGER["limit"], "description": "the first limit of a line that is opened"},
        "refuse": _named(_table({"when": _CONDITION, "reason": _WORD}, ("when", "reason"))),
    },
    ("limit",),
)
_WORD_LIST: Schema = {
    "oneOf": [
        {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": LIST_WORDS_MAX},
        {"type": "string", "description": "a file beside the policy, with one text a line"},
    ]
}
_BINS: Schema = {
    "type": "object",
    "patternProperties": {"^(below .+|is .+|otherwise|missing)$": {"type": ["integer", "string"]}},
    "additionalProperties": False,
    "description": "`below X: points` lines, `otherwise`, `missing`; `is WORD: points` for a list of words",
}
_FIELD: Schema = {
    "oneOf": [
        {
            "enum": [
                name + mark
                for name in ("money", "signed money", "count", "days", "share", "flag", "text")
                for mark in ("", "?")
            ]
        },
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
}


_EVENT: Schema = {
    "type": ["object", "null"],
    "properties": {
        MEANS_KEY: {
            "anyOf": [{"enum": list(MEANS_WORDS)}, _FIELD],
            "description": "what the kind means to a road back; by default, its unit and its direction say so",
        }
    },
    "additionalProperties": _FIELD,
}


_OWN_LIMIT: Schema = {
    **_table({"cooling": {**_DAYS, "description": "how long a wish that loosens an earlier one waits"}}, ("cooling",)),
    "description": "a borrower may lower, freeze or close his own line",
}
_GRANT: Schema = {
    "type": ["object", "null"],
    "maxProperties": 0,
    "description": "the lender may change what is granted",
}

_EVENTS: Schema = {
    **_named(_EVENT),
    "properties": {"own_limit": _OWN_LIMIT, "grant": _GRANT},
}

_YEARS: Schema = {"type": ["string", "integer"], "pattern": r"^\d{4}(\s*-\s*\d{4})?$", "description": "like 2025-2030"}
_DATES: Schema = {"type": "array", "items": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}}


def _dues() -> Schema:
    """When a due is past due, and what settles it."""
    country: Schema = {"type": "string", "pattern": "^[a-z]{2}$", "description": "a country's public holidays, like cn"}
    weekend: Schema = {"type": "array", "items": {"enum": list(WEEKDAYS)}, "maxItems": len(WEEKDAYS) - 1}
    days = {"calendar": country, "years": _YEARS, "weekend": weekend, "also": _DATES, "not": _DATES}
    keys: dict[str, Schema] = {
        "grace": {**_DAYS, "description": "a due that is paid so many days after its date is paid on time"},
        "tolerance": {**_TEXT, "description": "an amount; a due of which no more is missing counts as paid"},
        "prepaid": {"enum": list(PREPAID), "description": "whether money paid ahead settles the next due"},
        "holidays": {"oneOf": [country, _table(days)], "description": "due dates move to the next business day"},
    }
    assert (tuple(keys), tuple(days)) == (DUES_KEYS, HOLIDAYS_KEYS)
    return _table(keys)


def _calendar() -> Schema:
    """The days of the calendar that `dues.holidays` names, as a store keeps them."""
    keys = {"name": {"type": "string"}, "years": _YEARS, "holidays": _DATES, "workdays": _DATES}
    return _table(keys, tuple(keys))


def _published() -> Schema:
    return {**_named({"enum": list(PUBLISHED_FACTS)}), "minProperties": 1, "maxProperties": PUBLISHED_MAX}


def _customer() -> Schema:
    """What an account publishes to the other accounts of its customer."""
    keys: dict[str, Schema] = {
        "publish": {**_published(), "description": "names, and the account fact that each is"},
        "ceiling": {**_TEXT, "description": "the most that a draw may have a customer owe on all accounts together"},
    }
    assert tuple(keys) == CUSTOMER_KEYS
    return _table(keys, ("publish",))


def _links() -> Schema:
    """What an account publishes to those that it is tied to, and by what."""
    tie: dict[str, Schema] = {
        "purpose": {"enum": list(PURPOSES), "description": "`fraud`: no score, first limit or offer may read it"},
        "needs": {"enum": list(NEEDS), "description": "an event counts only where it says that there is consent"},
        "at_most": {**_TEXT, "description": "how many accounts one thing ties"},
        "fades": {**_DAYS, "description": "how long a tie counts after its latest event"},
    }
    keys: dict[str, Schema] = {
        "publish": {**_published(), "description": "names, and the account fact that each is"},
        "ties": _table(dict.fromkeys(TIES, _table(tie, ("purpose",)))),
    }
    assert (tuple(keys), tuple(tie)) == (LINKS_KEYS, TIE_KEYS)
    return _table(keys, LINKS_KEYS)


def _decision_table() -> Schema:
    """Rows in place, or in a CSV file beside the policy."""
    row = {"when": _CONDITION, "then": {**_TEXT, "description": "what comes of it"}}
    rows: Schema = {"type": "array", "items": _table(row, ("then",)), "minItems": 1, "maxItems": ROWS_MAX}
    keys: dict[str, Schema] = {"hit": {"enum": list(HITS)}, "rows": rows, "csv": {"type": "string"}}
    assert (tuple(row), tuple(keys)) == (ROW_KEYS, TABLE_KEYS)
    return {**_table(keys, ("hit",)), "oneOf": [{"required": ["rows"]}, {"required": ["csv"]}]}


def _restoration() -> Schema:
    """One schedule, or several with names."""
    keys: dict[str, Schema] = {"first": _SHARE, "step": _SHARE, "every": _DAYS, "while": _CONDITION, "allow": _ALLOW}
    assert tuple(keys) == SCHEDULE_KEYS
    several = {**_named(_table(keys, ("first",))), "minProperties": 1, "maxProperties": SCHEDULES_MAX}
    several["propertyNames"] = {"maxLength": 60, "not": {"enum": list(SCHEDULE_KEYS)}}
    return {"oneOf": [_table(keys, ("first", "step", "every")), several]}


def _offers() -> Schema:
    """Several offers with names."""
    keys: dict[str, Schema] = {
        "when": _CONDITION,
        "increase": {**_SHARE, "description": "the granted line grows by that share of itself"},
        "add": {**_TEXT, "description": "the granted line grows by that amount"},
        "to": {**_TRIGGER["limit"], "description": "what the granted line becomes"},
        "up_to": {**_TEXT, "description": "the granted line never grows above that"},
        "every": {**_DAYS, "description": "no other offer is made before so many days have passed"},
        "valid": {**_DAYS, "description": "how long it stays open"},
        "after_decline": {**_DAYS, "description": "no offer is made for so long once this one was declined"},
        "after_accept": {**_DAYS, "description": "no offer is made for so long once this one was accepted"},
        "consent": {"enum": list(CONSENT_WORDS), "description": "whether the borrower is asked (default: asked)"},
        "channel": {**_WORD, "description": "the lender's own word for how it is made"},
        "price": {**_WORD, "description": "a code of price or rate that comes with it"},
        "allow": _ALLOW,
    }
    assert tuple(keys) == NAMED_OFFER_KEYS
    one = _table(keys, ("when", "up_to", "every"))
    one["oneOf"] = [{"required": [key]} for key in AMOUNT_KEYS]
    return {**_named(one), "maxProperties": OFFERS_MAX}


def _score() -> Schema:
    """A scorecard written in place, or the name of a fitted one."""
    groups = {group: _named(_BINS) for group in GROUPS}
    return _table({"base": {"type": "integer"}, **groups, "pd": _BINS, "card": {"type": "string"}, "sha256": _HASH})


_TRIGGERS_IN_IT: Schema = {"type": "array", "items": _WORD, "description": "triggers that wait in it"}


def _split() -> Schema:
    """Accounts parted into arms, each with what is its own."""
    arm: dict[str, Schema] = {
        "share": {**_SHARE, "description": "of all accounts"},
        "set": _named({"oneOf": [_TEXT, _named(_TEXT)], "description": "what a parameter is in this arm"}),
        "tables": _named(_decision_table()),
        "triggers": _named(_table(_TRIGGER, ("when", "reason"))),
        "without": {"type": "array", "items": _WORD, "description": "triggers that this arm does not have"},
    }
    keys: dict[str, Schema] = {
        "salt": {**_TEXT, "description": "another salt parts accounts anew"},
        "arms": _named({"oneOf": [_SHARE, _table(arm, ("share",))]}),
    }
    assert (tuple(keys), tuple(arm)) == (SPLIT_KEYS, ARM_KEYS)
    return _table(keys, SPLIT_KEYS)


_HEAD: dict[str, Schema] = {
    "policy": {"type": "string"},
    "version": {"type": "integer", "minimum": 1},
    "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    "minor_digits": {"type": "integer", "minimum": 0, "maximum": 4},
    "time_zone": {"type": "string"},
}


def schema() -> Schema:
    """The schema of a policy file (JSON Schema, draft 2020-12)."""
    feature: Schema = {"oneOf": [_TEXT, _table(_MEASURED, ("value",))]}
    terms = {"when": _CONDITION, "increase": _SHARE, "up_to": _TEXT, "every": _DAYS, "valid": _DAYS}
    rule = {"deny": _CONDITION, "reason": _WORD, "allow": _ALLOW}
    properties: dict[str, Schema] = {
        **_HEAD,
        "include": {"type": "array", "items": {"type": "string"}, "description": "files with shared sections"},
        "events": _EVENTS,
        "lists": {**_named(_WORD_LIST), "description": "texts that fields of events are looked up in"},
        "features": _named(feature),
        "define": _named(_CONDITION),
        "segments": {**_named(_CONDITION), "description": "the first whose condition holds; the last is `otherwise`"},
        "params": _named({"oneOf": [_TEXT, _named(_TEXT)], "description": "a number, or one for each segment"}),
        "tables": _named(_decision_table()),
        "split": _named(_split()),
        "protected": {"type": "array", "items": {"type": "string"}},
        "score": _score(),
        "triggers": _named(_table(_TRIGGER, ("when", "reason"))),
        "restoration": _restoration(),
        "assign": _ASSIGN,
        "authorise": _named(_table(rule, ("deny", "reason"))),
        "offer": _table({**terms, "allow": _ALLOW}, tuple(terms)),
        "offers": _offers(),
        "brake": _table({"lines": _SHARE, "exposure": _SHARE}, ("lines", "exposure")),
        "honour": _DAYS,
        "dues": _dues(),
        "calendar": _calendar(),
        "draws": _table({"over_limit": {"enum": list(OVER_LIMIT_WORDS)}}),
        "customer": _customer(),
        "links": _links(),
        "moratorium": _table({"waits": _TRIGGERS_IN_IT}),
        "allow": _ALLOW_OF_EVENTS,
        "parts": _named(_table({"sha256": _HASH, "text": {"type": "string"}}, PART_KEYS)),
    }
    assert tuple(properties) == KEYS
    for old, new in OLD_KEYS.items():
        properties[old] = {**properties[new], "deprecated": True, "description": f"the old word for `{new}`"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Linekeeper policy",
        **_table(properties, REQUIRED),
        "not": {"anyOf": [{"required": [old, new]} for old, new in OLD_KEYS.items()]},
    }
