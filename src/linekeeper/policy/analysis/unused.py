"""What a policy declares and no rule reads: features, kinds of event, and their fields."""

from __future__ import annotations

from collections.abc import Iterator

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.breakpoints import conditions, uses
from linekeeper.policy.analysis.remarks import Remark
from linekeeper.scorecard.card import scored_features


def read_names(policy: m.Policy) -> set[str]:
    """The features that a rule or the score reads, also through other features."""
    exprs = {feature.name: feature.expr for feature in policy.features}
    waiting = [*conditions(policy), *(rule.deny for rule in policy.authorise)]
    waiting += [trigger.limit.value for trigger in policy.triggers if trigger.limit is not None]
    if policy.assign is not None:
        waiting += [policy.assign.limit.value, *(rule.when for rule in policy.assign.refuse)]
    names = set(uses(policy))
    if policy.score is not None:
        names.update(scored_features(policy.score))
    waiting += [exprs[name] for name in names]
    while waiting:
        for node in ex.nodes_of(waiting.pop()):
            if isinstance(node, ex.Ref) and node.name not in names:
                names.add(node.name)
                waiting.append(exprs[node.name])
    return names


def unused_warnings(policy: m.Policy) -> Iterator[Remark]:
    """Features that nothing reads, and what the policy's own events have that no measure reads."""
    read = read_names(policy)
    for feature in policy.features:
        if feature.named and feature.name not in read:
            what = f"no rule and no score reads the feature `{feature.name}`"
            yield Remark("unused_feature", ("features", feature.name), what, "use it, or remove it")
    kinds, fields = _measured(policy)
    for kind in policy.kinds:
        if kind.built_in:
            continue
        if kind.name not in kinds:
            what = f"no measure reads the events of kind `{kind.name}`"
            yield Remark("unused_kind", ("events", kind.name), what, "measure them, or remove the kind")
            continue
        for field in kind.fields:
            if (kind.name, field.name) not in fields and field.name not in policy.protected:
                what = f"no measure reads the field `{field.name}` of `{kind.name}`"
                yield Remark(
                    "unused_field", ("events", kind.name, field.name), what, "read it in a measure, or remove the field"
                )


def _measured(policy: m.Policy) -> tuple[set[str], set[tuple[str, str]]]:
    """The kinds that measures select, and the fields that they read."""
    kinds: set[str] = set()
    fields: set[tuple[str, str]] = set()
    for feature in policy.features:
        select = getattr(feature.expr, "select", None)
        if not isinstance(select, ex.Select):
            continue
        kinds.add(select.kind)
        fields.add((select.kind, str(getattr(feature.expr, "field", None))))
        if select.where is not None:
            named = (node.name for node in ex.nodes_of(select.where) if isinstance(node, ex.FieldRef))
            fields.update((select.kind, name) for name in named)
    return kinds, fields
