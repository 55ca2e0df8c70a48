"""From a policy to the source of its kernel: readable, straight-line, integers only.

The source begins with the numbers of the policy, each a constant with the policy's own text, and the places of all
that an account's state and a row hold. Then one function for each station on the way from event to decision:

    begin, advance, apply_event            what happened
    features, count_points, pd_of          what it means
    update_latches, target_of, move_limit, propose_offer    what the line does
    next_review                            when to evaluate again
    authorise                              may this draw happen now

and at its end what is the same for all policies: `prelude` before these functions, `drivers` after them.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files

from linekeeper.core.bounds import DUES_MAX
from linekeeper.core.formats import EDITION
from linekeeper.core.line import Action, Status
from linekeeper.kernel import emit_rings
from linekeeper.kernel.constants import Constants, slack_names
from linekeeper.kernel.dues_code import DuesCode
from linekeeper.kernel.emit_facts import FactsEmitter
from linekeeper.kernel.emit_line import LineEmitter
from linekeeper.kernel.emit_next import NextEmitter
from linekeeper.kernel.emit_offers import OfferEmitter
from linekeeper.kernel.emit_stages import stages
from linekeeper.kernel.emit_trees import TreeEmitter
from linekeeper.kernel.layout import LATCH_WIDTH, Layout, RowShape, lay_out, line_changes_kept
from linekeeper.kernel.lines import folded
from linekeeper.kernel.names import kind_lines, name_all, row_lines, slot_lines
from linekeeper.kernel.taken_up import with_taken_up
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.breakpoints import uses


@cache
def prelude() -> str:
    """The prelude's source, without its docstring and imports."""
    return _untyped("prelude.py", "MISSING =")


@cache
def drivers() -> str:
    """The drivers' source: the same functions over lists or arrays."""
    return _untyped("drivers.py", "def admit")


@cache
def functions_of_stages() -> str:
    """The function that names what a decision announces or withdraws, as source."""
    return _untyped("announcing.py", "def action_in_stages")


@cache
def functions_of_own_limits() -> str:
    """The functions of the borrower's own wish, as source."""
    return _untyped("own_limit.py", "def usable_limit")


@cache
def functions_of_grants() -> str:
    """The functions of what the lender grants anew, as source."""
    return _untyped("grants.py", "def take_grant")


@cache
def functions_of_offers() -> str:
    """The functions of answers to offers, as source; `propose_offer` is generated."""
    return _untyped("offers.py", "def take_offer")


@cache
def functions_of_first_limits() -> str:
    """The functions of the first limit, as source; `assign_limit` is generated."""
    return _untyped("first_limit.py", "def write_first_limit")


@cache
def functions_of_dues() -> str:
    """The functions of the section `dues`, as source."""
    return _untyped("dues.py", "def pay_dues_within")


@cache
def functions_of_lists() -> str:
    """The function that looks a number up in a list, as source."""
    whole = functions_of_dues()
    return whole[whole.index("def is_listed") : whole.index("def business_day")]


@cache
def functions_of_day_ends() -> str:
    """The functions of the line at the end of earlier days, as source."""
    return _untyped("day_ends.py", "def note_line")


@cache
def functions_of_splits() -> str:
    """The function that gives an account its arm, as source."""
    return _untyped("split_code.py", "PRIME =")


@cache
def functions_of_relief() -> str:
    """The functions of a moratorium, as source."""
    return _untyped("relief.py", "def moved_date")


@cache
def functions_of_rings() -> str:
    """The functions of measures that read a ring entry by entry, as source."""
    return _untyped("ring_reads.py", "def tiles_in_a_row")


# What is done only where decisions come in stages.
STAGES = frozenset({Action.ANNOUNCE, Action.WITHDRAW, Action.CONTACT, Action.PRICE, Action.WATCH})
_READ_WHOLE = ("in_a_row", "distinct")


def _hows(policy: m.Policy) -> list[str]:
    return [feature.expr.how for feature in policy.features if isinstance(feature.expr, ex.Windowed)]


@cache
def functions_of_trees() -> str:
    """The functions that walk a card's trees, as source."""
    return _untyped("tree_sums.py", "def sum_of_leaves")


def _untyped(file: str, first: str) -> str:
    """A module's source from the words `first` on, without its types: all of them are whole numbers."""
    text = files("linekeeper.kernel").joinpath(file).read_text("utf-8")
    text = text[text.index(first) :]
    for word in (": Any", ": int", ": bool"):
        text = text.replace(word, "")
    return text.replace(") -> int:", "):").replace(") -> None:", "):")


