"""The style that all answers keep: an object with a `schema`, money under `_minor`, days and instants in ISO 8601."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from linekeeper.core import line

STATUSES = [status.name.lower() for status in line.Status]
StatusWord = Annotated[str, Meta(description="From least to most severe.", extra_json_schema={"enum": STATUSES})]
Minor = Annotated[int, Meta(description="Minor units of `currency`.")]
Currency = Annotated[str, Meta(description="ISO 4217 code of every amount in this answer.")]
Day = Annotated[date, Meta(description="YYYY-MM-DD, a day of the policy's time zone.")]
Instant = Annotated[datetime, Meta(tz=True, description="ISO 8601 with the offset of the policy's time zone.")]
Sha256 = Annotated[str, Meta(description="SHA-256, in hex.")]
UnreadableAccounts = Annotated[
    list[str],
    Meta(
        description="Whose records do not open; empty text: records about no borrower. A key that is gone names none."
    ),
]


class AnswerPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of an answer: an object that has exactly these keys."""


class CommandAnswer(AnswerPart, frozen=True, tag_field="schema"):
    """What a command prints with `--json`. Its key `schema` names the form; a change of it raises the number there."""


class ErrorAnswer(CommandAnswer, frozen=True, tag="linekeeper/error/1"):
    """What stands in the place of an answer where a command cannot give one. The page on errors lists the codes."""

    error: Annotated[str, Meta(description="The code, which stays.")]
    kind: str
    message: str
    place: Annotated[str | None, Meta(description="A file, a store or a row.")]
    way_out: str | None
    details: Annotated[dict[str, Any], Meta(description="Values by name; which there are depends on the code.")]


class RepeatFigures(CommandAnswer, frozen=True):
    """What became of the rows of a feed that are no new events."""

    repeats: Annotated[int, Meta(description="Events that came before just so; they count once.")]
    conflicts: Annotated[int, Meta(description="Of the rejected: ids that came before for another event.")]
    rejected: int
    rejected_by_code: Annotated[dict[str, int], Meta(description="The rejected, by the reason for programs.")]
