"""The plan of a fit: which features in which group, their directions and special codes, and what is protected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, cast

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.core.errors import FileError, Refused
from linekeeper.policy.model import Policy
from linekeeper.policy.sections import GROUPS
from linekeeper.scorecard.artifact import UNIT_LENGTH_MAX, Input
from linekeeper.scorecard.pd import Scale
from linekeeper.scorecard.units import PERCENT, unit_of_plan
from linekeeper.texts.yaml_files import YamlFault, read_yaml_tree

Worse = Literal["higher", "lower"]
TABLES_MAX, SCALE_MAX = 1_000, 100_000
TEXT_KEYS = ("name", "label", "label_meaning", "period")
PLAN_KEYS = (*TEXT_KEYS, *GROUPS, "protected", "trusted", "tables_max", "scale", "weight", "classes")
FEATURE_KEYS = ("worse", "special", "choices", "missing", "decimals", "unit")
FEATURE_DECIMALS_MAX = 6
GOOD, BAD, INDETERMINATE, REJECT = OUTCOME_CLASSES = ("good", "bad", "indeterminate", "reject")

OutcomeClasses = tuple[tuple[str, tuple[str, ...]], ...]  # each class, and the words or numbers of the label's column


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """One input of the card.

    `special`: codes in the column that are no amounts; each gets a bin of its own. `neutral`: a missing value gives the
    mean, whatever became of the accounts that lack it. `decimals`: how many digits after the point its column has; cuts
    and codes are in units of the last of them. `unit` and `unit_digits` say how a person reads its amounts, as in
    `Input`.
    """

    name: str
    group: str
    worse: Worse | None = None
    special: tuple[int, ...] = ()
    choices: tuple[str, ...] = ()
    neutral: bool = False
    decimals: int = 0
    unit: str = ""
    unit_digits: int = 0

    @property
    def as_input(self) -> Input:
        """What a card keeps of it."""
        digits = self.unit_digits if self.unit else 0
        return Input(self.name, self.worse, self.special, self.choices, self.decimals, self.unit, digits)


@dataclass(frozen=True, slots=True)
class FitPlan:
    """Inputs and how to fit them. `merge_cost` is in nats of log-loss an account, None where rows held out are to
    choose it; `label_meaning` and `period` are words for the model card; `trusted` are features that may tell the label
    alone, since a person vouches for them. `weight` is the column of the rows' weights. `classes` says which values of
    the label's column are good, bad or neither; empty: 0 and 1, or the four words themselves."""

    name: str
    features: tuple[FeaturePlan, ...]
    label: str = "label"
    label_meaning: str = ""
    period: str = ""
    protected: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    groups: tuple[str, ...] = GROUPS
    scale: Scale = field(default_factory=Scale)
    tables_max: int = 10
    merge_cost: float | None = None
    seed: int = 0
    workers: int = 2  # folds at a time; each fit itself keeps to one core
    weight: str | None = None
    classes: OutcomeClasses = ()

    def __post_init__(self) -> None:
        groups = " or ".join(f"`{group}`" for group in self.groups)
        for feature in self.features:
            if feature.group not in self.groups:
                raise _fault_of(feature.name, "is in no group of the plan", f"put it under {groups}")
            if self.names.count(feature.name) > 1:
                raise _fault_of(
                    feature.name, "stands twice in the plan, and would count twice", f"leave it under {groups}"
                )
            if feature.name == self.label:
                raise _fault_of(feature.name, "is the label, which no card may know", "remove it from the features")
            if feature.name == self.weight:
                raise _fault_of(
                    feature.name, "is the weight of the rows, and no feature", "remove it from the features"
                )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    def with_policy(self, declared_by_policy: FitPlan) -> FitPlan:
        """This plan with what a policy declares: its directions and choices win, its protected fields are added."""
        declared = {feature.name: feature for feature in declared_by_policy.features}
        features = tuple(
            _with_declared(feature, declared[feature.name]) if feature.name in declared else feature
            for feature in self.features
        )
        protected = tuple(dict.fromkeys((*self.protected, *declared_by_policy.protected)))
        return replace(self, features=features, protected=protected)

    def refuse_protected(self) -> FitPlan:
        """This plan. Raises Refused where a protected attribute is among the inputs.

        >>> FitPlan("p", (FeaturePlan("age", "ability"),), protected=("age",)).refuse_protected()
        Traceback (most recent call last):
        linekeeper.core.errors.Refused: `age` is protected and cannot be an input; remove it from the features
        """
        refused = sorted(set(self.names) & set(self.protected))
        if refused:
            named = ", ".join(f"`{name}`" for name in refused)
            way_out = "remove it from the features" if len(refused) == 1 else "remove them from the features"
            raise Refused(
                f"{named} {'is' if len(refused) == 1 else 'are'} protected and cannot be an input",
                code="feature-protected",
                way_out=way_out,
                details={"features": refused},
            )
        return self


