"""outcome: compares a policy's restrictions with what became of the borrowers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.opening import clock_of, columns_of_file, read_file
from linekeeper.cli.options import EventsFile, JsonOption, MappingFile, PolicyFile
from linekeeper.cli.output import print_answer, print_rejected, print_repeats, progress
from linekeeper.core.event import repeat_figures

if TYPE_CHECKING:
    import pyarrow as pa

    from linekeeper.connect.files import Intake
    from linekeeper.core.decision import Decision
    from linekeeper.lab.outcome import GradeRow, OutcomeCounts, OutcomeLabels, OutcomeTable
    from linekeeper.policy.model import Policy


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(outcome)


def outcome(
    policy: PolicyFile,
    events: EventsFile,
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="Parquet: account, granted, defaulted (0 or 1).")],
    mapping: MappingFile = None,
    part: Annotated[
        str | None, typer.Option("--part", help="Only a part of the accounts: 2/2 is the second of two.")
    ] = None,
    rules_alone: Annotated[
        bool,
        typer.Option("--rules-alone", help="Also without the triggers that read the score: what the score adds."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Replay a file and say, as Markdown tables, how its restrictions fall on those who later defaulted."""
    from linekeeper.lab.outcome import (
        events_of_accounts,
        outcome_by_grade,
        read_labels,
        restricted_accounts,
        without_score_triggers,
    )
    from linekeeper.lab.partition import read_partition
    from linekeeper.policy.load import load_file

    loaded, outcomes = load_file(policy), read_labels(labels)
    intake = read_file(events, loaded, columns_of_file(mapping), json, clock_of(False))
    table = intake.table
    if part:
        wanted = read_partition(part).has
        table = events_of_accounts(table, wanted)
        outcomes = {account: label for account, label in outcomes.items() if wanted(account)}
    decisions = _decided(loaded, table, json)
    result = outcome_by_grade(decisions, outcomes)
    restricted: dict[str, set[str]] = {}
    if rules_alone:
        by_rules = restricted_accounts(_decided(without_score_triggers(loaded), table, json))
        by_all = restricted_accounts(decisions)
        restricted = {"rules alone": by_rules, "rules and score": by_all, "what the score adds": by_all - by_rules}
    if json:
        _print_outcome(result, loaded.currency, restricted, outcomes, intake)
        return
    for line in [*_markdown(result, 10**loaded.exponent, loaded.currency), *_compared(restricted, outcomes)]:
        typer.echo(line)
    print_repeats(intake.same)
    print_rejected(intake.rejected, None)


def _decided(policy: Policy, table: pa.Table, quiet: bool) -> list[Decision]:
    from linekeeper.engine.run import replay_table
    from linekeeper.kernel.kernel import kernel_of

    kept: list[Decision] = []
    with progress("events", table.num_rows, quiet) as advance:
        replay_table(kernel_of(policy), table, progress=advance, keep=kept.append)
    return kept


# ------------------------------------------------------------------ how it is shown


def _markdown(result: OutcomeTable, unit: int, currency: str) -> list[str]:
    rows = result.rows
    goods, bads = sum(row.good for row in rows), sum(row.bad for row in rows)
    lines = [
        f"| line at the end | defaulted | others | default rate | granted to defaulters, M {currency} "
        f"| their limit now, M {currency} | granted to others, M {currency} |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(_row(row.grade, row, bads, goods, unit))
    shares = (result.restricted(name) for name in ("bad", "good", "bad_granted", "good_granted"))
    bad, good, bad_granted, good_granted = (f"{share:.1%}" for share in shares)
    return [
        *lines,
        "",
        f"Restricted: {bad} of those who defaulted and {good} of the others; "
        f"{bad_granted} and {good_granted} of what was granted.",
    ]


def _row(name: str, row: GradeRow, bads: int, goods: int, unit: int) -> str:
    """One grade as a row of the first table; amounts in millions of the currency."""
    money = (f"{amount / unit / 1e6:,.1f}" for amount in (row.bad_granted, row.bad_limit, row.good_granted))
    accounts = f"{row.bad:,} ({row.bad / max(bads, 1):.1%}) | {row.good:,} ({row.good / max(goods, 1):.1%})"
    return f"| {name} | {accounts} | {row.bad_rate:.1%} | {' | '.join(money)} |"


def _compared(sets: dict[str, set[str]], labels: OutcomeLabels) -> list[str]:
    """What each set of restricted accounts holds, as shares of all defaulters and all others."""
    from linekeeper.lab.outcome import count_outcomes

    if not sets:
        return []
    every = count_outcomes(labels, labels)
    lines = [
        "",
        "| restricted by | defaulters | others | default rate | granted to defaulters | granted to others |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, accounts in sets.items():
        lines.append(_share_row(name, count_outcomes(accounts, labels), every))
    return lines


def _share_row(name: str, part: OutcomeCounts, every: OutcomeCounts) -> str:
    """One set of accounts as a row of the second table, as shares of all accounts."""
    bads, goods = part.bad / max(every.bad, 1), part.good / max(every.good, 1)
    accounts = f"{part.bad:,} ({bads:.1%}) | {part.good:,} ({goods:.1%})"
    bad, good = part.bad_granted / max(every.bad_granted, 1), part.good_granted / max(every.good_granted, 1)
    return f"| {name} | {accounts} | {part.bad_rate:.1%} | {bad:.1%} | {good:.1%} |"


def _print_outcome(
    result: OutcomeTable, currency: str, sets: dict[str, set[str]], labels: OutcomeLabels, intake: Intake
) -> None:
    from linekeeper.cli.answers.measuring import GradeRecord, OutcomeAnswer, RestrictedCounts
    from linekeeper.lab.outcome import count_outcomes

    grades = [
        GradeRecord(
            grade=row.grade,
            good=row.good,
            bad=row.bad,
            good_granted_minor=row.good_granted,
            bad_granted_minor=row.bad_granted,
            bad_limit_minor=row.bad_limit,
            bad_rate=row.bad_rate,
        )
        for row in result.rows
    ]
    counts = {name: count_outcomes(accounts, labels) for name, accounts in sets.items()}
    restricted = [
        RestrictedCounts(
            by=name,
            good=part.good,
            bad=part.bad,
            good_granted_minor=part.good_granted,
            bad_granted_minor=part.bad_granted,
            bad_rate=part.bad_rate,
        )
        for name, part in counts.items()
    ]
    columns = ("bad", "good", "bad_granted", "good_granted")
    figures: dict[str, Any] = {f"restricted_share_of_{column}": result.restricted(column) for column in columns}
    figures |= repeat_figures(intake.same, intake.rejected)
    print_answer(OutcomeAnswer(currency=currency, grades=grades, restricted=restricted, **figures))
