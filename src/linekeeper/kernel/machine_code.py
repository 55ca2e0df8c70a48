"""LLVM's assembly made into object code for this processor, and object code brought into this process.

Both settings of the optimiser give the same results; the one is made in a fraction of a second, the other takes
several times as long and runs several times as fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm

# How LLVM marks a function that becomes a part of its caller, and one that must not.
JOINED, ALONE = "alwaysinline", "noinline"


class OptimisationLevel(IntEnum):
    """How much work goes into object code: LLVM's levels of optimisation."""

    PLAIN = 0
    OPTIMISED = 2


@dataclass(frozen=True)
class Host:
    """The processor that code is made for, and what makes it: code of one host is of no use to another."""

    triple: str
    processor: str
    features: str
    compiler: str


@dataclass(frozen=True)
class Code:
    """A function in this process, at `address`; it stays there as long as `engine` is held."""

    address: int
    level: OptimisationLevel
    engine: Any


@cache
def host() -> Host:
    """This machine, as LLVM sees it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    compiler = f"llvmlite {llvmlite.__version__}, LLVM {'.'.join(map(str, llvm.llvm_version_info))}"
    processor, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return Host(llvm.get_process_triple(), processor, features, compiler)


def _machine(level: OptimisationLevel) -> Any:
    here = host()
    target = llvm.Target.from_triple(here.triple)
    return target.create_target_machine(cpu=here.processor, features=here.features, opt=int(level), jit=True)


def object_code(text: str, level: OptimisationLevel) -> bytes:
    """Object code of a module in LLVM's assembly, whose inner functions are marked `JOINED`."""
    machine = _machine(level)
    if level != OptimisationLevel.PLAIN:
        # Each function is optimised by itself before all of them become one: the whole then runs some 3 % faster.
        text = _optimised(text.replace(JOINED, ALONE), machine, level).replace(ALONE, JOINED)
        text = _optimised(text, machine, level)
    with llvm.create_context() as context, llvm.parse_assembly(text, context) as module:
        module.verify()
        code: bytes = machine.emit_object(module)
    return code


def _optimised(text: str, machine: Any, level: OptimisationLevel) -> str:
    """A module after all of the optimiser's passes, in LLVM's assembly."""
    options = llvm.create_pipeline_tuning_options(speed_level=int(level))
    options.slp_vectorization = True  # features are written side by side
    options.loop_unrolling = False  # a kernel's loops take a turn or two, so unrolled they only grow
    passes = llvm.create_pass_builder(machine, options)
    with llvm.create_context() as context, llvm.parse_assembly(text, context) as module:
        module.verify()
        passes.getModulePassManager().run(module, passes)
        return str(module)


def load(code: bytes, symbol: str, level: OptimisationLevel) -> Code:
    """Bring object code into this process. What it holds is trusted: it must be what `object_code` gave."""
    # The empty module stands in LLVM's global context, which outlives every engine: where engine and context end in one
    # round of garbage collection, Python may free the context first.
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(level))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Code(engine.get_function_address(symbol), level, engine)