def _with_declared(feature: FeaturePlan, declared: FeaturePlan) -> FeaturePlan:
    """A feature with what a policy declares of it; its unit, where the plan names none."""
    unit, digits = (feature.unit, feature.unit_digits) if feature.unit else (declared.unit, declared.unit_digits)
    return replace(feature, worse=declared.worse, choices=declared.choices, unit=unit, unit_digits=digits)


def _fault_of(feature: str, what: str, way_out: str, place: str = "") -> FileError:
    """A fault of one feature of a plan."""
    before = f"{place}: " if place else ""
    return FileError(
        f"{before}`{feature}` {what}",
        code="plan-not-usable",
        way_out=way_out,
        place=place or None,
        details={"feature": feature},
    )


def read_fit_plan(path: Path | Traversable) -> FitPlan:
    """A plan file (YAML): `name`, `label`, `protected`, and features under `ability` and `willingness`.

    Raises FileError where the file cannot be read or says something that a plan does not know.
    """
    try:
        raw = read_yaml_tree(path)
    except YamlFault as fault:
        raise FileError(
            f"the plan `{path}` cannot be read: {fault}",
            code="file-not-readable",
            place=str(path),
        ) from None
    if not isinstance(raw, dict):
        raise FileError(
            f"the plan `{path}` has no keys",
            code="plan-not-usable",
            way_out="begin it with `name: ...`",
            place=str(path),
        )
    return _plan(raw, f"the plan `{path.name}`")


def fit_plan_of_policy(policy: Policy) -> FitPlan:
    """A plan from a policy: its features with their directions and choices, and its protected fields.

    The group is that of its `score` section; a feature that the score does not use counts as willingness.
    """
    groups = {part.feature: part.group for part in policy.score.bins} if policy.score else {}
    features = tuple(
        FeaturePlan(
            feature.name,
            groups.get(feature.name, "willingness"),
            feature.worse,
            (),
            feature.choices,
            unit=unit,
            unit_digits=digits,
        )
        for feature in policy.features
        if feature.named
        for unit, digits in [_unit_in_policy(feature.unit, policy)]
    )
    return FitPlan(policy.name, features, protected=policy.protected)


def _unit_in_policy(unit: str, policy: Policy) -> tuple[str, int]:
    """How a person reads the whole numbers of a unit of the policy language."""
    shown = {
        "money": (policy.currency, policy.exponent),
        "share": (PERCENT, 2),
        "pd": (PERCENT, 4),
        "days": ("days", 0),
    }
    return shown.get(unit, ("", 0))


def _plan(raw: Mapping[str, Any], place: str) -> FitPlan:
    unknown = set(raw) - set(PLAN_KEYS)
    if unknown:
        raise FileError(
            f"{place} has an unknown key `{min(unknown)}`",
            code="plan-not-usable",
            way_out=f"known are {', '.join(PLAN_KEYS)}",
            place=place,
        )
    for group in GROUPS:
        by_name = _given(raw, group, {})
        if not isinstance(by_name, dict) or not all(isinstance(keys, dict | None) for keys in by_name.values()):
            raise FileError(
                f"{place}: `{group}` is not a list of features with their keys",
                code="plan-not-usable",
                way_out="write `burden: {worse: higher}` under it, a feature a line",
                place=place,
            )
    features = tuple(
        _feature(name, group, keys or {}, place) for group in GROUPS for name, keys in _given(raw, group, {}).items()
    )
    if not features:
        raise FileError(
            f"{place} names no feature",
            code="plan-not-usable",
            way_out="put some under `ability` and `willingness`",
            place=place,
        )
    label, meaning = _text(raw, "label", "label", place), _text(raw, "label_meaning", "", place)
    plan = FitPlan(_text(raw, "name", "score", place), features, label, meaning, _text(raw, "period", "", place))
    return replace(
        plan,
        protected=_names(raw, "protected", place),
        trusted=_names(raw, "trusted", place),
        tables_max=_whole(raw.get("tables_max", plan.tables_max), 0, TABLES_MAX, f"{place}: `tables_max`"),
        scale=_scale(_given(raw, "scale", {}), place),
        weight=_text(raw, "weight", "", place) or None,
        classes=_classes(_given(raw, "classes", {}), place),
    )


def _scale(scale: object, place: str) -> Scale:
    names = [field.name for field in fields(Scale)]
    if not isinstance(scale, dict) or any(key not in names for key in scale):
        raise FileError(
            f"{place}: the scale has a key that is not known",
            code="plan-not-usable",
            way_out=f"its keys are {', '.join(f'`{name}`' for name in names)}",
            place=place,
        )
    return Scale(**{key: _whole(value, 1, SCALE_MAX, f"{place}: `scale.{key}`") for key, value in scale.items()})


