"""What a source's contract says of each batch, what a batch has, and which terms of the contract it breaks. Pure.

A figure is one number about a batch, such as `kinds.repay`, the share of repayments among its events. A term gives the
range of one figure. Numbers stand as people write them: shares in percent, money in major units, ages in hours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.bounds import HOUR_MS
from linekeeper.core.dates import date_of
from linekeeper.core.errors import FileError
from linekeeper.core.event import Rejection
from linekeeper.policy.dues import WEEKDAYS

if TYPE_CHECKING:
    from linekeeper.engine.clock import Clock
    from linekeeper.kernel.calendar import Calendar
    from linekeeper.policy.model import Field, Kind, Policy

MEASURED_UNITS = ("money", "count", "days", "share")  # units of fields that have a median
BATCHES = 20  # how many of the latest accepted batches a factor goes by, where the contract does not say it
BATCHES_MIN = 3  # with fewer accepted batches, a factor says nothing yet
EXAMPLE_ROWS = 3
Parts = Callable[[], Iterable[pa.Table]]  # reads the events of a batch, as event tables, once more at each call
OF_ARRIVAL = ("freshness", "known_accounts")  # figures that depend on when the batch came, and not on it alone


@dataclass(frozen=True, slots=True)
class Term:
    """The range of one figure. With a `factor`, it lies around the median of the accepted batches instead."""

    low: Decimal | None = None
    high: Decimal | None = None
    factor: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """The terms by the names of their figures, and how many of the latest accepted batches a factor goes by."""

    terms: Mapping[str, Term]
    batches: int = BATCHES


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """The figures of one batch, by name; `weekday` is that of its latest event."""

    values: Mapping[str, Decimal]
    weekday: str = ""

    def as_read(self) -> BatchFigures:
        """Without the figures that depend on when the batch came: what the same file has whenever it is read."""
        kept = {name: value for name, value in self.values.items() if name not in OF_ARRIVAL}
        return BatchFigures(kept, self.weekday)


@dataclass(frozen=True, slots=True)
class BrokenTerm:
    """A term that a batch breaks: what was measured, what the contract says, a sentence of both, and some rows."""

    name: str
    measured: str
    expected: str
    sentence: str
    examples: tuple[str, ...] = field(default=())

    @property
    def with_examples(self) -> str:
        """The sentence, and behind it the rows that show what it says."""
        return f"{self.sentence} ({'; '.join(self.examples)})" if self.examples else self.sentence


# ------------------------------------------------------------------ what a batch has


@dataclass
class _KindCounts:
    """What was counted of one kind: its events, how many lack a field, and the values of fields that have a median."""

    events: int = 0
    absent: Counter[str] = field(default_factory=Counter)
    values: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, part: pa.Table, kind: Kind) -> None:
        """Count more events of the kind."""
        self.events += part.num_rows
        for name in (*(each.name for each in kind.fields), *kind.text):
            self.absent[name] += part[name].null_count if name in part.column_names else part.num_rows
        for each in kind.fields:
            if _has_median(each) and each.name in part.column_names and part[each.name].null_count < part.num_rows:
                self.values.setdefault(each.name, []).append(part[each.name].drop_null().to_numpy())


def figures_of(
    parts: Iterable[pa.Table],
    policy: Policy,
    calendar: Calendar,
    clock: Clock,
    rejected: int,
    repeats: int,
    cut_short: bool,
) -> BatchFigures:
    """The figures of a batch: its events (event tables), and how many rows were rejected or came twice in it.

    `cut_short`: the last line has no end. On a simulated clock nothing is fresh or old.
    """
    counts = {kind.name: _KindCounts() for kind in policy.kinds}
    volume, latest = 0, 0
    for table in parts:
        if not table.num_rows:
            continue
        volume += table.num_rows
        latest = max(latest, pc.max(table["at"]).as_py())
        for kind in policy.kinds:
            part = table.filter(pc.equal(table["kind"], kind.name))
            if part.num_rows:
                counts[kind.name].add(part, kind)
    values = {"volume": Decimal(volume), "line_end": Decimal(not cut_short)}
    if volume + rejected + repeats:
        values["rejected"] = _percent(rejected, volume + rejected + repeats)
    if not volume:
        return BatchFigures(values)
    if not clock.simulated:
        values["freshness"] = (Decimal(clock.now_ms() - latest) / HOUR_MS).quantize(Decimal("0.1"))
    for kind in policy.kinds:
        values[f"kinds.{kind.name}"] = _percent(counts[kind.name].events, volume)
        values |= _figures_of_kind(counts[kind.name], kind, policy)
    return BatchFigures(values, WEEKDAYS[date_of(calendar.day(latest)).weekday()])


def _figures_of_kind(counted: _KindCounts, kind: Kind, policy: Policy) -> dict[str, Decimal]:
    values = {f"missing.{kind.name}.{name}": _percent(n, counted.events) for name, n in counted.absent.items()}
    for each in kind.fields:
        if each.name in counted.values:
            known = np.concatenate(counted.values[each.name])
            middle, most = Decimal(str(np.median(known))), Decimal(int(known.max()))
            values[f"medians.{kind.name}.{each.name}"] = _as_written(middle, each, policy)
            values[f"highest.{kind.name}.{each.name}"] = _as_written(most, each, policy)
    return values


def _has_median(each: Field) -> bool:
    return each.unit in MEASURED_UNITS and not each.is_date


def _percent(part: int, whole: int) -> Decimal:
    return (Decimal(100 * part) / whole).quantize(Decimal("0.01"))


def _as_written(value: Decimal, each: Field, policy: Policy) -> Decimal:
    """A value of that field as people write it: money in major units, shares in percent."""
    return value.scaleb(-policy.exponent if each.unit == "money" else -2 if each.unit == "share" else 0)


# ------------------------------------------------------------------ what the contract says of it


def broken_terms(
    contract: Contract,
    figures: BatchFigures,
    accepted: Sequence[BatchFigures],
    parts: Parts,
    rejected: Sequence[Rejection],
    policy: Policy,
) -> list[BrokenTerm]:
    """The terms that a batch breaks, in the order of the contract.

    `accepted`: the latest accepted batches, for terms that go by them. A figure that the batch cannot have, such as the
    median of a kind that is absent, breaks nothing by itself.
    """
    broken = []
    for name, term in _terms_of(contract, figures.weekday):
        measured = figures.values.get(name.partition(".")[0] if name.startswith("volume") else name)
        bounds = _bounds(name, term, accepted)
        if measured is None or bounds is None:
            continue
        low, high = bounds
        if (low is not None and measured < low) or (high is not None and measured > high):
            examples = tuple(_examples(name, measured, low, high, parts, rejected, policy))
            broken.append(_broken(name, measured, low, high, examples, policy))
    return broken


def _terms_of(contract: Contract, weekday: str) -> Iterator[tuple[str, Term]]:
    """The terms that hold for a batch of that weekday."""
    own = f"volume.{weekday}"
    for name, term in contract.terms.items():
        if name == "volume" and own in contract.terms:
            continue
        if not name.startswith("volume.") or name == own:
            yield name, term


def _bounds(name: str, term: Term, accepted: Sequence[BatchFigures]) -> tuple[Decimal | None, Decimal | None] | None:
    """The range of the term; None where it goes by accepted batches and there are too few of them."""
    if term.factor is None:
        return term.low, term.high
    figure, _, weekday = name.partition(".") if name.startswith("volume") else (name, "", "")
    past = [each.values[figure] for each in accepted if figure in each.values and weekday in ("", each.weekday)]
    if len(past) < BATCHES_MIN:
        return None
    middle = median(past)
    return middle / term.factor, middle * term.factor


def _broken(
    name: str,
    measured: Decimal,
    low: Decimal | None,
    high: Decimal | None,
    examples: tuple[str, ...],
    policy: Policy,
) -> BrokenTerm:
    section, _, rest = name.partition(".")
    kind, _, own = rest.partition(".")
    unit = {"kinds": "%", "missing": "%", "rejected": "%", "known_accounts": "%", "freshness": " h"}.get(section, "")
    if section in ("medians", "highest") and field_of(policy, name).unit == "money":
        unit = f" {policy.currency}"
    shown, expected = _written(measured, unit), _range(low, high, unit)
    what = {
        "volume": f"there are {shown} events" + (f" on a {rest}" if rest else ""),
        "kinds": f"`{rest}` makes up {shown} of the events",
        "missing": f"{shown} of `{kind}` have no `{own}`",
        "medians": f"the median `{own}` of `{kind}` is {shown}",
        "highest": f"the highest `{own}` of `{kind}` is {shown}",
        "freshness": f"the latest event was {shown} old when the batch came",
        "rejected": f"{shown} of the rows are rejected",
        "known_accounts": f"{shown} of the accounts are known",
        "line_end": "the last line has no end, so the file may be cut",
    }[section]
    wanted = "every line has one" if section == "line_end" else expected
    return BrokenTerm(name, shown, wanted, f"{what}; the contract says {wanted}", examples)


def _written(value: Decimal, unit: str) -> str:
    short = value.quantize(Decimal("0.01")) if value != value.to_integral_value() else value.to_integral_value()
    return f"{short:,f}{unit}"


def _range(low: Decimal | None, high: Decimal | None, unit: str) -> str:
    if low is not None and high is not None:
        return f"{_written(low, '')} to {_written(high, unit)}"
    return f"at most {_written(high, unit)}" if high is not None else f"at least {_written(low or Decimal(), unit)}"


def _examples(
    name: str,
    measured: Decimal,
    low: Decimal | None,
    high: Decimal | None,
    parts: Parts,
    rejected: Sequence[Rejection],
    policy: Policy,
) -> Iterator[str]:
    """The first rows that show what is wrong; none where too little came."""
    section, _, rest = name.partition(".")
    kind, _, own = rest.partition(".")
    if section == "rejected":
        yield from (f"{row.place}: {row.reason}" for row in rejected[:EXAMPLE_ROWS])
    elif section == "freshness":
        latest = max((row for part in parts() for row in _latest(part)), key=lambda row: int(row["at"]))
        yield f"event `{latest['id']}`"
    elif section in ("medians", "highest"):
        each = field_of(policy, name)
        rows = _rows_where(parts, kind, lambda part: _outside(part, own, low, high, each, policy))
        yield from (f"event `{r['id']}`: {_written(_as_written(Decimal(r[own]), each, policy), '')}" for r in rows)
    elif section == "missing":
        yield from (f"event `{row['id']}`" for row in _rows_where(parts, kind, lambda part: _lacking(part, own)))
    elif section == "kinds" and high is not None and measured > high:
        yield from (f"event `{row['id']}`" for row in _rows_where(parts, rest, lambda part: part))


def _rows_where(parts: Parts, kind: str, choose: Callable[[pa.Table], pa.Table]) -> Iterator[dict[str, Any]]:
    """The first rows of a kind that are chosen."""
    chosen = (choose(table.filter(pc.equal(table["kind"], kind))).slice(0, EXAMPLE_ROWS) for table in parts())
    return islice((row for part in chosen for row in part.to_pylist()), EXAMPLE_ROWS)


def _latest(part: pa.Table) -> list[dict[str, Any]]:
    first = pc.index(part["at"], pc.max(part["at"])).as_py() if part.num_rows else 0
    rows: list[dict[str, Any]] = part.select(["id", "at"]).slice(first, 1).to_pylist()
    return rows


def _lacking(part: pa.Table, own: str) -> pa.Table:
    return part.filter(pc.is_null(part[own])) if own in part.column_names else part


def _outside(
    part: pa.Table, own: str, low: Decimal | None, high: Decimal | None, each: Field, policy: Policy
) -> pa.Table:
    if own not in part.column_names:
        return part.slice(0, 0)
    one = _as_written(Decimal(1), each, policy)
    below = pc.less(part[own], float(low / one)) if low is not None else pa.scalar(False)
    above = pc.greater(part[own], float(high / one)) if high is not None else pa.scalar(False)
    return part.filter(pc.or_(below, above))


# ------------------------------------------------------------------ whether it fits the policy


def demand_fitting(contract: Contract, policy: Policy) -> None:
    """Raises FileError where a term names a kind or a field that the policy does not have."""
    kinds = {kind.name for kind in policy.kinds}
    for name in contract.terms:
        section, _, rest = name.partition(".")
        if section == "kinds" and rest not in kinds:
            raise _not_fitting(name, f"the policy has no kind `{rest}`")
        if section in ("medians", "highest"):
            each = field_of(policy, name)
            if not _has_median(each):
                raise _not_fitting(name, f"`{rest}` is no amount, count, share or number of days")
        if section == "missing":
            _demand_field(policy, name)


def field_of(policy: Policy, name: str) -> Field:
    """The field of a term such as `medians.KIND.FIELD`. Raises FileError where the policy has no such field."""
    _, kind, own = (*name.split(".", 2), "")[:3]
    fields = [each for one in policy.kinds if one.name == kind for each in one.fields if each.name == own]
    if not fields:
        raise _not_fitting(name, f"the policy has no `{own}` of a kind `{kind}` that holds numbers")
    return fields[0]


def _demand_field(policy: Policy, name: str) -> None:
    """Raises FileError where the policy has no field or text of a term such as `missing.KIND.FIELD`."""
    _, kind, own = (*name.split(".", 2), "")[:3]
    if not any(one.name == kind and own in (*one.text, *(each.name for each in one.fields)) for one in policy.kinds):
        raise _not_fitting(name, f"the policy has no `{own}` of a kind `{kind}`")


def _not_fitting(term: str, why: str) -> FileError:
    return FileError(
        f"the term `{term}` of the contract does not fit the policy: {why}",
        code="contract-not-usable",
        way_out="name it as the policy does, or leave it out",
        details={"term": term},
    )


def figures_as_json(figures: BatchFigures) -> dict[str, Any]:
    """The figures as a JSON object; numbers are texts, so that they stay exact."""
    return {"weekday": figures.weekday, "values": {name: str(value) for name, value in figures.values.items()}}


def figures_of_json(tree: Mapping[str, Any]) -> BatchFigures:
    """The figures again.

    >>> figures = BatchFigures({"volume": Decimal("12")}, "monday")
    >>> figures_of_json(figures_as_json(figures)) == figures
    True
    """
    return BatchFigures({name: Decimal(value) for name, value in tree["values"].items()}, tree["weekday"])
