"""Bodies of requests: strict JSON, JSON Lines and CloudEvents 1.0, as rows that the validator reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from linekeeper.connect.text_lines import LineError, json_of, lines_of, strict_json
from linekeeper.core.errors import UsageError
from linekeeper.core.event import EVENT_HEAD, Rejection, source_of_feed

JSON, JSON_LINES = "application/json", "application/x-ndjson"
CLOUD_EVENT, CLOUD_EVENTS = "application/cloudevents+json", "application/cloudevents-batch+json"
EVENT_TYPES = (JSON, JSON_LINES, CLOUD_EVENT, CLOUD_EVENTS)
EVENTS_A_REQUEST = 10_000  # of one request
LEVELS_MAX = 8
_OF_CLOUD_EVENT = {"id": "id", "subject": "account", "time": "at"}


@dataclass
class GivenRows:
    """The events of a request, not looked at yet: `places` names each, `rejected` is what is no row at all."""

    rows: list[Mapping[str, Any]] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    source: str | None = None

    @property
    def count(self) -> int:
        """How many events there were."""
        return len(self.rows) + len(self.rejected)


def rows_of_body(body: bytes, media_type: str) -> GivenRows:
    """The events of a body of that media type. Raises UsageError where it cannot be read as that at all.

    >>> rows_of_body(b'[{"id": "1"}, 5]', "application/json").rejected
    [Rejection(place='row 2', reason='the row is not a JSON object', code=<RejectionCode.NOT_VALID: 'not-valid'>)]
    """
    given = GivenRows()
    if media_type == JSON_LINES:
        _read_lines(given, body)
    elif media_type in EVENT_TYPES:
        tree = body_tree(body)
        _read_rows(given, tree if isinstance(tree, list) else [tree], media_type)
    else:
        raise UsageError(
            f"events cannot be sent as `{media_type[:60]}`",
            code="media-type-not-known",
            way_out=f"send one of {', '.join(EVENT_TYPES)}",
        )
    if given.count > EVENTS_A_REQUEST:
        raise UsageError(
            f"a request has at most {EVENTS_A_REQUEST:,} events",
            code="body-too-large",
            way_out="send them in several requests",
        )
    return given


def body_tree(body: bytes) -> Any:
    """The value of a body of JSON: no key twice, no NaN, not deep. Raises UsageError."""
    try:
        tree = strict_json(body.decode("utf-8"), "the body")
        _demand_flat(tree)
    except UnicodeDecodeError:
        raise _not_readable("the body is not in UTF-8") from None
    except LineError as error:
        raise _not_readable(str(error)) from None
    return tree


def _demand_flat(tree: Any) -> None:
    level = [tree]
    for _ in range(LEVELS_MAX):
        level = [
            below
            for one in level
            if isinstance(one, dict | list)
            for below in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise LineError(f"the body is deeper than {LEVELS_MAX} levels")


def _read_lines(given: GivenRows, body: bytes) -> None:
    for number, line in lines_of(BytesIO(body)):
        try:
            row = json_of(line)
        except LineError as error:
            given.rejected.append(Rejection(f"line {number}", str(error)))
            continue
        if row is not None:
            given.rows.append(row)
            given.places.append(f"line {number}")


def _read_rows(given: GivenRows, trees: list[Any], media_type: str) -> None:
    for number, tree in enumerate(trees, start=1):
        try:
            if not isinstance(tree, dict):
                raise LineError("the row is not a JSON object")
            row = tree if media_type == JSON else _row_of_cloud_event(given, tree)
        except LineError as error:
            given.rejected.append(Rejection(f"row {number}", str(error)))
            continue
        given.rows.append(row)
        given.places.append(f"row {number}")


def _row_of_cloud_event(given: GivenRows, tree: Mapping[str, Any]) -> Mapping[str, Any]:
    """A CloudEvent as a row: `subject` is the account, `time` is `at`, `data` the fields; `type` ends with the kind."""
    data, kind, source = tree.get("data"), tree.get("type"), tree.get("source")
    if tree.get("specversion") != "1.0":
        raise LineError("`specversion` is not 1.0")
    if not isinstance(data, dict) or not isinstance(kind, str) or not isinstance(source, str):
        raise LineError("a CloudEvent has a `source`, a `type` that ends with the kind, and `data`, a JSON object")
    if given.source is None:
        given.source = source_of_feed(source)
    if source != given.source:
        raise LineError("it is of another source than the events before it; send those of each source by themselves")
    if taken := next((name for name in EVENT_HEAD if name in data), None):
        raise LineError(f"`{taken}` stands in `data`; it belongs to the attributes of the event")
    head = {name: tree.get(attribute) for attribute, name in _OF_CLOUD_EVENT.items()}
    return {**head, "kind": kind.rpartition(".")[2], **data}


def _not_readable(reason: str) -> UsageError:
    return UsageError(reason, code="body-not-readable", way_out="send JSON as the page of the service describes it")
