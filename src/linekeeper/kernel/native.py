"""A kernel's functions as machine code, called from Python over int64 arrays.

A call lets go of the interpreter's lock, so several threads run at once on the memory that they share. What a function
is given is checked before it runs; a fault inside it (see `linekeeper.kernel.lowering`) is raised here.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import operator
import threading
from collections.abc import Sequence
from dataclasses import astuple
from functools import cached_property
from typing import Any

import numpy as np

from linekeeper.core.bounds import INT64_MAX, INT64_MIN
from linekeeper.core.errors import KernelError
from linekeeper.kernel import lowering, machine_code, object_cache
from linekeeper.kernel.lowering_expressions import FAULTS, CallFault, symbol
from linekeeper.kernel.machine_code import Code, OptimisationLevel
from linekeeper.kernel.subset import KernelSource, Parameter, Shape, read_source

KEPT_FORMAT = 1  # of a file of kept code: one line of parameters as JSON, then object code
FAULT_WORDS = {
    CallFault.DIVISION_BY_ZERO: "a division by zero",
    CallFault.ASSERTION: "what has to hold does not",
    CallFault.NEGATIVE_SHIFT: "a shift by a count below zero",
    CallFault.INDEX: "an index outside of its row",
}


class KernelFault(KernelError):
    """A compiled kernel ended early. `line` of its source counts from 1; interpreted, Python raises there too."""

    def __init__(self, function: str, fault: CallFault, line: int, text: str) -> None:
        self.function, self.fault, self.line = function, fault, line
        super().__init__(
            f"the kernel's `{function}` stopped at its line {line}, `{text}`: {FAULT_WORDS[fault]}",
            code="kernel-stopped",
            way_out="the kernel is at fault, and no part of the result counts",
            details={"function": function, "fault": fault.name.lower().replace("_", "-"), "line": line},
        )


class ArgumentFault(KernelError):
    """A compiled function was called with something that it does not take."""


class NativeKernel:
    """The functions of one kernel's source as machine code; each is made when it is first asked for.

    Code that is kept on disk is taken from there, optimised code before plain code. Where there is none, plain code is
    made; `optimise` makes better code in the background. Several threads may use one kernel.

    >>> NativeKernel("def twice(a):\\n    return 2 * a\\n").twice(21)
    42
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._lock = threading.Lock()
        self._functions: dict[str, NativeFunction] = {}
        self._optimising: dict[str, threading.Thread] = {}

    def __getattr__(self, name: str) -> NativeFunction:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.function(name)

    def function(self, name: str) -> NativeFunction:
        """One function of the source. Raises `NotInSubset` where it, or what it calls, cannot be lowered."""
        if name not in self._functions:
            with self._lock:
                if name not in self._functions:
                    code, parameters = self._kept(name) or self._make(name, OptimisationLevel.PLAIN)
                    self._functions[name] = NativeFunction(name, parameters, self._text, code)
        return self._functions[name]

    def has(self, name: str) -> bool:
        """Whether a function is ready for use."""
        return name in self._functions

    def is_kept(self, name: str) -> bool:
        """Whether code for a function lies on disk."""
        return any(object_cache.is_kept(self._file_name(name, level)) for level in OptimisationLevel)

    def optimise(self, name: str) -> None:
        """Make optimised code of a function in the background, unless it has it; calls use it from then on.

        A process does not end before the code is made and kept.
        """
        function = self.function(name)
        with self._lock:
            if function.level != OptimisationLevel.OPTIMISED and name not in self._optimising:
                thread = threading.Thread(target=self._optimise, args=(function,), name=f"optimise {name}")
                self._optimising[name] = thread
                thread.start()

    def wait(self) -> None:
        """Wait until nothing is being made in the background."""
        for thread in list(self._optimising.values()):
            thread.join()

    @cached_property
    def _source(self) -> KernelSource:
        return read_source(self._text)

    def _optimise(self, function: NativeFunction) -> None:
        code, _parameters = self._make(function.name, OptimisationLevel.OPTIMISED)
        function.use(code)

    def _kept(self, name: str) -> tuple[Code, tuple[Parameter, ...]] | None:
        """The best code on disk, and what the function takes."""
        for level in sorted(OptimisationLevel, reverse=True):
            content = object_cache.read_kept(self._file_name(name, level))
            if content is not None:
                head, code = content.split(b"\n", 1)
                parameters = (Parameter(named, Shape(shape), *others) for named, shape, *others in json.loads(head))
                return machine_code.load(code, symbol(name), level), tuple(parameters)
        return None

    def _make(self, name: str, level: OptimisationLevel) -> tuple[Code, tuple[Parameter, ...]]:
        """Code made anew. It is kept behind a line of what the function takes, for learning that takes longer."""
        parameters = self._source.functions_for(name)[name].parameters
        code = machine_code.object_code(lowering.lower(self._source, name), level)
        head = json.dumps([astuple(parameter) for parameter in parameters]).encode()
        object_cache.keep(self._file_name(name, level), head + b"\n" + code)
        return machine_code.load(code, symbol(name), level), parameters

    def _file_name(self, name: str, level: OptimisationLevel) -> str:
        """A name made of everything that kept code depends on, so that other code never has the same name."""
        parts = (self._text, name, lowering.LOWERING_VERSION, KEPT_FORMAT, int(level), machine_code.host())
        return f"kernel_{hashlib.sha256(repr(parts).encode()).hexdigest()}.object"


