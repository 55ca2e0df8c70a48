"""`linekeeper import --dry-run`: what an import would give, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from linekeeper.cli.output import data_text, print_line
from linekeeper.core.event import repeat_figures

if TYPE_CHECKING:
    from linekeeper.cli.answers.events import ImportProfileAnswer
    from linekeeper.connect.import_profile import FieldProfile, ImportProfile
    from linekeeper.policy.model import Policy

NUMBER_HEADINGS = ("field", "unit", "missing", "lowest", "median", "highest", "examples")


def profile_answer(profile: ImportProfile, policy: Policy) -> ImportProfileAnswer:
    """The profile for programs."""
    from linekeeper.cli.answers.events import ImportProfileAnswer

    return ImportProfileAnswer(
        currency=policy.currency,
        minor_digits=policy.exponent,
        events=profile.events,
        accounts=profile.accounts,
        by_kind=dict(profile.by_kind),
        **repeat_figures(profile.summary.same, profile.summary.rejected),
        skipped=profile.summary.skipped,
        fields=list(profile.fields),
        reasons=list(profile.reasons),
        unused_columns=list(profile.unused_columns),
        notes=list(profile.notes),
        broken=list(profile.broken),
    )


def print_profile(profile: ImportProfile, policy: Policy) -> None:
    """The profile as tables, one a kind; then what would be rejected, and what to look at."""
    print_line(f"{profile.events:,} events of {profile.accounts:,} accounts; nothing is written")
    for kind, count in profile.by_kind.items():
        print_line(f"\n[bold]{kind}[/]: {count:,} event{'' if count == 1 else 's'}")
        _print_fields([each for each in profile.fields if each.kind == kind], policy)
    summary = profile.summary
    counts = f"{summary.same:,} repeats dropped, {summary.skipped:,} rows skipped, {len(summary.rejected):,} rejected"
    print_line(f"\n{counts}")
    for each in profile.reasons:
        more = ", ..." if each.rows > len(each.places) else ""
        print_line(data_text(f"  {each.rows:,} x {each.reason} ({', '.join(each.places)}{more})"))
        if each.example != each.reason:
            print_line(data_text(f"      such as: {each.example}"))
    if profile.unused_columns:
        print_line(data_text(f"columns that no event reads: {', '.join(profile.unused_columns)}"))
    for note in profile.notes:
        print_line(data_text(f"note: {note}"))
    if profile.broken:
        print_line("[yellow]run would hold this[/], since it breaks its contract:")
    for sentence in profile.broken:
        print_line(data_text(f"  {sentence}"))


def _print_fields(fields: list[FieldProfile], policy: Policy) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*NUMBER_HEADINGS, box=None, pad_edge=False)
    for each in fields:
        numbers = (_written(value, each.unit, policy) for value in (each.low, each.median, each.high))
        shown = each.examples[:1] if each.unit == "instant" else each.examples  # times are wide, and seldom alike
        examples = ", ".join(_written(value, each.unit, policy) for value in shown)
        table.add_row(*map(data_text, (each.name, _unit(each, policy), f"{each.missing:,}", *numbers, examples)))
    Console(soft_wrap=True, width=200).print(table)


def _unit(each: FieldProfile, policy: Policy) -> str:
    return policy.currency if each.unit == "money" else {"instant": "time"}.get(each.unit, each.unit)


def _written(value: int | str | None, unit: str, policy: Policy) -> str:
    """A value as people read it: money in major units, shares in percent, times to the minute."""
    from decimal import Decimal

    if value is None:
        return ""
    if unit == "money":
        return f"{Decimal(value).scaleb(-policy.exponent):,}"
    if unit == "share":
        return f"{Decimal(value) / 100}%"
    return str(value)[:16].replace("T", " ") if unit == "instant" else str(value)
