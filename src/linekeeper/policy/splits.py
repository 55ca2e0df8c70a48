"""Splits: accounts parted into arms by a hash of their id, each arm with its own numbers, tables and triggers.

Section 5.4 of the language reference. The arm is a value of the account: whatever a policy may ask of a word of a list,
it may ask of the arm, and a decision records it beside the share of accounts that have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.reader import Reader
from linekeeper.policy.scope import Checked
from linekeeper.policy.source import Faults, Listing, Node, Scalar, Table

SPLIT_KEYS = ("salt", "arms")
ARM_KEYS = ("share", "set", "tables", "triggers", "without")
SPLITS_MAX, ARMS_MAX, RULE_CELLS_MAX = 4, 8, 120
SALT_MAX = 60
FULL_BP = 10_000


@dataclass(frozen=True, slots=True)
class ArmPlace:
    """One arm of one split: the places of both, and the name of the split."""

    split: int
    arm: int
    name: str


@dataclass
class ArmChanges:
    """What the arms of a policy change: parameters and tables by name, each with the arms and what stands there."""

    params: dict[str, list[tuple[ArmPlace, Scalar, Node]]] = field(default_factory=dict)
    tables: dict[str, list[tuple[ArmPlace, Scalar, Node]]] = field(default_factory=dict)


# ------------------------------------------------------------------ triggers of arms, before anything is read


def with_triggers_of_arms(root: Table, faults: Faults) -> Table:
    """The file with the triggers of all arms after its own: their names are those of the policy's triggers too."""
    section, own = root.get("split"), root.get("triggers")
    if not isinstance(section, Table) or not isinstance(own, Table):
        return root
    entries = list(own.entries)
    names = {key.text for key, _ in entries}
    for _, _, arm in _arms_of(section):
        triggers = arm.get("triggers") if isinstance(arm, Table) else None
        for key, value in triggers.entries if isinstance(triggers, Table) else ():
            if key.text in names:
                way_out = "name it otherwise, and leave the other out: `without: [" + key.text + "]`"
                faults.add(key, f"the policy has a trigger `{key.text}` already", way_out)
            else:
                names.add(key.text)
                entries.append((key, value))
    triggers_of_all = replace(own, entries=tuple(entries))
    replaced = tuple((key, triggers_of_all if key.text == "triggers" else value) for key, value in root.entries)
    return replace(root, entries=replaced)


def _arms_of(section: Table) -> Iterator[tuple[Scalar, Scalar, Node]]:
    """(split, arm, what stands there) as far as the file has the shape."""
    for key, split in section.entries:
        arms = split.get("arms") if isinstance(split, Table) else None
        for name, arm in arms.entries if isinstance(arms, Table) else ():
            yield key, name, arm


# ------------------------------------------------------------------ the section


def declare_splits(node: Node | None, trigger_names: tuple[str, ...], reader: Reader) -> ArmChanges:
    """The splits of a policy as values of the account; what their arms change is read where that is read."""
    changes = ArmChanges()
    if node is None:
        return changes
    section = reader.table(node, "`split`")
    if len(section.entries) > SPLITS_MAX:
        reader.faults.add(section, f"there are {len(section.entries)} splits, at most {SPLITS_MAX} are possible")
        return changes
    salts: dict[str, str] = {}
    for key, value in section.entries:
        table = reader.table(value, f"the split `{key.text}`")
        reader.only(table, SPLIT_KEYS)
        salt, arms = _salt(key, table.get("salt"), salts, reader), _arms(key, table.get("arms"), reader)
        if not reader.declare(key, "split") or salt is None or not arms:
            continue
        _declare(m.Split(key.text, salt, arms), reader)
        for place, (_, arm) in enumerate(reader.table(table.get("arms") or table, "`arms`").entries):
            if isinstance(arm, Table):
                _read_changes(ArmPlace(len(reader.splits) - 1, place, key.text), arm, trigger_names, changes, reader)
    cells = prod(len(split.arms) for split in reader.splits) * max(len(reader.segments), 1)
    if cells > RULE_CELLS_MAX:
        message = f"arms and segments make {cells} different kinds of account, at most {RULE_CELLS_MAX} are possible"
        reader.faults.add(section, message, "split into fewer arms")
    return changes