class NativeFunction:
    """One function, called with numbers for numbers, int64[n] for rows and int64[n, m] for tables; gives a number."""

    def __init__(self, name: str, parameters: Sequence[Parameter], text: str, code: Code) -> None:
        self.name, self.parameters, self._text = name, tuple(parameters), text
        read = [parameter for parameter in parameters if parameter.is_read]
        types = [ctypes.c_void_p if place == 0 else ctypes.c_int64 for one in read for place in _places(one.shape)]
        self._prototype = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, *types)
        self.use(code)

    @property
    def level(self) -> OptimisationLevel:
        """How much work went into the code in use."""
        return self._current[0].level

    def use(self, code: Code) -> None:
        """Use other code for the calls that begin from now on."""
        self._current = (code, self._prototype(code.address))

    def __call__(self, *arguments: Any) -> int:
        """Call it. Raises `ArgumentFault` before it runs, `KernelFault` where it ends early."""
        if len(arguments) != len(self.parameters):
            raise ArgumentFault(
                f"`{self.name}` takes {len(self.parameters)} arguments, and was given {len(arguments)}",
                code="argument-does-not-fit",
            )
        _code, function = self._current  # the code is held as long as it runs: its memory goes with it
        status = ctypes.c_int64(0)
        components: list[Any] = [ctypes.addressof(status)]
        for parameter, argument in zip(self.parameters, arguments, strict=True):
            if parameter.is_read:
                components += self._components(parameter, argument)
        result: int = function(*components)
        if status.value:
            line, fault = divmod(status.value, FAULTS)
            raise KernelFault(self.name, CallFault(fault), line, self._text.splitlines()[line - 1].strip())
        return result

    def _components(self, parameter: Parameter, argument: Any) -> tuple[int, ...]:
        """An argument as the function takes it."""
        if parameter.shape == Shape.NUMBER:
            return (self._number(parameter, argument),)
        if not isinstance(argument, np.ndarray):
            raise self._wrong(parameter, "is no array")
        flags = argument.flags
        if argument.dtype != np.int64 or argument.ndim != parameter.shape:
            raise self._wrong(parameter, f"is {argument.dtype} with {argument.ndim} dimensions")
        if not (flags.c_contiguous and flags.aligned):
            raise self._wrong(parameter, "does not lie in one piece")
        if argument.shape[-1] < parameter.length_min:
            raise self._wrong(parameter, f"has {argument.shape[-1]} places of {parameter.length_min}")
        if parameter.is_written and not flags.writeable:
            raise self._wrong(parameter, "cannot be written to")
        return (argument.ctypes.data, *argument.shape)

    def _number(self, parameter: Parameter, argument: Any) -> int:
        try:
            number = operator.index(argument)
        except TypeError:
            raise self._wrong(parameter, "is no whole number") from None
        if not INT64_MIN <= number <= INT64_MAX:
            raise self._wrong(parameter, "does not fit 64 bits")
        return number

    def _wrong(self, parameter: Parameter, what: str) -> ArgumentFault:
        wanted = ("a whole number of 64 bits", "int64[n] in one piece", "int64[n, m] in one piece")[parameter.shape]
        writable = ", writable" if parameter.is_written else ""
        return ArgumentFault(
            f"`{parameter.name}` of `{self.name}` {what}",
            code="argument-does-not-fit",
            way_out=f"it takes {wanted}{writable}",
        )


def _places(shape: Shape) -> range:
    """The components of a shape; the first of a row or a table is its address."""
    return range(1, 2) if shape == Shape.NUMBER else range(1 + shape)
