"""check, fmt, schema, describe, kernel: reading and writing policies, their words, and the code that comes of one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.former import present_words
from linekeeper.cli.options import JsonOption, Jurisdiction, LangOption, PolicyFile, PolicyFiles, Product, to_write
from linekeeper.cli.output import counted, data_text, print_answer, print_line
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.cli.answers.policies import FaultRecord, PolicyCostRecord, WarningRecord
    from linekeeper.core.errors import Fault
    from linekeeper.policy.analysis.policy_warnings import PolicyWarning
    from linekeeper.policy.model import Policy


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (check, fmt, schema, describe, kernel):
        app.command()(command)


def check(
    policies: PolicyFiles,
    jurisdiction: Jurisdiction,
    product: Product,
    quick: Annotated[bool, typer.Option("--quick", help="Do not look for dead ends (seconds a policy).")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on a warning that no `allow` silences.")] = False,
    json: JsonOption = False,
) -> None:
    """Report every fault of policies, triggers without a way out, warnings, and, with a law named, breaches of it."""
    from linekeeper.cli.answers.policies import CheckAnswer
    from linekeeper.core.errors import Fault, PolicyError, Refused
    from linekeeper.policy.load import load_file

    faults, good, costs = [], [], {}
    warnings: list[PolicyWarning] = []
    for path in policies:
        try:
            policy = load_file(path)
            costs[str(path)] = _cost(policy)
            of_file, of_letters = _warnings(policy, path)
            warnings += of_file
            faults += of_letters
            law_faults = _restricted_too_soon(policy, str(path), jurisdiction, product)
            faults += law_faults
            good += [] if law_faults else [(path, policy)]
        except PolicyError as error:
            faults += error.faults
        except Refused as error:
            faults.append(Fault(error.message, str(path), way_out=error.way_out or ""))
    dead_ends = {str(path): _dead_ends(policy) for path, policy in good if not quick}
    pressing = [warning for warning in warnings if warning.allowed is None]
    refused = bool(faults or any(dead_ends.values()) or (strict and pressing))
    if json:
        digests = {str(path): policy.digest for path, policy in good}
        records = [_fault_record(fault) for fault in faults], [_warning_record(warning) for warning in warnings]
        print_answer(CheckAnswer(not refused, records[0], dead_ends, digests, costs, records[1]))
    else:
        for path, policy in ((path, policy) for path, policy in good if not dead_ends.get(str(path))):
            print_line(f"[green]ok[/] {data_text(path)}: {_counted(policy)}, {_costing(costs[str(path)], policy)}")
        texts = [f"{path_of}: {text}" for path_of, listed in dead_ends.items() for text in listed]
        sys.stderr.writelines(f"{line}\n" for line in (*pressing, *texts, *faults))
    if refused:
        raise typer.Exit(1)


def _restricted_too_soon(policy: Policy, file: str, jurisdiction: str | None, product: str | None) -> list[Fault]:
    """What the law bars: ties, increases without consent, restrictions that come too soon; nothing without a law."""
    from linekeeper.core.errors import Fault
    from linekeeper.engine.clock import machine_clock_ms
    from linekeeper.engine.opening import law_named
    from linekeeper.kernel.calendar import calendar
    from linekeeper.regulation.announcements import restrictions_too_soon
    from linekeeper.regulation.consents import consents_missing
    from linekeeper.regulation.records import shipped_records
    from linekeeper.regulation.ties import barred_ties

    law = law_named(jurisdiction, product)
    if law is None:
        return []
    today = calendar(policy.time_zone).day(machine_clock_ms())
    faults = [
        Fault(
            f"the tie `{one.tie}` may not be read for `{one.purpose}`: `{one.rule}`"
            if one.why == "barred"
            else f"the tie `{one.tie}` counts without consent, and `{one.rule}` asks for it",
            file,
            way_out="remove it from `ties`" if one.why == "barred" else "write `needs: consent`",
        )
        for one in barred_ties(policy, shipped_records(), law.jurisdiction, law.product, today)
    ]
    faults += [
        Fault(
            f"the offer `{one.offer}` raises the line without consent, and `{one.rule}` asks for it",
            file,
            way_out="write `consent: asked`, and how long it is `valid`",
        )
        for one in consents_missing(policy, shipped_records(), law.jurisdiction, law.product, today)
    ]
    too_soon = restrictions_too_soon(policy, shipped_records(), law.jurisdiction, law.product, today)
    return faults + [
        Fault(
            f"the trigger `{one.trigger}` restricts {counted(one.given_days, 'day', 'days')} after its notice, and "
            f"`{one.rule}` asks for {one.needed_days} before `{one.action}`",
            file,
            way_out=f"write `effective: {one.needed_days}d`",
        )
        for one in too_soon
    ]


def _fault_record(fault: Fault) -> FaultRecord:
    from linekeeper.cli.answers.policies import FaultRecord

    return FaultRecord(
        file=fault.file,
        line=fault.line or None,
        column=fault.column or None,
        message=fault.message,
        way_out=fault.way_out or None,
    )


def _warnings(policy: Policy, path: Path) -> tuple[list[PolicyWarning], list[Fault]]:
    """What the policy may not mean, and the names that its letters would show raw although the lender has words."""
    from linekeeper.notice.lender_words import names_note, names_without_words, words_for
    from linekeeper.policy.analysis.policy_warnings import find_warnings

    words = words_for(path)
    noted = find_warnings(policy, str(path), words.wordings.codes, names_note(policy, words))
    return noted, names_without_words(policy, words)


def _warning_record(warning: PolicyWarning) -> WarningRecord:
    from linekeeper.cli.answers.policies import WarningRecord

    return WarningRecord(
        file=warning.file,
        line=warning.line or None,
        column=warning.column or None,
        code=warning.code,
        severity=warning.severity,
        construct=".".join(warning.construct),
        message=warning.message,
        way_out=warning.way_out,
        allowed=warning.allowed,
    )


def _dead_ends(policy: Policy) -> list[str]:
    from linekeeper.recourse.dead_ends import describe_dead_end, find_dead_ends

    return [describe_dead_end(policy, dead_end) for dead_end in find_dead_ends(policy)]


def _cost(policy: Policy) -> PolicyCostRecord:
    from linekeeper.cli.answers.policies import PolicyCostRecord
    from linekeeper.kernel.kernel import kernel_of

    kernel = kernel_of(policy)
    return PolicyCostRecord(**kernel.cost._asdict(), evaluation_us=kernel.evaluation_us())


def _costing(cost: PolicyCostRecord, policy: Policy) -> str:
    """What a policy costs, and its hash."""
    size = f"{cost.state_bytes:,} bytes an account, {cost.source_lines:,} lines of kernel"
    return f"{size}, {cost.evaluation_us:,} µs an evaluation here, hash {policy.digest[:12]}"


def _counted(policy: Policy) -> str:
    features, triggers = len(policy.features), len(policy.triggers)
    return f"{counted(features, 'feature', 'features')}, {counted(triggers, 'trigger', 'triggers')}"


def fmt(
    policies: PolicyFiles,
    check: Annotated[bool, typer.Option("--check", help="Only say which files would change (exit code 1).")] = False,
    json: JsonOption = False,
) -> None:
    """Write expressions in their one canonical form; layout and comments stay. With one fault none is written."""
    from linekeeper.cli.answers.policies import FmtAnswer
    from linekeeper.core.bounded import path_behind
    from linekeeper.journal.log.durable import write
    from linekeeper.policy.fmt import format_text
    from linekeeper.policy.load import read_text

    changed: dict[Path, str] = {}
    for path in policies:
        text = read_text(path)
        formatted = format_text(text.replace("\r\n", "\n"), str(path))
        if "\r\n" in text:
            formatted = formatted.replace("\n", "\r\n")
        if formatted != text:
            changed[path] = formatted
    if not check:
        for path, formatted in changed.items():
            write(path_behind(path), formatted.encode(), path.stat().st_mode & 0o777)
    if json:
        print_answer(FmtAnswer(changed=[str(path) for path in changed], written=not check))
    else:
        for path in changed:
            print_line(f"{'would change' if check else 'formatted'} {data_text(path)}")
    if check and changed:
        raise typer.Exit(1)


def schema(
    of: Annotated[
        list[str] | None,
        typer.Argument(metavar="WHAT", help="policy (the default), mapping, or a command: `show`, `log status`."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print the JSON Schema of a policy file, of a mapping file, or of what a command answers with --json."""
    import json as plain

    from linekeeper.cli.answers.policies import SchemaAnswer
    from linekeeper.connect.mapping_schema import mapping_schema
    from linekeeper.policy.schema import schema as policy_schema

    files = {"policy": policy_schema, "mapping": mapping_schema}
    what = " ".join(of or ["policy"])
    document = files[what]() if what in files else _schema_of_answer(what)
    if json:
        print_answer(SchemaAnswer(json_schema=document))
    else:
        typer.echo(plain.dumps(document, ensure_ascii=False))