def _declare(split: m.Split, reader: Reader) -> None:
    """The arm as a value, and the share of accounts that have it, which decisions record."""
    reader.splits = (*reader.splits, split)
    reader.declared = (*reader.declared, split.name)
    reader.keep(split.name, Checked(ex.Arm(split.name, split.words), 0, len(split.arms) - 1))
    share: ex.Expr = ex.Literal(split.arms[-1].share_bp, ex.SHARE)
    for place in range(len(split.arms) - 2, -1, -1):
        share = ex.If(arm_test(split, place), ex.Literal(split.arms[place].share_bp, ex.SHARE), share)
    reader.keep(m.propensity_name(split.name), Checked(share, 0, FULL_BP), named=False)


def arm_test(split: m.Split, place: int, op: str = "=") -> ex.Expr:
    """Whether the account is in that arm; with `!=`, in another."""
    name = ex.Ref(split.name, ex.CATEGORY, split.words)
    return ex.Compare(op, name, ex.Literal(place, ex.CATEGORY, split.words))


def _salt(key: Scalar, node: Node | None, salts: dict[str, str], reader: Reader) -> str | None:
    text = node.text if isinstance(node, Scalar) else ""
    if not (1 <= len(text) <= SALT_MAX and text.isprintable()):
        way_out = f"write `salt: 2026-autumn`, of at most {SALT_MAX} characters; another salt parts accounts anew"
        reader.faults.add(node or key, f"the split `{key.text}` needs a `salt`", way_out)
        return None
    if text in salts:
        message = f"the split `{salts[text]}` has the salt `{text}` too, so both would part accounts alike"
        reader.faults.add(node or key, message, "give each its own")
        return None
    salts[text] = key.text
    return text


def _arms(key: Scalar, node: Node | None, reader: Reader) -> tuple[m.SplitArm, ...]:
    """The arms with their shares; none, with a fault, where they do not add up."""
    table = reader.table(node, f"`arms` of `{key.text}`") if node is not None else Table((), key.line, key.column)
    if not 1 <= len(table.entries) <= ARMS_MAX:
        way_out = "write `arms: {champion: 90%, challenger: {share: 10%, set: {...}}}`"
        reader.faults.add(node or key, f"the split `{key.text}` needs 1 to {ARMS_MAX} `arms`", way_out)
        return ()
    arms = []
    for name, value in table.entries:
        share = value.get("share") if isinstance(value, Table) else value
        if isinstance(value, Table):
            reader.only(value, ARM_KEYS)
        if share is None:
            reader.faults.add(name, f"the arm `{name.text}` has no `share`", "add `share: 10%`")
            return ()
        arms.append(m.SplitArm(reader.name(name, "the arm"), reader.constant(share, ex.SHARE, 0, FULL_BP)))
    total = sum(arm.share_bp for arm in arms)
    if total != FULL_BP:
        message = f"the shares of `{key.text}` add up to {total / 100:g}%, not to 100%"
        reader.faults.add(table, message, "let one arm have the rest")
        return ()
    return tuple(arms)


def _read_changes(
    place: ArmPlace, arm: Table, trigger_names: tuple[str, ...], changes: ArmChanges, reader: Reader
) -> None:
    """What one arm changes: parameters and tables are noted, and its triggers asked for the arm."""
    split = reader.splits[place.split]
    for section, noted in (("set", changes.params), ("tables", changes.tables)):
        node = arm.get(section)
        for key, value in reader.table(node, f"`{section}`").entries if node is not None else ():
            noted.setdefault(key.text, []).append((place, key, value))
    own = arm.get("triggers")
    for key, _ in reader.table(own, "`triggers`").entries if own is not None else ():
        _guard(key.text, arm_test(split, place.arm), reader)
    without = arm.get("without")
    if without is not None and not isinstance(without, Listing):
        reader.faults.add(without, "`without` is a list of triggers", "write `without: [late_3]`")
        return
    for item in without.items if isinstance(without, Listing) else ():
        name = item.text if isinstance(item, Scalar) else ""
        if name not in trigger_names:
            reader.faults.unknown(item, "the trigger", name, trigger_names)
        else:
            _guard(name, arm_test(split, place.arm, "!="), reader)


def _guard(trigger: str, test: ex.Expr, reader: Reader) -> None:
    reader.guards[trigger] = (*reader.guards.get(trigger, ()), test)
