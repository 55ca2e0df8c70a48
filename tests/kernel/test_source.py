"""What a kernel's source says to a person: the policy's names, its numbers once and by name, short lines."""

from __future__ import annotations

import ast
import builtins
import json
import keyword
import re
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linekeeper.cli.main import app, build
from linekeeper.core.event import Event
from linekeeper.kernel.constants import NamedNumber
from linekeeper.kernel.emit import drivers, emit, prelude
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.layout import RowShape, lay_out
from linekeeper.kernel.lines import LINE_MAX
from linekeeper.kernel.names import LOCALS, Names, name_all, names_of, schedule_locals
from linekeeper.policy.expression import Literal
from linekeeper.policy.load import load_file, load_text
from linekeeper.policy.model import Policy
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day, unreversed
from tests.kernel.nightly import written_of
from tests.oracle.generate import stream
from tests.oracle.oracle import run
from tests.oracle.reader import read

ROOT = Path(__file__).parents[2]
SHIPPED = ("policies/consumer-loan.yaml", "policies/credit-card.yaml", "docs/examples/cash-line.yaml")
BENCH = "benchmarks/policies/cash-line.yaml"
GENERATED = 50
READ_FEATURES = ("features", "count_points", "pd_of", "update_latches", "move_limit", "propose_offer", "authorise")

# Every name that Python, the prelude or the generator itself might take for its own; texts that give one name.
HOSTILE = """
policy: hostile
version: 1
currency: CNY
time_zone: UTC
events:
  s: {x: money, end: [a-b, a_b, 借], part: "share?"}
  kind: {opened: flag}
features:
  s: sum(draw.amount, 7d)
  out: count(s where x > 5 CNY, 7d)
  day: days_since(s)
  part: last(s.part)
  min: "smallest(s, 20_000 CNY)"
  max: {value: "percent(balance, granted)", worse: higher}
  latch: max(s.x, 7d)
  while: part(s, 50%)
  def: "if known(day) then day else 9"
  t1: fallback(latch, 0 CNY)
  t2: t1 + min
  features: count(repay, 30d)
  score_2: on_time_streak
  next_review: days_past_due
  add_draw_by_day: count(kind where opened, 24h)
  points: per(s, features)
  clear: restrictions(6m)
  count_draw_7d: count(draw, 30d)
  missing: late_count(2, 30d)
score:
  base: 500
  ability:
    min: {below 100 CNY: 10, otherwise: -10}
    part: {below 10%: 5, otherwise: -5, missing: 1}
  willingness:
    def: {below 3: 5, otherwise: 0, missing: 2}
  pd: {below 500: 10%, otherwise: 1%}
triggers:
  limit: {when: "count(draw, 7d) >= 3 and min >= part(while, 20%)", clear: out = 0, hold: 3d, cap: 60%, reason: r}
  hour: {when: 'count(s where end = "a-b", 7d) >= 2', cap: 70%, expires: 9d, reason: r}
  limit_when: {when: 'count(s where end = "a_b", 7d) >= 2', cap: 50%, reason: r}
  draw_by_day: {when: 'count(s where end in ("借", "a_b"), 7d) >= 3 or t2 > 900 CNY', suspend: yes, reason: r}
  status: {when: def <= 1 and next_review >= 5, hold: 9d, suspend: yes, reason: r}
  closing: {when: score < 480, clear: score >= 490, cap: 40%, reason: r}
  s: {when: clear >= 3 or missing >= 2 or points > 500 CNY, cap: 30%, reason: r}
  true_: {when: days_past_due >= 60, close: yes, reason: r}
restoration: {first: 30%, step: 10%, every: 5d, while: next_review = 0}
authorise:
  amount: {deny: amount > t1 and add_draw_by_day >= 1, reason: r}
offer: {when: features >= 2 and score_2 >= 1, increase: 10%, up_to: 90_000 CNY, every: 20d, valid: 7d}
"""


@cache
def policies() -> dict[str, Policy]:
    """The shipped ones, generated ones, and the hostile one."""
    shipped = {name: load_file(ROOT / name) for name in (*SHIPPED, BENCH)}
    generated = {f"seed {seed}": load_text(written_of(seed).text) for seed in range(GENERATED)}
    return shipped | generated | {"hostile": load_text(HOSTILE)}


