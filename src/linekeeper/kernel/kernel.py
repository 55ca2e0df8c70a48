"""A policy's kernel, ready to run: on lists, interpreted, or on int64 arrays, as machine code.

Both run the same generated source, so they agree bit for bit (law 2). Machine code is made in two settings with the
same results: plain code at once, and optimised code in the background for long work. Both are kept on disk.
"""

from __future__ import annotations

import re
import threading
import time
import types
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import Refused
from linekeeper.core.formats import EDITION
from linekeeper.kernel.calendar import Calendar, Offsets, calendar
from linekeeper.kernel.emit import digest, emit, with_numbers
from linekeeper.policy.model import Policy
from linekeeper.scorecard.trees import nodes_of_paths

if TYPE_CHECKING:
    from linekeeper.kernel.native import NativeKernel

# Evaluations from which machine code is the quicker way: where it is in use, where it lies on disk, and where it is yet
# to be made. Measured in CPU time on `consumer-loan`: an evaluation costs 12 us interpreted and 0.6 us in plain code;
# plain code takes 0.45 s to make and 0.06 s to load, LLVM included; a call of it costs what three evaluations do.
WORTH_USING, WORTH_LOADING, WORTH_COMPILING = 10, 5_000, 40_000

# Evaluations from which optimised code, at 0.15 us each, is made in the background. It takes some 2 s of another core,
# so work of some 4,000,000 gains by it at once; less gains the next time, for the code is kept.
WORTH_OPTIMISING = 1_000_000

# Ten times what the shipped policies need. A book of a million accounts in bulk, or one evaluation, stays bearable.
STATE_BYTES_MAX, SOURCE_LINES_MAX = 1 << 18, 30_000

EVALUATIONS_MEASURED, LIMIT_MEASURED = 200, 1_000_000  # days of an account without events, and its limit

_ROW_OF_NUMBERS = re.compile(r"(?m)^    [-\d, ]+$")
NODES_PER_EVALUATION = 100  # of a card's trees: passing so many takes as long as an evaluation without trees

Made = TypeVar("Made")
_MAKING = threading.RLock()  # one thread makes a kernel or a part of it; the others wait and take what it made