def emit(policy: m.Policy, edition: int = EDITION) -> tuple[str, Layout, RowShape]:
    """The kernel's source, its layout and the shape of its output rows, under an edition of the language."""
    layout, shape = lay_out(policy, edition), RowShape.of(policy)
    functions = _functions_of(policy)
    drivers_source = with_taken_up(drivers(), policy)
    generated = "def assign_limit(s, out):\n    return 0\n" if policy.assign else ""  # its name alone
    fixed = "".join([prelude(), drivers_source, *functions, generated])
    names = name_all(policy, layout, shape, fixed)
    columns = {feature.name: shape.values + place for place, feature in enumerate(policy.features)}
    trees = TreeEmitter(policy, names, columns)
    constants = Constants(policy, names)
    dues = DuesCode(policy.dues, constants, edition, policy.moratorium is not None)
    used = uses(constants.policy)
    slack, slack_lines = slack_names(used, names)
    facts = FactsEmitter(layout, names, constants, dues)
    line = LineEmitter(layout, names, constants, trees)
    next_days = NextEmitter(layout, names, constants, dues, used, slack, trees)
    next_review = next_days.next_review()
    parts = [
        f'"""The kernel of policy `{policy.name}`, version {policy.version}. Generated: do not edit."""',
        "\n".join([*constants.lines(), *slack_lines]),
        prelude(),
        *functions,
        "\n".join([*trees.constants(), *trees.cut_lines()]),
        "\n".join([*slot_lines(layout, names), *row_lines(policy, shape, names), *kind_lines(policy, names)]),
        "\n".join([*_fixed_numbers(policy, layout), *emit_rings.constants(layout, names), *line.latch_constants()]),
        emit_rings.functions(layout, names),
        facts.begin(),
        facts.advance(),
        facts.apply_event(),
        facts.features(),
        line.count_points(),
        line.pd_of(),
        line.update_latches(),
        line.target_of(),
        line.assign_limit(),
        line.move_limit(),
        OfferEmitter(line).propose_offer(),
        line.count_restriction(),
        next_review,
        line.authorise(),
        stages(policy),
        drivers_source,
    ]
    return folded("\n\n".join(part.strip("\n") + "\n" for part in parts if part)), layout, shape


def _functions_of(policy: m.Policy) -> list[str]:
    """The functions that only some policies need, as source."""
    taken = (
        (line_changes_kept(policy), functions_of_day_ends),
        (_dues_are_special(policy), functions_of_dues),
        (policy.lists and not _dues_are_special(policy), functions_of_lists),
        (policy.moratorium, functions_of_relief),
        (policy.splits, functions_of_splits),
        (any(how in _READ_WHOLE for how in _hows(policy)), functions_of_rings),
        (policy.score and policy.score.trees, functions_of_trees),
        (policy.decides_in_stages, functions_of_stages),
        (policy.takes_grants, functions_of_grants),
        (policy.own_limit, functions_of_own_limits),
        (policy.assign, functions_of_first_limits),
        (policy.named_offers, functions_of_offers),
    )
    return [functions() for needed, functions in taken if needed]


def _dues_are_special(policy: m.Policy) -> bool:
    return bool(policy.dues.tolerance_minor or policy.dues.business_days)


def with_numbers(source: str) -> str:
    """A kernel with each constant's number in the place of its name: it does the same, and Python runs it quicker.

    >>> print(with_numbers("LIMIT = 3\\ndef f(s):\\n    return s[LIMIT]"))
    LIMIT = 3
    def f(s):
        return s[3]
    """
    heads = (line for line in source.splitlines() if line[:1].isupper() and " = (" not in line)  # no tuples
    space: dict[str, object] = {}
    exec("\n".join(heads), space)
    numbers = {name: f"({value})" for name, value in space.items() if isinstance(value, int) and value < 0}
    numbers |= {name: str(value) for name, value in space.items() if isinstance(value, int) and value >= 0}
    body = re.compile(r"(?m)^ .*$")  # no variable of a kernel has the name of a constant
    name = re.compile(r"\b[A-Z]\w*")
    return body.sub(lambda line: name.sub(lambda one: numbers.get(one[0], one[0]), line[0]), source)


def digest(source: str) -> str:
    """SHA-256 of a kernel's source."""
    return hashlib.sha256(source.encode()).hexdigest()


def _fixed_numbers(policy: m.Policy, layout: Layout) -> list[str]:
    """What is the same in every kernel, and where the latches begin."""
    lines = [f"DUES_MAX = {DUES_MAX}", f"LATCHES = {layout.latches}", f"LATCH_WIDTH = {LATCH_WIDTH}"]
    lines += [f"{status.name} = {status.value}" for status in Status]
    unused = frozenset() if policy.decides_in_stages else STAGES
    unused |= frozenset() if policy.own_limit else {Action.OWN_CHOICE}
    unused |= frozenset() if policy.assign else {Action.ASSIGN, Action.REFUSE}
    actions = (action for action in Action if action not in unused)
    lines += [f"LINE_DAYS = {layout.line_days}", f"LINE_CHANGES = {layout.line_changes}"] if layout.line_days else []
    return [*lines, *(f"DO_{action.name} = {action.value}" for action in actions)]