@cache
def source_of(name: str) -> str:
    return emit(policies()[name])[0]


def names_under(policy: Policy) -> Names:
    """The names of a policy's kernel."""
    return name_all(policy, lay_out(policy), RowShape.of(policy), prelude() + drivers())


def stored_in(function: ast.FunctionDef) -> set[str]:
    """The parameters and variables of a function."""
    nodes = list(ast.walk(function))
    variables = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return variables | {node.arg for node in nodes if isinstance(node, ast.arg)}


def functions_of(source: str) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]


def test_lines_are_short() -> None:
    for name in policies():
        assert [line for line in source_of(name).splitlines() if len(line) > LINE_MAX] == [], name


def test_no_variable_hides_what_a_function_calls() -> None:
    """A variable of the name of a function, a constant or a word of Python would change what the code means."""
    for name in policies():
        tree = ast.parse(source_of(name))
        targets = [node for line in tree.body if isinstance(line, ast.Assign) for node in ast.walk(line.targets[0])]
        constants = [node.id for node in targets if isinstance(node, ast.Name)]
        functions = [function.name for function in functions_of(source_of(name))]
        assert len({*constants, *functions}) == len(constants) + len(functions), name
        for function in functions_of(source_of(name)):
            assert not stored_in(function) & {*constants, *functions, *dir(builtins), *keyword.kwlist}, function.name


def test_the_variables_of_the_generator_are_those_it_names() -> None:
    for name, policy in policies().items():
        names = names_under(policy)
        staged = (*schedule_locals(policy), *(("announced",) if policy.decides_in_stages else ()))
        known = {*LOCALS, *staged, *names.variables.values(), *names.groups.values()}
        assert not set(LOCALS) & {*names.variables.values(), *names.groups.values()}
        for function in functions_of(source_of(name)):
            if function.name in READ_FEATURES:
                assert {one for one in stored_in(function) - known if not re.fullmatch(r"t\d+", one)} == set()


def test_hostile_names() -> None:
    names = names_under(policies()["hostile"])
    assert names.variables["s"] == "s_2"
    assert names.variables["while"] == "while_2"
    assert names.variables["min"] == "min_2"
    assert names.variables["t1"] == "t1_"
    assert names.variables["count_draw_7d"] == "count_draw_7d"
    assert names.variables["count(draw, 7d)"] == "count_draw_7d_2"
    assert names.variables['count(s where end = "a-b", 7d)'] == "count_s_end_a_less_b_7d"
    assert names.latches["limit"] == "LIMIT_2"
    assert names.latches["closing"] == "CLOSING_2"
    assert {"if", "day", "min", "divide"} & {*names.variables.values()} == set()


def test_hostile_names_change_no_decision() -> None:
    policy = policies()["hostile"]
    kernel, actions = Kernel(policy), set()
    for seed in range(25):
        events: list[Event] = unreversed(stream(policy, seed, seed % 2 == 1, 0))
        until = last_day(policy, events) + 40
        expected = run(read(policy.source), events, until)
        assert differences(policy, expected, *by_arrival(kernel, events, until)) == []
        if seed % 2 == 0:
            assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False)[0]) == []
        actions |= {ruling.action.name for ruling in expected.rulings}
    assert {"DECREASE", "SUSPEND", "RESTORE"} <= actions


def head_and_body(text: str) -> tuple[str, str]:
    """A kernel's numbers, and all below them."""
    source = emit(load_text(text))[0]
    head, mark, body = source.partition("\n\n\nMISSING = ")
    assert mark
    return head, body


