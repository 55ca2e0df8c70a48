"""show, explain: one account, one decision."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from linekeeper.cli.opening import open_engine
from linekeeper.cli.options import AccountName, DecisionName, JsonOption, StoreUrl
from linekeeper.cli.output import counted, data_text, print_answer, print_line

if TYPE_CHECKING:
    from linekeeper.core.decision import Decision, OwnChoice
    from linekeeper.engine.account import AccountView
    from linekeeper.engine.cut_over import CutOver
    from linekeeper.policy.model import Policy
    from linekeeper.scorecard.points import ScorePart

CHART_COLUMNS = 72
STATUS_COLOUR = {"active": "green", "restoring": "cyan", "reduced": "yellow", "suspended": "magenta", "closed": "red"}
STATUS_MARK = {"active": "█", "restoring": "▓", "reduced": "▒", "suspended": "░", "closed": "·"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(show)
    app.command()(explain)


def show(account: AccountName, store: StoreUrl, json: JsonOption = False) -> None:
    """One account: its line, its features, and its time line as a chart."""
    from linekeeper.engine.account import view

    engine = open_engine(store).engine_of(account)
    account_view = view(engine, account)
    if json:
        from linekeeper.cli.answers.accounts import show_answer

        print_answer(show_answer(engine.policy, account_view))
        return
    print_line(f"[bold]{data_text(account)}[/]   {engine.policy.name} version {engine.policy.version}")
    print_line(line_words(engine.policy, account_view))
    if account_view.own_choice is not None:
        print_line(own_choice_words(engine.policy, account_view.own_choice))
    if account_view.cut_over is not None:
        for text in cut_over_words(account_view.cut_over):
            print_line(data_text(text))
    print_line()
    for text in chart(engine.policy, account_view):
        print_line(text)
    print_line()
    for decision in account_view.decisions[-12:]:
        print_line(decision_line(engine.policy, decision))
    print_line()
    print_line(f"[bold]features as of {local_time(account_view.now, engine.policy.time_zone)}[/]")
    for name, value in account_view.shown_values:
        print_line(data_text(f"  {name:<44.44} {value}"))


def explain(decision: DecisionName, store: StoreUrl, json: JsonOption = False) -> None:
    """One decision taken apart: triggers, values against thresholds, the score as a waterfall."""
    from linekeeper.engine.account import find_decision

    engine = open_engine(store)
    record = find_decision(engine, decision)
    engine = engine.engine_of_version(record.policy)
    if json:
        from linekeeper.cli.answers.accounts import explain_answer

        print_answer(explain_answer(engine.policy, record))
        return
    for text in decision_lines(engine.policy, record):
        print_line(text)


# ------------------------------------------------------------------ words


def line_words(policy: Policy, account_view: AccountView) -> str:
    """The line in one sentence."""
    from linekeeper.decide.explain import money

    line = account_view.line
    colour = STATUS_COLOUR[line.status]
    words = f"[{colour}]{line.status}[/]: limit {money(policy, line.limit)} of {money(policy, line.granted)} granted"
    over = account_view.balance - line.limit
    beyond = f", [red]{money(policy, over)} over the limit[/]" if over > 0 else ""
    if account_view.unowed_dues:
        beyond += f", [red]unpaid dues {money(policy, account_view.unowed_dues)} above all that is owed[/]"
    balance = f"balance {money(policy, account_view.balance)}{beyond}"
    return f"{words}, {balance}, next review {review_words(account_view.next_review)}"


def own_choice_words(policy: Policy, choice: OwnChoice) -> str:
    """What the borrower himself wishes, in a sentence. What the line allows is the lender's side alone.

    >>> from linekeeper.core.decision import OwnChoice
    >>> own_choice_words(None, OwnChoice("freeze", 0, 20_634, "lift", None))
    'own choice of the borrower: new draws are frozen; lifted on 2026-06-30'
    """
    from linekeeper.core.dates import date_of
    from linekeeper.decide.explain import money

    def words(wish: str | None, limit: int | None) -> str:
        frozen = {"freeze": "new draws are frozen", "close": "the line is closed", "lift": "lifted", None: "lifted"}
        return frozen[wish] if wish != "lower" else f"no more than {money(policy, limit or 0)}"

    sentence = f"own choice of the borrower: {words(choice.wish, choice.limit)}"
    if choice.next_on is None:
        return sentence
    return f"{sentence}; {words(choice.next_wish, choice.next_limit)} on {date_of(choice.next_on)}"


def cut_over_words(cut_over: CutOver) -> list[str]:
    """What an opening stated, in a sentence or two.

    >>> from linekeeper.engine.cut_over import CutOver
    >>> for line in cut_over_words(CutOver(20_634, 20_605, 40, ("late_3",), ("late_3",), 20_612, None, "not paid")):
    ...     print(line)
    taken over on 2026-06-30; events are known from 2026-06-01 on (40 days)
    held then by late_3 since 2026-06-08, the borrower not notified: not paid
    """
    from linekeeper.core.dates import date_of

    known = (
        f"events are known from {date_of(cut_over.observed_day)} on ({counted(cut_over.days_observed, 'day', 'days')})"
    )
    lines = [f"taken over on {date_of(cut_over.day)}; {known}"]
    if cut_over.triggers:
        since = "" if cut_over.since_day is None else f" since {date_of(cut_over.since_day)}"
        notified = "not notified" if cut_over.notified_day is None else f"notified on {date_of(cut_over.notified_day)}"
        why = "" if cut_over.why is None else f": {cut_over.why}"
        lines.append(f"held then by {', '.join(cut_over.triggers)}{since}, the borrower {notified}{why}")
    return lines


def decision_line(policy: Policy, decision: Decision) -> str:
    """One decision on one line."""
    from linekeeper.decide.explain import money

    colour = STATUS_COLOUR[decision.after.status]
    moved = f"{money(policy, decision.before.limit)} -> {money(policy, decision.after.limit)}"
    changes = [f"+{name}" for name in decision.triggers_set] + [f"-{name}" for name in decision.triggers_released]
    when = local_time(decision.at, policy.time_zone)
    return f"  #{decision.number:<3} {when}  [{colour}]{decision.action:<9}[/] {moved:<34} {' '.join(changes)}"


def decision_lines(policy: Policy, decision: Decision) -> list[str]:
    """A decision in lines for a person."""
    from linekeeper.decide.explain import explain_triggers, money, share, waterfall

    lines = [
        f"[bold]{data_text(decision.account)}#{decision.number}[/]  {decision.action}  "
        + f"{local_time(decision.at, policy.time_zone)}  "
        + (f"after event `{data_text(decision.event)}`" if decision.event else "at the start of the day"),
        f"limit {money(policy, decision.before.limit)} -> {money(policy, decision.after.limit)}, "
        f"{decision.before.status} -> {decision.after.status}, granted {money(policy, decision.after.granted)}",
    ]
    if decision.own_choice is not None:
        lines.append(own_choice_words(policy, decision.own_choice))
    if decision.imposed_bp is not None:
        lines.append(f"a person has capped the line at {share(decision.imposed_bp)} of granted")
    for explanation in explain_triggers(policy, decision):
        lines.append("")
        lines.append(
            f"[bold]{explanation.name}[/] ({explanation.state}): {explanation.effect}; reason `{explanation.reason}`"
        )
        for one in explanation.comparisons:
            mark = "[red]holds[/]" if one.holds else "[dim]does not hold[/]"
            value = "missing" if one.value is None else one.value
            lines.append(data_text(f"    {one.name} is {value}; {one.op} {one.threshold} ") + mark)
    parts = waterfall(policy, decision)
    if parts:
        lines += ["", *_score_lines(policy, decision, parts)]
    return lines


def _score_lines(policy: Policy, decision: Decision, parts: list[ScorePart]) -> list[str]:
    assert policy.score is not None
    best = policy.score.base + sum(part.best for part in parts)
    widest = max(max(part.lost for part in parts), 1)
    subs = ", ".join(f"{group} {points:+d}" for group, points in decision.sub_scores.items())
    against = "what trees give is held against their mean" if policy.score.trees else f"the best possible is {best}"
    lines = [f"[bold]score {decision.score}[/] ({subs}; base {policy.score.base}); {against}"]
    for part in parts:
        bar = "█" * round(24 * part.lost / widest)
        features = data_text(f"{part.label:<36.36}")
        lines.append(f"    {features} {part.points:+5d}   lost {part.lost:4d} [red]{bar}[/]")
    return lines


# ------------------------------------------------------------------ chart


def chart(policy: Policy, account_view: AccountView, width: int = CHART_COLUMNS) -> list[str]:
    """The limit over time as a text chart: height is the share of granted, the shade is the status."""
    first, last = account_view.opened_at, max(account_view.now, account_view.opened_at + 1)
    steps = [(account_view.opened_at, account_view.opening)] + [(d.at, d.after) for d in account_view.decisions]
    top = max(max(line.granted for _, line in steps), 1)
    columns = []
    for column in range(width):
        instant = first + (last - first) * column // max(width - 1, 1)
        columns.append([line for at, line in steps if at <= instant][-1])
    rows = []
    height = 8
    for level in range(height, 0, -1):
        cells = []
        for line in columns:
            full = line.limit * height >= level * top or (level == 1 and line.limit == 0)
            cells.append(f"[{STATUS_COLOUR[line.status]}]{STATUS_MARK[line.status]}[/]" if full else " ")
        share = f"{100 * level // height:>4}%" if level % 2 == 0 else "     "
        rows.append(f"{share} │{''.join(cells)}")
    legend = "  ".join(f"[{STATUS_COLOUR[s]}]{STATUS_MARK[s]}[/] {s}" for s in STATUS_MARK)
    ends = (local_time(instant, policy.time_zone)[:10] for instant in (first, last))
    return [*rows, f"      └{'─' * width}", "       " + (" " * (width - 20)).join(ends), f"       {legend}"]


def local_time(at: int, zone: str = "UTC") -> str:
    """UTC ms as a readable local time.

    >>> local_time(1_714_611_600_000), local_time(1_714_611_600_000, "Asia/Shanghai")
    ('2024-05-02 01:00', '2024-05-02 09:00')
    """
    return dt.datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def review_words(day: int) -> str:
    """The day of a next review (since 1970-01-01) as a date, or what it waits for where it lies beyond any calendar.

    >>> review_words(20_575), review_words(1 << 40)
    ('2026-05-02', 'only after an event')
    """
    from linekeeper.core.bounds import DAY_MAX
    from linekeeper.core.dates import date_of

    return date_of(day).isoformat() if day <= DAY_MAX else "only after an event"
