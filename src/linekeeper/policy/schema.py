"""A JSON Schema of the language's shape, so that editors complete and validate as one writes.

A schema cannot check types and names inside expressions; `linekeeper check` does.
"""

from __future__ import annotations

from typing import Any

from linekeeper.policy.dues import DUES_KEYS, HOLIDAYS_KEYS, PREPAID, WEEKDAYS
from linekeeper.policy.load import KEYS, OLD_KEYS, REQUIRED
from linekeeper.policy.parts import PART_KEYS
from linekeeper.policy.sections import GROUPS, LIMIT_KEYS, OVER_LIMIT_WORDS, TRIGGER_KEYS
from linekeeper.policy.tables import HITS, ROW_KEYS, ROWS_MAX, TABLE_KEYS
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


def _named(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values, "propertyNames": {"maxLength": 60}}


_ASSIGN: Schema = _table(
    {
        "limit": {**_TRIGGER["limit"], "description": "the first limit of a line that is opened"},
        "refuse": _named(_table({"when": _CONDITION, "reason": _WORD}, ("when", "reason"))),
    },
    ("limit",),
)
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
                for name in ("money", "signed money", "count", "days", "share", "flag")
                for mark in ("", "?")
            ]
        },
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
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
    **_named({"type": ["object", "null"], "additionalProperties": _FIELD}),
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


def _decision_table() -> Schema:
    """Rows in place, or in a CSV file beside the policy."""
    row = {"when": _CONDITION, "then": {**_TEXT, "description": "what comes of it"}}
    rows: Schema = {"type": "array", "items": _table(row, ("then",)), "minItems": 1, "maxItems": ROWS_MAX}
    keys: dict[str, Schema] = {"hit": {"enum": list(HITS)}, "rows": rows, "csv": {"type": "string"}}
    assert (tuple(row), tuple(keys)) == (ROW_KEYS, TABLE_KEYS)
    return {**_table(keys, ("hit",)), "oneOf": [{"required": ["rows"]}, {"required": ["csv"]}]}


def schema() -> Schema:
    """The schema of a policy file (JSON Schema, draft 2020-12)."""
    measured: dict[str, Schema] = {"value": _TEXT, "worse": {"enum": ["higher", "lower"]}, "allow": _ALLOW}
    feature: Schema = {"oneOf": [_TEXT, _table(measured, ("value",))]}
    groups = {group: _named(_BINS) for group in GROUPS}
    score = _table({"base": {"type": "integer"}, **groups, "pd": _BINS, "card": {"type": "string"}, "sha256": _HASH})
    restoration = {"first": _SHARE, "step": _SHARE, "every": _DAYS, "while": _CONDITION, "allow": _ALLOW}
    terms = {"when": _CONDITION, "increase": _SHARE, "up_to": _TEXT, "every": _DAYS, "valid": _DAYS}
    rule = {"deny": _CONDITION, "reason": _WORD, "allow": _ALLOW}
    properties: dict[str, Schema] = {
        "policy": {"type": "string"},
        "version": {"type": "integer", "minimum": 1},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "minor_digits": {"type": "integer", "minimum": 0, "maximum": 4},
        "time_zone": {"type": "string"},
        "include": {"type": "array", "items": {"type": "string"}, "description": "files with shared sections"},
        "events": _EVENTS,
        "features": _named(feature),
        "define": _named(_CONDITION),
        "segments": {**_named(_CONDITION), "description": "the first whose condition holds; the last is `otherwise`"},
        "params": _named({"oneOf": [_TEXT, _named(_TEXT)], "description": "a number, or one for each segment"}),
        "tables": _named(_decision_table()),
        "protected": {"type": "array", "items": {"type": "string"}},
        "score": score,
        "triggers": _named(_table(_TRIGGER, ("when", "reason"))),
        "restoration": _table(restoration, ("first", "step", "every")),
        "assign": _ASSIGN,
        "authorise": _named(_table(rule, ("deny", "reason"))),
        "offer": _table({**terms, "allow": _ALLOW}, tuple(terms)),
        "brake": _table({"lines": _SHARE, "exposure": _SHARE}, ("lines", "exposure")),
        "honour": _DAYS,
        "dues": _dues(),
        "calendar": _calendar(),
        "draws": _table({"over_limit": {"enum": list(OVER_LIMIT_WORDS)}}),
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
