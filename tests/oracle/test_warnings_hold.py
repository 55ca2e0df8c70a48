"""No warning is wrong: what is proved of a policy's conditions and latches holds at every look of generated lives.

The oracle says what each look saw. The program's proofs are held against it: a condition that never holds never does,
one that always holds always does, what follows from another follows, and a latch that nothing releases stays set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from random import Random

import pytest

from linekeeper.core.bounds import MISSING
from linekeeper.kernel import prelude
from linekeeper.kernel.expressions import ExpressionCompiler
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.breakpoints import conditions
from linekeeper.policy.analysis.domains import Domains
from linekeeper.policy.analysis.policy_warnings import find_warnings
from linekeeper.policy.analysis.proofs import Prover
from linekeeper.policy.analysis.releases import BALANCES_ALONE, NO_ARREARS
from linekeeper.policy.load import load_text
from tests.oracle import oracle
from tests.oracle.clock import clock, day_of
from tests.oracle.generate import policy_text
from tests.oracle.measured import write_measured
from tests.oracle.nouns import Event
from tests.oracle.reader import read
from tests.oracle.streams import make_stream
from tests.oracle.values import Values

POLICIES, LIVES, AFTER_DAYS = 12, 3, 40
Row = tuple[dict[str, int | None], frozenset[str]]  # the values that a look worked with, and the latches set after it


def looks_of(policy: m.Policy, events: list[Event], monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """What each look of that life saw: features, score, groups and PD by name."""
    rows: list[Row] = []
    look = oracle._Account._look

    def recorded(account: oracle._Account, event_id: str | None, before: object) -> Values:
        values = look(account, event_id, before)  # type: ignore[arg-type]
        named = {**values.features, **(values.groups or {}), "score": values.score, "pd": values.pd_ppm}
        rows.append((named, frozenset(account._set_names())))
        return values

    own = read(policy.source)
    latest = max(event.at for event in events)
    with monkeypatch.context() as patched:
        patched.setattr(oracle._Account, "_look", recorded)
        oracle.run(own, events, day_of(clock(policy.time_zone).hour(latest)) + AFTER_DAYS)
    return rows


def life(policy: m.Policy, seed: int) -> list[Event]:
    """Events in order of time, without the rulings of persons, which set and free latches as they like."""
    events = make_stream(read(policy.source), Random(f"stream {seed}"), False, 0)
    return [event for event in events if event.kind not in ("override", "reversal")]


def holds(policy: m.Policy, condition: ex.Expr, values: Mapping[str, int | None]) -> bool:
    """The condition on the values of a look, by the code that a kernel has for it."""
    names = {name: f"v[{name!r}]" for name in values}
    missing = frozenset(names[feature.name] for feature in policy.features if feature.maybe_missing)
    compiler = ExpressionCompiler(names, missing)
    truth = compiler.condition(condition)
    space = {**vars(prelude), "v": {name: MISSING if value is None else value for name, value in values.items()}}
    exec("\n".join([*compiler.lines, f"answer = {truth}"]), space)
    return bool(space["answer"])


def parts_of(policy: m.Policy) -> Iterator[ex.Expr]:
    """Every condition of the policy's rules, and every condition within one."""
    for condition in conditions(policy):
        for node in ex.nodes_of(condition):
            if isinstance(node, ex.Not | ex.And | ex.Or | ex.Compare | ex.In):
                yield node


def check_policy(policy: m.Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold everything that is proved of a policy against its lives."""
    prover = Prover(Domains(policy))
    parts = list(dict.fromkeys(parts_of(policy)))
    never = [part for part in parts if prover.never(part)]
    always = [part for part in parts if prover.always(part)]
    pairs = [(a, b) for a in parts[:12] for b in parts[:12] if a is not b and prover.implies(a, b)]
    given = find_warnings(policy)
    stuck = {one.construct[1] for one in given if one.code == "release_never"}
    whole = [one for one in given if one.code == "adds_nothing" and one.construct[0::2] == ("triggers",)]
    outdone = [one.message.split("`")[1::2] for one in whole]
    for number in range(LIVES):
        latched_before: frozenset[str] = frozenset()
        for values, latched in looks_of(policy, life(policy, number), monkeypatch):
            assert not [part for part in never if holds(policy, part, values)]
            assert [part for part in always if not holds(policy, part, values)] == []
            assert not [(a, b) for a, b in pairs if holds(policy, a, values) and not holds(policy, b, values)]
            assert not stuck & (latched_before - latched)
            assert not [mild for mild, strict in outdone if mild in latched and strict not in latched]
            latched_before = latched
    check_unsent(policy, monkeypatch)


def check_unsent(policy: m.Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A latch that is released only where a kind is sent stays set in the lives without that kind."""
    for one in find_warnings(policy):
        if one.code != "release_needs":
            continue
        named = re.search(r"where no `(\w+)` is sent", one.message)
        unsent = {named[1]} if named else BALANCES_ALONE if "balances" in one.message else NO_ARREARS
        if "open" in unsent:
            continue
        for number in range(LIVES):
            events = [event for event in life(policy, number) if event.kind not in unsent]
            latched_before: frozenset[str] = frozenset()
            for _, latched in looks_of(policy, events, monkeypatch):
                assert one.construct[1] not in latched_before - latched
                latched_before = latched


@pytest.mark.parametrize("seed", range(POLICIES))
def test_what_is_proved_holds_in_lives(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check_policy(load_text(policy_text(seed)), monkeypatch)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_proved_of_the_later_measures_holds_in_lives(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check_policy(load_text(write_measured(Random(f"measured {seed}")).text), monkeypatch)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(POLICIES, 100))
def test_what_is_proved_holds_in_more_lives(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check_policy(load_text(policy_text(seed)), monkeypatch)
    check_policy(load_text(write_measured(Random(f"measured {seed}")).text), monkeypatch)


def test_the_sample_has_something_to_prove() -> None:
    """Conditions that never hold, and that always do, come up in it."""
    never = always = 0
    for seed in range(POLICIES):
        policy = load_text(policy_text(seed))
        prover = Prover(Domains(policy))
        parts = set(parts_of(policy))
        never += sum(prover.never(part) for part in parts)
        always += sum(prover.always(part) for part in parts)
    assert never >= 3
    assert always >= 3