def _classes(raw: object, place: str) -> OutcomeClasses:
    """Which values of the label's column belong to which class."""
    listed = isinstance(raw, dict) and all(map(_is_list_of_words, raw.values()))
    if not isinstance(raw, dict) or not listed or set(raw) - set(OUTCOME_CLASSES):
        raise FileError(
            f"{place}: `classes` is no list of values for each of {', '.join(OUTCOME_CLASSES)}",
            code="plan-not-usable",
            way_out="write `classes: {good: [paid], bad: [defaulted], indeterminate: [late]}`",
            place=place,
        )
    classes = tuple((name, tuple(map(str, raw[name]))) for name in OUTCOME_CLASSES if raw.get(name))
    every = [value for _, values in classes for value in values]
    twice = next((value for value in every if every.count(value) > 1), None)
    if raw and (twice or not {GOOD, BAD} <= dict(classes).keys()):
        what = f"have `{twice}` twice" if twice else "do not say what is good and what is bad"
        raise FileError(
            f"{place}: its `classes` {what}",
            code="plan-not-usable",
            way_out="list each value of the label once, with at least one under `good` and one under `bad`",
            place=place,
        )
    return classes


def _given(raw: Mapping[str, Any], key: str, otherwise: Any) -> Any:
    """What a key holds; `otherwise` where it is left out, or has nothing after its colon."""
    value = raw.get(key)
    return otherwise if value is None else value


def _is_word(value: object) -> bool:
    return isinstance(value, str | int | float | date) and not isinstance(value, bool)


def _is_list_of_words(values: object) -> bool:
    return isinstance(values, list) and all(map(_is_word, values))


def _text(raw: Mapping[str, Any], key: str, otherwise: str, place: str) -> str:
    """A text of the plan. Raises FileError where it is a list, a table, or yes or no."""
    value = raw.get(key)
    if value is None:
        return otherwise
    if not _is_word(value):
        raise FileError(
            f"{place}: `{key}` is `{str(value)[:40]}`",
            code="plan-not-usable",
            way_out=f"write a text: `{key}: ...`",
            place=place,
        )
    return str(value)


def _names(raw: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    names = _given(raw, key, [])
    if not _is_list_of_words(names):
        raise FileError(
            f"{place}: `{key}` is `{str(names)[:40]}`",
            code="plan-not-usable",
            way_out=f"write a list: `{key}: [age]`",
            place=place,
        )
    return tuple(map(str, names))


def _whole(value: object, least: int, most: int, what: str) -> int:
    """A whole number of a plan. Raises FileError where it is none, or out of its range."""
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise FileError(
        f"{what} is `{str(value)[:40]}`",
        code="plan-not-usable",
        way_out=f"write a whole number from {least} to {most:,}",
    )


def _unknown(place: str, what: str, way_out: str) -> FileError:
    return FileError(
        f"{place}: {what} has a key that is not known", code="plan-not-usable", way_out=way_out, place=place
    )


def _feature(name: str, group: str, keys: Mapping[str, Any], place: str) -> FeaturePlan:
    worse = keys.get("worse")
    missing = keys.get("missing")
    unknown = set(keys) - set(FEATURE_KEYS)
    if unknown or worse not in (None, "higher", "lower") or missing not in (None, "neutral"):
        raise FileError(
            f"{place}: `{name}` may have `worse: higher`, `worse: lower`, `special: [codes]`, `choices: [words]`,"
            " `missing: neutral`, `decimals: 2` and `unit: share`",
            code="plan-not-usable",
            place=place,
            details={"feature": name},
        )
    special, choices = _given(keys, "special", []), _given(keys, "choices", [])
    for key, values, example in (("special", special, "[-9, -8]"), ("choices", choices, "[app, branch]")):
        if not _is_list_of_words(values):
            raise _fault_of(str(name), f"has `{key}: {values}`", f"write a list: `{key}: {example}`", place)
    codes = tuple(_whole(code, -MONEY_MAX, MONEY_MAX, f"{place}: a `special` code of `{name}`") for code in special)
    named = tuple(map(str, choices))
    for key, values in (("special", codes), ("choices", named)):
        if len(set(values)) < len(values):
            raise _fault_of(str(name), f"has one of its `{key}` twice", "list each once", place)
    decimals = _whole(keys.get("decimals", 0), 0, FEATURE_DECIMALS_MAX, f"{place}: `decimals` of `{name}`")
    unit = _text(keys, "unit", "", f"{place}: `{name}`")
    if len(unit) > UNIT_LENGTH_MAX or not unit.isprintable() or (unit and named):
        what = "has choices, and so no unit" if named else f"has the unit `{unit[:40]}`"
        raise _fault_of(str(name), what, "name it in a word, like `share`, `days` or `CNY`", place)
    shown = unit_of_plan(unit, decimals)
    neutral = missing == "neutral"
    return FeaturePlan(str(name), group, cast(Worse | None, worse), codes, named, neutral, decimals, *shown)
