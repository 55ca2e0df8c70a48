"""Lowering the expressions of a kernel's function: each gives a number, a row or a table, or ends in a fault.

What each construct means stands in `lowering`, which lowers the statements around them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum

from llvmlite import ir

from linekeeper.kernel.subset import (
    KernelSource,
    Shape,
    SourceFunction,
    constant_value,
    length_for,
    refused,
)

INT = ir.IntType(64)
POINTER = INT.as_pointer()
RESULT = ir.LiteralStructType((INT, INT))  # a number, and the fault that ended the call
COMPONENTS: Mapping[Shape, Sequence[ir.Type]] = {
    Shape.NUMBER: (INT,),
    Shape.ROW: (POINTER, INT),  # first number, length
    Shape.TABLE: (POINTER, INT, INT),  # first number, rows, columns; the rows lie one after the other
}
COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}

Value = Sequence[ir.Value]  # the components of what an expression holds


class CallFault(IntEnum):
    """Why a call ended early. What stands for it is `line * FAULTS + fault`."""

    DIVISION_BY_ZERO = 1
    ASSERTION = 2
    NEGATIVE_SHIFT = 3
    INDEX = 4


FAULTS = 8
NO_FAULT = INT(0)


def symbol(name: str) -> str:
    """The name of a function in object code."""
    return f"kernel_{name}"


class ModuleLowering:
    """The functions and constant rows of a kernel that have been lowered so far."""

    def __init__(self, source: KernelSource) -> None:
        self.constants = source.constants
        self.module = ir.Module(name="kernel")
        self.functions: dict[str, SourceFunction] = {}
        self.declared: dict[str, ir.Function] = {}
        self.can_fail: set[str] = set()
        self.rows: dict[str, ir.GlobalVariable] = {}

    def add_entry(self, name: str) -> None:
        """What is called from outside: it gives the number, and writes the fault to the cell of its first argument."""
        types = [POINTER, *components_of(self.functions[name])]
        entry = ir.Function(self.module, ir.FunctionType(INT, types), name=symbol(name))
        builder = ir.IRBuilder(entry.append_basic_block("entry"))
        components = iter(entry.args[1:])
        for parameter in self.functions[name].parameters:
            handed = [next(components) for _ in COMPONENTS[parameter.shape]] if parameter.is_read else []
            if parameter.length_min:  # the caller has seen to it; told so, the optimiser leaves out some checks
                builder.assume(builder.icmp_unsigned(">=", handed[-1], INT(parameter.length_min)))
        result = builder.call(self.declared[name], entry.args[1:])
        builder.store(builder.extract_value(result, 1), entry.args[0])
        builder.ret(builder.extract_value(result, 0))

    def constant_row(self, name: str) -> Value:
        """A constant tuple, as a row."""
        numbers = self.constants[name]
        assert isinstance(numbers, tuple)
        if name not in self.rows:
            row = ir.GlobalVariable(self.module, ir.ArrayType(INT, len(numbers)), name=f"row_{name}")
            # As text at once: a constant object for each number would take as long as all the rest of a large row.
            row.initializer = ir.FormattedConstant(row.type.pointee, f"[{', '.join(f'i64 {one}' for one in numbers)}]")
            row.global_constant, row.linkage = True, "internal"
            self.rows[name] = row
        return self.rows[name].gep([INT(0), INT(0)]), INT(len(numbers))


def components_of(function: SourceFunction) -> list[ir.Type]:
    """The types of what a function is handed."""
    return [part for one in function.parameters if one.is_read for part in COMPONENTS[one.shape]]


class ExpressionLowering:
    """Lowers the expressions of one function into the block that the builder stands in."""

    def __init__(self, module: ModuleLowering, function: SourceFunction, declared: ir.Function) -> None:
        self.module, self.function, self.declared = module, function, declared
        self.constants = {n: v for n, v in module.constants.items() if n not in function.shapes}
        self.entry = declared.append_basic_block("entry")
        self.builder = ir.IRBuilder(self.entry)
        self.can_fail = False
        self.assigned: set[str] = set()
        self.loops: list[tuple[ir.Block, ir.Block]] = []  # where `continue` and `break` go
        self.cells = {name: [self._cell(part) for part in COMPONENTS[shape]] for name, shape in function.shapes.items()}

    def _cell(self, kind: ir.Type) -> ir.Value:
        """Room for a value in the function's frame."""
        with self.builder.goto_block(self.entry):
            return self.builder.alloca(kind)

    # ------------------------------------------------------------------ expressions

    def _value(self, node: ast.expr, shape: Shape) -> Value:
        """What an expression holds, where it has to hold that shape."""
        if shape == Shape.NUMBER:
            return [self._number(node)]
        match node:
            case ast.Name(id=name) if self.function.shapes.get(name) == shape:
                self._check_assigned(node)
                return [self.builder.load(cell) for cell in self.cells[name]]
            case ast.Name(id=name) if shape == Shape.ROW and isinstance(self.constants.get(name), tuple):
                return self.module.constant_row(name)
            case ast.Subscript() if shape == Shape.ROW:
                return self._row_of_table(node)
            case ast.IfExp():
                return self._choose(node, shape)
        raise refused(node, f"is no {shape.name.lower()}, where one is needed")

    def _number(self, node: ast.expr) -> ir.Value:
        """The number that an expression gives."""
        constant = constant_value(node, self.constants)
        if isinstance(constant, int):
            return INT(constant)
        match node:
            case ast.Name(id=name) if self.function.shapes.get(name) == Shape.NUMBER:
                self._check_assigned(node)
                return self.builder.load(self.cells[name][0])
            case ast.Subscript():
                return self.builder.load(self._address(node))
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(node, op, self._number(left), self._number(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.builder.neg(self._number(operand))
            case ast.UnaryOp(op=ast.Not()) | ast.Compare():
                return self._truth(node)
            case ast.BoolOp():
                return self._decide(node)
            case ast.IfExp():
                return self._choose(node, Shape.NUMBER)[0]
            case ast.Call():
                return self._call_for_number(node)
        raise refused(node)

    def _branch(self, node: ast.expr, then: ir.Block, otherwise: ir.Block) -> None:
        """Go to one block where an expression is not 0, to the other where it is."""
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._branch(operand, otherwise, then)
            case ast.BoolOp(op=op, values=[*values, last]):
                for value in values:
                    following = self._new_block("following")
                    self._branch(value, *((following, otherwise) if isinstance(op, ast.And) else (then, following)))
                    self.builder.position_at_end(following)
                self._branch(last, then, otherwise)
            case ast.Compare(ops=[_]):
                (holds,) = self._links(node)
                self.builder.cbranch(holds, then, otherwise)
            case ast.Compare():
                for holds in self._links(node):
                    following = self._new_block("following")
                    self.builder.cbranch(holds, following, otherwise)
                    self.builder.position_at_end(following)
                self.builder.branch(then)
            case _:
                self.builder.cbranch(self._is(self._number(node), "!=", 0), then, otherwise)

    def _links(self, node: ast.Compare) -> Iterator[ir.Value]:
        """The links of a chain of comparisons. Each operand is evaluated once, and not before its link is asked for."""
        if not all(type(op) in COMPARISONS for op in node.ops):
            raise refused(node)
        left = self._number(node.left)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self._number(comparator)
            yield self.builder.icmp_signed(COMPARISONS[type(op)], left, right)
            left = right

    def _truth(self, node: ast.expr) -> ir.Value:
        """1 where an expression is not 0, and 0 where it is."""
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            (only,) = self._links(node)
            return self.builder.zext(only, INT)
        result = self._cell(INT)
        holds, fails, after = (self._new_block(name) for name in ("holds", "fails", "after"))
        self._branch(node, holds, fails)
        for block, number in ((holds, 1), (fails, 0)):
            self.builder.position_at_end(block)
            self.builder.store(INT(number), result)
            self.builder.branch(after)
        self.builder.position_at_end(after)
        return self.builder.load(result)

    def _decide(self, node: ast.BoolOp) -> ir.Value:
        """The operand that decides an `and` or an `or`."""
        result, after = self._cell(INT), self._new_block("decided")
        for operand in node.values:
            value, following = self._number(operand), self._new_block("undecided")
            self.builder.store(value, result)
            ways = (following, after) if isinstance(node.op, ast.And) else (after, following)
            self.builder.cbranch(self._is(value, "!=", 0), *ways)
            self.builder.position_at_end(following)
        self.builder.branch(after)
        self.builder.position_at_end(after)
        return self.builder.load(result)

    def _choose(self, node: ast.IfExp, shape: Shape) -> Value:
        """What the chosen operand of a conditional expression holds."""
        result = [self._cell(part) for part in COMPONENTS[shape]]
        then, otherwise, after = self._new_block("then"), self._new_block("else"), self._new_block("chosen")
        self._branch(node.test, then, otherwise)
        for block, operand in ((then, node.body), (otherwise, node.orelse)):
            self.builder.position_at_end(block)
            for cell, part in zip(result, self._value(operand, shape), strict=True):
                self.builder.store(part, cell)
            self.builder.branch(after)
        self.builder.position_at_end(after)
        return [self.builder.load(cell) for cell in result]

    def _arithmetic(self, node: ast.AST, op: ast.operator, a: ir.Value, b: ir.Value) -> ir.Value:
        match op:
            case ast.Add():
                return self.builder.add(a, b)
            case ast.Sub():
                return self.builder.sub(a, b)
            case ast.Mult():
                return self.builder.mul(a, b)
            case ast.BitAnd():
                return self.builder.and_(a, b)
            case ast.BitOr():
                return self.builder.or_(a, b)
            case ast.BitXor():
                return self.builder.xor(a, b)
            case ast.FloorDiv() | ast.Mod():
                return self._divide(node, a, b, isinstance(op, ast.FloorDiv))
            case ast.LShift() | ast.RShift():
                return self._shift(node, a, b, isinstance(op, ast.LShift))
        raise refused(node)

    def _divide(self, node: ast.AST, a: ir.Value, b: ir.Value, wants_quotient: bool) -> ir.Value:
        """Quotient or remainder, rounded down; the processor's own rounds towards 0."""
        if _is_constant(b, lambda number: number > 0):
            return self._divide_by_positive(a, b, wants_quotient)
        if not _is_constant(b, lambda number: number < -1):
            self._fail_unless(self._is(b, "!=", 0), CallFault.DIVISION_BY_ZERO, node)
            # -2^63 // -1 traps in the processor: -1 is handled as the negation that it is, modulo 2^64.
            by_minus_one = self._is(b, "==", -1)
            divisor = self.builder.select(by_minus_one, INT(1), b)
            dividend = self.builder.select(by_minus_one, self.builder.neg(a), a)
        else:
            dividend, divisor = a, b
        remainder = self.builder.srem(dividend, divisor)
        other_sign = self._is(self.builder.xor(remainder, divisor), "<", 0)
        is_above = self.builder.and_(self._is(remainder, "!=", 0), other_sign)
        if wants_quotient:
            quotient = self.builder.sdiv(dividend, divisor)
            return self.builder.select(is_above, self.builder.sub(quotient, INT(1)), quotient)
        return self.builder.select(is_above, self.builder.add(remainder, divisor), remainder)

    def _divide_by_positive(self, a: ir.Value, b: ir.Constant, wants_quotient: bool) -> ir.Value:
        """The same by a constant above 0: nearly all divisions are, and this takes half the steps."""
        # `~x` is `-x - 1`, so floor(a / b) is ~(~a // b) where a is below 0: both divide what is not below 0.
        sign = self.builder.ashr(a, INT(63))  # 0, or -1 below 0; `^ -1` is `~`
        magnitude = self.builder.xor(a, sign)
        if wants_quotient:
            return self.builder.xor(self.builder.udiv(magnitude, b), sign)
        remainder = self.builder.xor(self.builder.urem(magnitude, b), sign)
        return self.builder.add(remainder, self.builder.and_(b, sign))

    def _shift(self, node: ast.AST, a: ir.Value, count: ir.Value, is_left: bool) -> ir.Value:
        """A shift; from 64 places on nothing is left of the number but, to the right, its sign."""
        if not _is_constant(count, lambda number: 0 <= number < 64):
            self._fail_unless(self._is(count, ">=", 0), CallFault.NEGATIVE_SHIFT, node)
        within = self._is(count, "<", 64)
        places = self.builder.select(within, count, INT(63))
        if is_left:
            return self.builder.select(within, self.builder.shl(a, places), INT(0))
        return self.builder.ashr(a, places)

    # ------------------------------------------------------------------ rows

    def _address(self, node: ast.Subscript) -> ir.Value:
        """Where a number of a row stands."""
        first, length = self._value(node.value, Shape.ROW)
        is_bounded = length_for(node.slice, self.constants) is not None  # then whoever handed the row over saw to it
        index = self._number(node.slice) if is_bounded else self._index(node, length)
        return self.builder.gep(first, [index], inbounds=True)

    def _row_of_table(self, node: ast.Subscript) -> Value:
        first, rows, columns = self._value(node.value, Shape.TABLE)
        place = self.builder.mul(self._index(node, rows), columns)
        return self.builder.gep(first, [place], inbounds=True), columns

    def _index(self, node: ast.Subscript, length: ir.Value) -> ir.Value:
        index = self._number(node.slice)
        self._fail_unless(self.builder.icmp_unsigned("<", index, length), CallFault.INDEX, node)
        return index

    def _shape_of(self, node: ast.expr) -> Shape:
        """What an expression holds, where nothing says what it has to hold."""
        match node:
            case ast.Name(id=name):
                return self.function.shapes.get(name, Shape.NUMBER)
            case ast.Subscript(value=value):
                return Shape(max(self._shape_of(value) - 1, 0))
            case ast.IfExp(body=body):
                return self._shape_of(body)
        return Shape.NUMBER

    def _check_assigned(self, node: ast.Name) -> None:
        if node.id not in self.assigned:
            raise refused(node, "may be read before it is set")

    # ------------------------------------------------------------------ calls

    def _call_for_number(self, node: ast.Call) -> ir.Value:
        name = ast.unparse(node.func)
        if name in self.module.functions and not self.module.functions[name].returns:
            raise refused(node, "gives no value, where one is needed")
        return self._call(node)

    def _call(self, node: ast.Call) -> ir.Value:
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise refused(node, "has more than plain arguments")
        called = ast.unparse(node.func)
        if called in self.function.shapes or called in self.constants:
            raise refused(node, "calls what is no function")
        match node:
            case _ if called in self.module.functions:
                return self._call_function(node, called)
            case ast.Call(func=ast.Name(id="int"), args=[argument]):
                return self._number(argument)
            case ast.Call(func=ast.Name(id="len"), args=[argument]):
                return self._length(argument)
            case ast.Call(func=ast.Name(id="min" | "max" as name), args=[first, *rest]) if rest:
                best = self._number(first)
                for argument in rest:
                    value = self._number(argument)
                    is_better = self.builder.icmp_signed("<" if name == "min" else ">", value, best)
                    best = self.builder.select(is_better, value, best)
                return best
        raise refused(node)

    def _length(self, node: ast.expr) -> ir.Value:
        is_table = isinstance(node, ast.Name) and self.function.shapes.get(node.id) == Shape.TABLE
        return self._value(node, Shape.TABLE if is_table else Shape.ROW)[1]

    def _call_function(self, node: ast.Call, name: str) -> ir.Value:
        parameters = self.module.functions[name].parameters
        if len(parameters) != len(node.args):
            raise refused(node, f"has {len(node.args)} arguments, where `{name}` takes {len(parameters)}")
        components: list[ir.Value] = []
        for parameter, argument in zip(parameters, node.args, strict=True):
            if parameter.is_read:
                components += self._value(argument, parameter.shape)
            elif not isinstance(argument, ast.Name | ast.Constant):
                self._value(argument, self._shape_of(argument))  # it may call, or fail
        result = self.builder.call(self.module.declared[name], components)
        if name in self.module.can_fail:
            fault = self.builder.extract_value(result, 1)
            self._leave_unless(self._is(fault, "==", 0), fault)
        return self.builder.extract_value(result, 0)

    def _is(self, value: ir.Value, how: str, number: int) -> ir.Value:
        return self.builder.icmp_signed(how, value, INT(number))

    def _new_block(self, name: str) -> ir.Block:
        return self.declared.append_basic_block(name)

    # ------------------------------------------------------------------ faults

    def _leave(self, number: ir.Value, fault: ir.Value = NO_FAULT) -> None:
        """Return from the function."""
        first = self.builder.insert_value(ir.Constant(RESULT, ir.Undefined), number, 0)
        self.builder.ret(self.builder.insert_value(first, fault, 1))

    def _fault(self, fault: CallFault, node: ast.AST) -> ir.Value:
        """What stands for a fault in the line of a node."""
        return INT(getattr(node, "lineno", 0) * FAULTS + fault)

    def _fail_unless(self, holds: ir.Value, fault: CallFault, node: ast.AST) -> None:
        """End the call where something does not hold."""
        self._leave_unless(holds, self._fault(fault, node))

    def _leave_unless(self, holds: ir.Value, fault: ir.Value) -> None:
        failed, passed = self._new_block("failed"), self._new_block("passed")
        self.builder.cbranch(holds, passed, failed).set_weights([2**20, 1])
        self._leave_in(failed, fault)
        self.builder.position_at_end(passed)

    def _leave_in(self, block: ir.Block, fault: ir.Value) -> None:
        self.can_fail = True
        self.builder.position_at_end(block)
        self._leave(INT(0), fault)


def _is_constant(value: ir.Value, holds: Callable[[int], bool]) -> bool:
    """Whether a value is constant, and a number for which something holds."""
    return isinstance(value, ir.Constant) and holds(value.constant)