OTHER_NUMBERS = (
    ("when: days_past_due >= 30", "when: days_past_due >= 31"),
    ("clear: late_3_6m <= 1", "clear: late_3_6m <= 0"),
    ("drawn_7d >= part(granted, 30%)", "drawn_7d >= part(granted, 31%)"),
    ("cap: 50%", "cap: 51%"),
    ("hold: 90d", "hold: 91d"),
    ("expires: 5y", "expires: 6y"),
    ("below 15%: 12", "below 16%: 13"),
    ("open_loans: {below 2: 4", "open_loans: {below 3: 5"),
    ("base: 590", "base: 591"),
    ("below 500: 50%", "below 501: 49%"),
    ("first: 40%, step: 20%, every: 30d", "first: 41%, step: 21%, every: 31d"),
    ("increase: 20%", "increase: 21%"),
    ("up_to: 200_000 CNY", "up_to: 200_001 CNY"),
    ("every: 90d", "every: 91d"),
    ("valid: 30d", "valid: 31d"),
    ("amount > 2_000 CNY", "amount > 2_001 CNY"),
    ("if billed_90d <= 0 CNY then 100%", "if billed_90d <= 1 CNY then 99%"),
)


@pytest.mark.parametrize(("old", "new"), OTHER_NUMBERS)
def test_another_number_changes_the_head_alone(old: str, new: str) -> None:
    text = (ROOT / SHIPPED[0]).read_text("utf-8")
    assert old in text
    before, after = head_and_body(text), head_and_body(text.replace(old, new))
    assert (before[0] == after[0]) == (old == new)
    assert before[1] == after[1]


def test_each_number_stands_with_the_words_of_the_policy() -> None:
    head = head_and_body((ROOT / SHIPPED[0]).read_text("utf-8"))[0].splitlines()
    for line in (
        "ARREARS_30_CAP_BP = 5000  # triggers.arrears_30.cap: 50%",
        "ARREARS_30_WHEN_1 = 30  # days_past_due >= 30",
        "GAMBLING_WHEN_2 = 100000  # gambling_90d >= 1_000 CNY",
        "BURDEN_POINTS_1 = 12  # score.ability.burden: below 15%: 12",
        'PURCHASE_WHERE_1 = 7  # category = "gambling"',
        "PD_PPM_5 = 75000  # score.pd: below 580: 7.5%",
    ):
        assert line in head


def test_features_are_formulas_in_the_names_of_the_policy() -> None:
    source = source_of(SHIPPED[0])
    assert "\n    burden = percent(billed_90d, income_90d)\n" in source
    assert "\n    count_hardship_90d = s[HARDSHIP_90D_COUNT]\n" in source
    assert source.count("percent(billed_90d, income_90d)") == 1
    assert source.count("= SCORE_BASE + ability + willingness") == 1
    assert "if s[ARREARS_30] != FREE or when:" in source


def test_a_constant_is_the_number_that_it_names() -> None:
    assert NamedNumber(30, "days", name="LATE_WHEN_1") == Literal(30, "days")
    assert {Literal(30, "days"): 1}[NamedNumber(30, "days", name="OTHER")] == 1
    assert NamedNumber(30, "days", name="LATE_WHEN_1") != Literal(30, "count")


def test_the_prelude_and_the_drivers_define_no_name_twice() -> None:
    assert not names_of(prelude()) & names_of(drivers())


# ------------------------------------------------------------------ for people


def test_the_page_shows_what_the_program_prints() -> None:
    page = (ROOT / "docs" / "architecture" / "kernel.md").read_text("utf-8")
    excerpts = re.findall(r"(?ms)^```python\n(.*?)^```$", page)
    assert len(excerpts) > 5
    assert [excerpt for excerpt in excerpts if excerpt not in source_of(SHIPPED[2])] == []


def test_the_command(tmp_path: Path) -> None:
    build()
    policy, file, runner = str(ROOT / SHIPPED[2]), tmp_path / "kernel.py", CliRunner()
    assert runner.invoke(app, ["kernel", policy]).output == source_of(SHIPPED[2])
    assert runner.invoke(app, ["kernel", policy, "--output", str(file)]).exit_code == 0
    assert file.read_text("utf-8") == source_of(SHIPPED[2])
    told = json.loads(runner.invoke(app, ["kernel", policy, "--json"]).output)
    kernel = Kernel(load_file(policy))
    assert told == {
        "schema": "linekeeper/kernel/1",
        "output": None,
        "policy": "cash-line",
        "version": 1,
        "digest": kernel.digest,
        "source": kernel.source,
    }
