"""A JSON Schema of mapping files, so that editors complete and validate as one writes.

A schema cannot read the expressions; `linekeeper import --dry-run` does.
"""

from __future__ import annotations

from linekeeper.connect.contract_file import BATCHES_MAX, CONTRACT_KEYS, OTHER_DAYS
from linekeeper.connect.layout import ENCODINGS, FILE_FORMATS
from linekeeper.connect.mapping_file import EVENTS_MAX, MAPPING_KEYS
from linekeeper.connect.notation import FORMATS_MAX
from linekeeper.policy.dues import WEEKDAYS
from linekeeper.policy.schema import Schema

_EXPRESSION: Schema = {"type": ["string", "number"], "description": "an expression over the columns of the file"}
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
_YES: Schema = {"enum": [True, False, "yes", "no"]}
_FORMAT: Schema = {"type": "string", "description": "like %d.%m.%Y, or iso, excel, seconds, milliseconds"}
_PLACE: Schema = {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 2}
_WORD: Schema = {"type": ["string", "integer", "boolean", "null"]}


_NUMBER: Schema = {"type": ["number", "string"]}
_RANGE: Schema = {
    "oneOf": [
        {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2},
        {
            "type": "object",
            "properties": {"about": _NUMBER, "factor": _NUMBER},
            "required": ["factor"],
            "additionalProperties": False,
        },
    ],
    "description": "from and to; a factor around a number; or a factor around the median of the accepted batches",
}
_SHARE: Schema = {"type": "string", "description": "a share, like 2%"}


def _named(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def mapping_schema() -> Schema:
    """The schema of a mapping file (JSON Schema, draft 2020-12)."""
    properties: dict[str, Schema] = {
        "source": {"type": "string", "description": "the source that the files are of; an id names one event of it"},
        "ids": {"const": "made", "description": "the files have no ids: each event gets one made of what it says"},
        "format": {"enum": list(FILE_FORMATS), "description": "where the name of the file does not say it"},
        "encoding": {"type": "string", "examples": list(ENCODINGS), "description": "else UTF-8, or what is detected"},
        "delimiter": {"type": "string", "description": "what stands between cells: one character, or tab"},
        "quote": {"type": "string", "description": "what stands around cells that hold it: one character, or none"},
        "header": {"oneOf": [{"const": "none"}, {"type": "integer", "minimum": 1}], "description": "its line or row"},
        "sheet": {"type": "string", "description": "of a workbook with several"},
        "fields": {**_named(_PLACE), "minProperties": 1, "description": "fixed width: first place (from 1) and length"},
        "count": {"enum": ["characters", "bytes"], "description": "what the places of fixed width count"},
        "skip_lines": {**_TEXTS, "description": "what lines begin with that are no rows"},
        "decimal": {"enum": [".", ","], "description": "the decimal mark"},
        "thousands": {"enum": [".", ",", "'", "_", " "], "description": "the mark between thousands"},
        "symbols": {**_TEXTS, "description": "signs to take off amounts"},
        "dates": {"oneOf": [_FORMAT, {"type": "array", "items": _FORMAT, "maxItems": FORMATS_MAX}]},
        "zone": {"type": "string", "description": "the time zone of local times, like Asia/Shanghai"},
        "money": {"enum": ["minor", "major"], "description": "major: 12.50 is twelve and a half"},
        "trim": {**_YES, "description": "take the blanks around cells off"},
        "missing": {**_TEXTS, "description": "words that mean that there is no value"},
        "columns": {**_named({"type": "string"}), "description": "the file's name: the name from here on"},
        "constant": _named({"type": ["string", "integer"]}),
        "ignore": {**_TEXTS, "description": "columns to leave out"},
        "values": {**_named(_named(_WORD)), "description": "by column, what a word stands for"},
        "skip": {**_EXPRESSION, "description": "true for rows that are no events"},
        "events": {"type": "array", "items": _EVENT, "minItems": 1, "maxItems": EVENTS_MAX},
        "contract": _CONTRACT,
    }
    assert tuple(properties) == MAPPING_KEYS
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Linekeeper mapping",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


_EVENT: Schema = {
    "type": "object",
    "properties": {"kind": {"type": "string"}, "when": _EXPRESSION},
    "required": ["kind"],
    "additionalProperties": _EXPRESSION,
}

_DAYS: Schema = {
    "type": "object",
    "properties": dict.fromkeys((*WEEKDAYS, OTHER_DAYS), _RANGE),
    "additionalProperties": False,
}
_CONTRACT: Schema = {
    "type": "object",
    "description": "what each batch of files has to keep; one that does not waits for a person",
    "properties": {
        "volume": {"anyOf": [_RANGE, _DAYS], "description": "events in a batch, also by weekday"},
        "kinds": {**_named(_RANGE), "description": "the share of each kind among the events"},
        "missing": {**_named(_SHARE), "description": "by KIND.FIELD: how many events may lack it"},
        "medians": {**_named(_RANGE), "description": "by KIND.FIELD: the median of what is there"},
        "highest": {**_named(_NUMBER), "description": "by KIND.FIELD: the most that may be there"},
        "freshness": {"type": "string", "description": "how old the latest event may be, like 36h or 2d"},
        "rejected": {**_SHARE, "description": "how many of the rows may be rejected"},
        "known_accounts": {**_SHARE, "description": "how many of the accounts the store has or the batch opens"},
        "line_end": {**_YES, "description": "whether the last line has to have its end"},
        "batches": {"type": "integer", "minimum": 1, "maximum": BATCHES_MAX, "description": "that a factor goes by"},
    },
    "additionalProperties": False,
}
assert tuple(_CONTRACT["properties"]) == CONTRACT_KEYS
