"""Answers about policies: their faults, their form, their code, their words, their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta

from linekeeper.cli.answers.style import AnswerPart, CommandAnswer, Day, Sha256
from linekeeper.core.dates import date_of

if TYPE_CHECKING:
    from linekeeper.engine.versions import Standing


class FaultRecord(AnswerPart, frozen=True):
    """One fault of a policy file."""

    file: str
    line: Annotated[int | None, Meta(description="From 1; null where the whole file is at fault.")]
    column: int | None
    message: str
    way_out: str | None


class PolicyCostRecord(AnswerPart, frozen=True):
    """What a policy costs: on every machine, and on this one."""

    state_bytes: Annotated[int, Meta(description="Of an account, while it is worked on; packed in the store.")]
    source_lines: Annotated[int, Meta(description="Of the kernel that is generated from it.")]
    evaluation_us: Annotated[int, Meta(description="Microseconds of one evaluation in plain Python, measured here.")]


class WarningRecord(AnswerPart, frozen=True):
    """What a valid policy says that its author may not have meant."""

    file: str
    line: Annotated[int | None, Meta(description="From 1; null where it does not stand in this file.")]
    column: int | None
    code: str
    severity: Annotated[Literal["warning", "note"], Meta(description="A note is about what is superfluous.")]
    construct: Annotated[str, Meta(description="The names that lead to it, with dots between: `triggers.late.when`.")]
    message: str
    way_out: str
    allowed: Annotated[str | None, Meta(description="The reason for which the policy silences it.")]


class CheckAnswer(CommandAnswer, frozen=True, tag="linekeeper/check/1"):
    """Whether policies are sound: their faults, and the triggers that have no way out."""

    ok: bool
    faults: list[FaultRecord]
    dead_ends: Annotated[dict[str, list[str]], Meta(description="Sentences by file; no files with `--quick`.")]
    policies: Annotated[dict[str, str], Meta(description="The digest of each policy without faults, by file.")]
    costs: Annotated[dict[str, PolicyCostRecord], Meta(description="What each of them costs, by file.")]
    warnings: Annotated[list[WarningRecord], Meta(description="Of policies without faults; those silenced, too.")]


class FmtAnswer(CommandAnswer, frozen=True, tag="linekeeper/fmt/1"):
    """The files whose expressions were not in their one form, and whether they were written."""

    changed: list[str]
    written: bool


class SchemaAnswer(CommandAnswer, frozen=True, tag="linekeeper/schema/1"):
    """A JSON Schema, of a policy file or of the answer of a command."""

    json_schema: dict[str, Any]


class KernelAnswer(CommandAnswer, frozen=True, tag="linekeeper/kernel/1"):
    """The code that decides under a policy."""

    policy: str
    version: int
    digest: Annotated[Sha256, Meta(description="Of the code; that of the policy stands in `check` and `versions`.")]
    output: Annotated[str | None, Meta(description="The file that it was written to.")]
    source: str


class DescriptionSection(AnswerPart, frozen=True):
    """One part of a policy in words."""

    title: str
    lines: list[str]


class DescribeAnswer(CommandAnswer, frozen=True, tag="linekeeper/describe/1"):
    """A policy in plain sentences."""

    lang: str
    title: str
    sections: list[DescriptionSection]


class AdoptAnswer(CommandAnswer, frozen=True, tag="linekeeper/adopt/1"):
    """The version that has come into force."""

    policy: str
    version: int
    digest: Sha256


class VersionRecord(AnswerPart, frozen=True):
    """One version, and the accounts that are under it."""

    version: int
    digest: Sha256
    model: Annotated[str | None, Meta(description="SHA-256 of its scorecard, in hex.")]
    signed_by: str | None
    accounts: int
    promised: Annotated[int, Meta(description="How many of the accounts a promised road back keeps under it.")]
    until: Annotated[Day | None, Meta(description="The last day of these promises.")]


class VersionsAnswer(CommandAnswer, frozen=True, tag="linekeeper/versions/1"):
    """The versions of a store's policy, oldest first."""

    versions: list[VersionRecord]


def version_record(one: Standing) -> VersionRecord:
    """One version, and how many accounts are under it."""
    return VersionRecord(
        version=one.version,
        digest=one.digest,
        model=one.model,
        signed_by=one.signed_by,
        accounts=one.accounts,
        promised=one.promised,
        until=date_of(one.until_day) if one.promised else None,
    )
