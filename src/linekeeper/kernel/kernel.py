"""A policy's kernel, ready to run: on lists, interpreted, or on int64 arrays, compiled by Numba.

Both run the same generated source, so they agree bit for bit (law 2). Compiled code is cached on disk under the
hash of the source: `LINEKEEPER_CACHE`, else `~/.cache/linekeeper`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import types
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from linekeeper.core.errors import LinekeeperError
from linekeeper.kernel.calendar import Calendar, calendar
from linekeeper.kernel.emit import digest, emit, with_numbers
from linekeeper.policy.model import Policy

# The functions make no arrays, only views of what the caller holds, so they do without counting references (`_nrt`):
# that takes a quarter off each event. One function of them all (`forceinline`) takes off another third.
COMPILER: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False, "forceinline": True}

# Functions that are called with constants: Numba would compile a copy for each, where it is not told the types.
TYPED_CONSTANTS = (
    *("share_of", "percent", "greatest", "make_room", "falls_below", "fades_below", "latch", "latch_next"),
    *("pay_dues", "add_due", "sum_past_due", "decide_line"),
)


# Looks from which compiled code is the quicker way: where it is in use, where it lies on disk (loading takes half a
# second), and where it is yet to be made (some 15 seconds for a large policy, once).
WORTH_USING, WORTH_LOADING, WORTH_COMPILING = 50, 30_000, 300_000


class Kernel:
    """The kernel of one policy. `source` is what decides; `digest` its SHA-256.

    States are flat: `layout.size` ints for an account, all zero before it is opened.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.source, self.layout, self.shape = emit(policy)
        self.digest = digest(self.source)

    @property
    def calendar(self) -> Calendar:
        """The clock of the policy's time zone."""
        return calendar(self.policy.time_zone)

    @cached_property
    def interpreted(self) -> types.SimpleNamespace:
        """The kernel's functions as plain Python, over lists of ints."""
        names: dict[str, Any] = {"__name__": f"kernel_{self.digest[:12]}"}
        exec(compile(with_numbers(self.source), f"<kernel {self.policy.name}>", "exec"), names)
        return types.SimpleNamespace(**names)

    @cached_property
    def compiled(self) -> Any:
        """The kernel's functions compiled, over int64 arrays; made on first use, then cached on disk."""
        import numba

        module = _import(self._source_file())
        for name, thing in list(vars(module).items()):
            if isinstance(thing, types.FunctionType):
                setattr(module, name, numba.njit(**COMPILER)(thing))
        for name in TYPED_CONSTANTS:
            function = getattr(module, name)
            function.compile(_signature(function.py_func))
            function.disable_compile()
        return module

    @property
    def is_compiled(self) -> bool:
        """Whether `compiled` is ready for use."""
        return "compiled" in self.__dict__

    @property
    def is_kept(self) -> bool:
        """Whether compiled code lies on disk."""
        path = self._source_path()
        return any(path.parent.glob(f"__pycache__/{path.stem}.replay-*.nbi"))

    def is_worth_compiling(self, evaluations: int) -> bool:
        """Whether compiled code is the quicker way to about so many looks."""
        if self.is_compiled:
            return evaluations >= WORTH_USING
        return evaluations >= WORTH_COMPILING or (evaluations >= WORTH_LOADING and self.is_kept)

    def _source_path(self) -> Path:
        """Where the source stands on disk: under its hash and that of the compiler's settings."""
        return cache_folder() / f"kernel_{digest(self.source + repr(COMPILER))}.py"

    def _source_file(self) -> Path:
        """The source on disk; rewritten where its text is wrong."""
        path = self._source_path()
        if not path.exists() or path.read_text("utf-8") != self.source:
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self.source)
            os.replace(name, path)
        return path

    def new_state(self) -> list[int]:
        """The state of an account before its first event."""
        return [0] * self.layout.size

    def new_row(self) -> list[int]:
        """An empty output row."""
        return [0] * self.shape.width


def _signature(function: types.FunctionType) -> str:
    """The types for which a function is compiled."""
    known = {"s": "int64[::1]", "out": "int64[::1]", "when": "boolean", "clear": "boolean"}
    known |= {"ring": "UniTuple(int64, 4)", "terms": "UniTuple(int64, 4)"}
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return "(" + ", ".join(known.get(name, "int64") for name in names) + ")"


@lru_cache(maxsize=32)
def kernel_of(policy: Policy) -> Kernel:
    """The kernel of a policy, made once a process."""
    return Kernel(policy)


def cache_folder() -> Path:
    """Where compiled kernels are kept; made where absent."""
    folder = Path(os.environ.get("LINEKEEPER_CACHE") or Path.home() / ".cache" / "linekeeper")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cause = str(error.strerror).lower()
        raise LinekeeperError(
            f"compiled policies cannot be kept in `{folder}`: {cause}; name another folder in LINEKEEPER_CACHE"
        ) from None
    return folder


def _import(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Numba's cache finds the functions' module by its name
    spec.loader.exec_module(module)
    return module