class MadeOnce(Generic[Made]):
    """A part of an object that is made when it is first asked for, by one thread, and is then kept in the object.

    The library's `cached_property` makes it again in each thread that asks before the first is done (from Python 3.12
    on): machine code then would be made twice, and background work be begun twice.
    """

    def __init__(self, make: Callable[[Any], Made]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> MadeOnce[Made]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Made: ...

    def __get__(self, instance: object | None, owner: type) -> MadeOnce[Made] | Made:
        if instance is None:
            return self
        with _MAKING:
            kept: dict[str, Any] = vars(instance)  # what is kept there is found before this method is asked again
            if self._name not in kept:
                kept[self._name] = self._make(instance)
            made: Made = kept[self._name]
            return made


class KernelCost(NamedTuple):
    """Bytes that the state of an account takes while it is worked on, and lines of the generated kernel.

    Lines that hold nothing but the numbers of a row, as a card's trees have them, are data and are not counted.
    """

    state_bytes: int
    source_lines: int


class Kernel:
    """The kernel of one policy. `source` is what decides; `digest` its SHA-256.

    An older edition of the language is emitted as it was, so that what was decided under it can be derived again.

    States are flat: `layout.size` ints for an account, all zero before it is opened.
    """

    def __init__(self, policy: Policy, edition: int = EDITION, offsets: Offsets | None = None) -> None:
        """Raises Refused where the policy would cost more than an account or an evaluation may."""
        self.policy, self.edition, self._offsets = policy, edition, offsets
        self.source, self.layout, self.shape = emit(policy, edition)
        self.digest = digest(self.source)
        self._demand_cost("state_bytes", STATE_BYTES_MAX, "bytes of state for each account")
        self._demand_cost("source_lines", SOURCE_LINES_MAX, "lines of kernel")

    @property
    def cost(self) -> KernelCost:
        """What the policy costs, whatever the machine."""
        rows = len(_ROW_OF_NUMBERS.findall(self.source))
        return KernelCost(8 * self.layout.size, self.source.count("\n") - rows)

    def evaluation_us(self) -> int:
        """Microseconds of one evaluation in plain Python on this machine: the mean of an account's first days."""
        run, state, out = self.interpreted, self.new_state(), self.new_row()
        opening = self.policy.kind("open")
        fields = tuple(LIMIT_MEASURED if field.name == "limit" else MISSING for field in opening.fields)
        run.step(state, out, 0, 0, opening.number, (*fields, 0))  # what has no id has a mark of 0
        began = time.perf_counter_ns()
        for day in range(1, EVALUATIONS_MEASURED + 1):
            run.review(state, out, day)
        return max(1, round((time.perf_counter_ns() - began) / EVALUATIONS_MEASURED / 1_000))

    def _demand_cost(self, what: str, most: int, named: str) -> None:
        count = getattr(self.cost, what)
        if count > most:
            raise Refused(
                f"the policy `{self.policy.name}` needs {count:,} {named}, and {most:,} are the most",
                code="policy-too-costly",
                way_out="measure over shorter windows, or in larger steps, or fewer things",
                details={"policy": self.policy.name, what: count},
            )

    @property
    def offsets(self) -> Offsets | None:
        """The clock that the kernel was made with; None: that of this machine."""
        return self._offsets

    @property
    def calendar(self) -> Calendar:
        """The clock of the policy's time zone, by the rules of this machine or those that the kernel was made with."""
        zone = self.policy.time_zone
        return calendar(zone) if self._offsets is None else calendar(zone, self._offsets)

    @MadeOnce
    def interpreted(self) -> types.SimpleNamespace:
        """The kernel's functions as plain Python, over lists of ints."""
        names: dict[str, Any] = {"__name__": f"kernel_{self.digest[:12]}"}
        exec(compile(with_numbers(self.source), f"<kernel {self.policy.name}>", "exec"), names)
        return types.SimpleNamespace(**names)

    @MadeOnce
    def compiled(self) -> NativeKernel:
        """The kernel's functions as machine code, over int64 arrays; each is made on first use, then kept on disk."""
        from linekeeper.kernel.native import NativeKernel  # LLVM takes a while to load; one event does not wait for it

        return NativeKernel(self.source)

    def is_worth_compiling(self, evaluations: int) -> bool:
        """Whether machine code is the quicker way to about so many evaluations."""
        evaluations *= self._evaluation_weight
        if "compiled" in self.__dict__ and self.compiled.has("replay"):
            return evaluations >= WORTH_USING
        return evaluations >= WORTH_COMPILING or (evaluations >= WORTH_LOADING and self.compiled.is_kept("replay"))

    @MadeOnce
    def _evaluation_weight(self) -> int:
        """How many times as long an evaluation takes as one without trees."""
        trees = self.policy.score.trees if self.policy.score else ()
        return 1 + sum(map(nodes_of_paths, trees)) // NODES_PER_EVALUATION

    def compile_if_worth(self, evaluations: int) -> None:
        """Have machine code at hand where it is worth it for all of these together, though not for a part alone."""
        if self.is_worth_compiling(evaluations):
            self.compile_for(evaluations)

    def compile_for(self, evaluations: int) -> None:
        """Have machine code of `replay` at hand; for very many evaluations, better code follows in the background."""
        self.compiled.function("replay")
        if evaluations >= WORTH_OPTIMISING:
            self.compiled.optimise("replay")

    def new_state(self) -> list[int]:
        """The state of an account before its first event."""
        return [0] * self.layout.size

    def new_row(self) -> list[int]:
        """An empty output row."""
        return [0] * self.shape.width


def kernel_of(policy: Policy, edition: int = EDITION, offsets: Offsets | None = None) -> Kernel:
    """The kernel of a policy under that edition of the language, made once a process, whatever threads ask for it.

    `offsets`: the clock that it goes by, where that is not what this machine has for its time zone.
    """
    with _MAKING:
        return _kernel_of(policy, edition, offsets)


@lru_cache(maxsize=32)
def _kernel_of(policy: Policy, edition: int, offsets: Offsets | None) -> Kernel:
    return Kernel(policy, edition, offsets)
