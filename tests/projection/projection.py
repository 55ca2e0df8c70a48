"""The projection of decisions: what a change of names, of modules or of the generated code must leave as it was.

Each decision is one line of compact JSON (ASCII, no blanks, keys of objects in order), ended by a line feed: a list of

 1. `account`, 2. `number`, 3. `at`, 4. `action`;
 5. the line before and 6. the line after, each as `[limit, granted, status]`;
 7. the triggers set, 8. released, 9. in force: lists of names, in the order of the decision;
10. `imposed_bp`;
11. the values as pairs `[name, value]` in the order of the policy; null where the value is missing. A measure that the
    policy uses without giving it a name has the text of its expression for a name; here its name is empty;
12. `score`, 13. the sub-scores as an object by group, 14. `pd_ppm`;
15. the reasons, each as `[code, trigger, feature, points_lost]`;
16. the offer as `[number, limit]`, or null;
17. `event`: the id of the event, or null; 18. `corrects`: a list of numbers.

Money is in minor units, `at` in UTC milliseconds. The policy's digest, the model's hash and the hash of the decision
before are left out: they change with the text of a policy and with the form of a record, even where each decision is
the same. The digest is SHA-256 over the lines of all decisions, by account, then number.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter

from linekeeper.core.decision import Decision, LineRecord


def projected(decision: Decision) -> str:
    """The decision's line of JSON, as the module's text states it, without the line feed."""
    offer = decision.offer
    fields = [
        decision.account,
        decision.number,
        decision.at,
        decision.action,
        _line(decision.before),
        _line(decision.after),
        decision.triggers_set,
        decision.triggers_released,
        decision.triggers_in_force,
        decision.imposed_bp,
        [[name if name.isidentifier() else "", value] for name, value in decision.values.items()],
        decision.score,
        dict(decision.sub_scores),
        decision.pd_ppm,
        [[reason.code, reason.trigger, reason.feature, reason.points_lost] for reason in decision.reasons],
        [offer.number, offer.limit] if offer else None,
        decision.event,
        decision.corrects,
    ]
    return json.dumps(fields, separators=(",", ":"), sort_keys=True)


def _line(line: LineRecord) -> list[int | str]:
    return [line.limit, line.granted, line.status]


class ProjectionDigest:
    """Takes decisions in canonical order; gives the digest of their projection and how many there are by action."""

    def __init__(self) -> None:
        self.actions: Counter[str] = Counter()
        self._hash = hashlib.sha256()

    def add(self, decision: Decision) -> None:
        """Take the next decision."""
        self.actions[decision.action] += 1
        self._hash.update(projected(decision).encode("ascii") + b"\n")

    @property
    def hexadecimal(self) -> str:
        """SHA-256 of all lines so far."""
        return self._hash.hexdigest()