def _schema_of_answer(command: str) -> dict[str, Any]:
    """The schema of what a command answers. An answer that belongs to an option has a name of its own."""
    from linekeeper.cli.answers.catalogue import all_answers, name_of, schema_of_answer

    answers = {name_of(answer): answer for answer in all_answers()}
    name = "-".join(present_words(command.split()))
    if name not in answers:
        raise UsageError(
            f"`{command[:40]}` has no schema",
            code="choice-not-known",
            way_out=f"use one of policy, mapping, {', '.join(answers)}",
            details={"given": command[:40]},
        )
    return schema_of_answer(answers[name])


def describe(policy: PolicyFile, lang: LangOption, json: JsonOption = False) -> None:
    """Describe a policy in plain sentences, made from its rules."""
    from linekeeper.cli.answers.policies import DescribeAnswer, DescriptionSection
    from linekeeper.notice.prose import describe as describe_policy
    from linekeeper.policy.load import load_file
    from linekeeper.texts.language import language

    code = language(lang).code
    description = describe_policy(load_file(policy), code)
    if not json:
        typer.echo(description)
        return
    sections = [DescriptionSection(title=part.title, lines=list(part.lines)) for part in description.sections]
    print_answer(DescribeAnswer(lang=code, title=description.title, sections=sections))


def kernel(
    policy: PolicyFile,
    output: Annotated[Path | None, to_write("--output", "-o", about="Write it to this file.")] = None,
    json: JsonOption = False,
) -> None:
    """Print the code that decides under a policy: its numbers by name, then features, triggers and line."""
    from linekeeper.cli.answers.policies import KernelAnswer
    from linekeeper.core.bounded import path_behind
    from linekeeper.journal.log.durable import write
    from linekeeper.kernel.kernel import Kernel
    from linekeeper.policy.load import load_file

    made = Kernel(load_file(policy))
    if output:
        write(path_behind(output), made.source.encode())
    if json:
        print_answer(
            KernelAnswer(
                policy=made.policy.name,
                version=made.policy.version,
                digest=made.digest,
                output=None if output is None else str(output),
                source=made.source,
            )
        )
    elif output:
        lines = made.source.count("\n")
        print_line(data_text(f"wrote {output}: {lines:,} lines, hash {made.digest[:12]}"))
    else:
        sys.stdout.write(made.source)
