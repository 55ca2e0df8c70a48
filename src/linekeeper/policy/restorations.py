"""The section `restoration`: one schedule by which a limit comes back, or several with names.

Where there are several, each has what its own triggers leave, and the limit is the lowest of these: section 7 of the
language reference.
"""

from __future__ import annotations

from linekeeper.policy import model as m
from linekeeper.policy.allowances import check_allow
from linekeeper.policy.checker import DAYS_MAX
from linekeeper.policy.reader import Reader
from linekeeper.policy.sections import Numbers, needed
from linekeeper.policy.source import Node, Scalar, Table

SCHEDULE_KEYS = ("first", "step", "every", "while", "allow")
SCHEDULES_MAX = 6
WHOLE_BP = 10_000


def schedules_written(node: Node | None) -> tuple[tuple[Scalar, Node], ...]:
    """The schedules that have names, in the order of the file; none where there is only one, without a name."""
    if not isinstance(node, Table) or any(key.text in SCHEDULE_KEYS for key, _ in node.entries):
        return ()
    return node.entries


def read_restorations(
    node: Node | None, triggers: tuple[m.Trigger, ...], reader: Reader, where: Node
) -> tuple[m.Restoration, ...]:
    """How a limit comes back; required where a trigger that is not terminal caps it.

    `where` is the place of the fault where it is required and absent.
    """
    if node is None:
        lowering = next((t.name for t in triggers if t.caps_limit and not t.terminal), None)
        if lowering:
            message = f"the trigger `{lowering}` lowers the limit and there is no `restoration`"
            reader.faults.add(where, message, "add `restoration: {first: 40%, step: 20%, every: 30d}`")
        return ()
    table = reader.table(node, "`restoration`")
    written = schedules_written(table)
    if not written:
        return (_schedule(table, reader),)
    if len(written) > SCHEDULES_MAX:
        message = f"there are {len(written)} schedules of restoration, at most {SCHEDULES_MAX} are possible"
        reader.faults.add(table, message, "let several triggers name one")
    return tuple(_named_schedule(key, value, reader) for key, value in written)


def _named_schedule(key: Scalar, node: Node, reader: Reader) -> m.Restoration:
    name = reader.name(key, "the schedule")
    return _schedule(reader.table(node, f"the schedule `{name}`"), reader, name)


def _schedule(table: Table, reader: Reader, name: str = "") -> m.Restoration:
    """One schedule. What brings the whole limit back with its first step needs no further ones."""
    reader.only(table, SCHEDULE_KEYS)
    check_allow(table.get("allow"), reader.faults)
    numbers = Numbers(reader)
    first = numbers.of("first_bp", needed(table, "first", reader), "share", (0, WHOLE_BP), min)
    at_once = bool(name) and first == WHOLE_BP
    step, every = (table.get(key) if at_once else needed(table, key, reader) for key in ("step", "every"))
    condition = table.get("while")
    return m.Restoration(
        first,
        WHOLE_BP if at_once and step is None else numbers.of("step_bp", step, "share", (1, WHOLE_BP), min),
        numbers.of("every_days", every, "days", (1, DAYS_MAX), max),
        reader.condition(condition) if condition is not None else None,
        tuple(numbers.by_segment),
        name,
    )
