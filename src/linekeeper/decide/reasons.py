"""Why: the triggers newly set, most severe first; a trigger on the score tells the features that lost most points."""

from __future__ import annotations

from collections.abc import Mapping

from linekeeper.core.decision import Reason
from linekeeper.policy import model as m
from linekeeper.scorecard.points import parts

PERSON = "person"  # the reason code of a cap that a person imposed


def severity(trigger: m.Trigger) -> tuple[int, int]:
    """Sorts triggers by what they do to the line: close, suspend, then the lowest cap."""
    return (0 if trigger.close else 1 if trigger.suspend else 2, trigger.cap_bp)


def on_score(policy: m.Policy, trigger: m.Trigger) -> bool:
    """Whether the trigger asks for the score, a sub-score or the PD."""
    return any(isinstance(node, m.ScoreRef) for node in m.walk(trigger.when))


def reasons(
    policy: m.Policy, newly_set: list[m.Trigger], imposed_bp: int | None, values: Mapping[str, int | None]
) -> tuple[Reason, ...]:
    """All grounds of a decision, most important first."""
    found = [Reason(PERSON, "")] if imposed_bp is not None else []
    for trigger in sorted(newly_set, key=severity):
        lost = _lost(policy, trigger, values) if on_score(policy, trigger) else []
        found += lost or [Reason(trigger.reason, trigger.name)]
    return tuple(found)


def _lost(policy: m.Policy, trigger: m.Trigger, values: Mapping[str, int | None]) -> list[Reason]:
    """The parts of the card that lost points, most first; only those of the group the trigger asks for."""
    assert policy.score is not None
    asked = {node.name for node in m.walk(trigger.when) if isinstance(node, m.ScoreRef)}
    groups = set(policy.groups) if asked & {"score", "pd"} else asked
    lost = [part for part in parts(policy.score, values) if part.group in groups and part.lost > 0]
    lost.sort(key=lambda part: -part.lost)
    return [Reason(trigger.reason, trigger.name, " and ".join(part.features), part.lost) for part in lost]
