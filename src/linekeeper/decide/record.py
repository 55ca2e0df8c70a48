"""The recorder turns a row of the kernel into a decision."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from linekeeper.core.bounds import MISSING
from linekeeper.core.decision import CORRECT, Decision, LineRecord, OfferRecord, OwnChoice, Reason
from linekeeper.core.formats import RECORD_FORMAT
from linekeeper.core.line import Action, Status
from linekeeper.decide.reasons import GRANT, ReasonWriter
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.layout import OWN_HEAD
from linekeeper.kernel.prelude import share_of
from linekeeper.policy.kinds import LIFT, WISHES
from linekeeper.policy.model import Trigger
from linekeeper.scorecard.points import FeatureValues

_ACTIONS = {action.value: action.name.lower() for action in Action}
_STATUSES = {status.value: status.name.lower() for status in Status}


class Recorder:
    """Writes the decisions of one policy."""

    def __init__(self, kernel: Kernel) -> None:
        self.policy = kernel.policy
        self.shape = kernel.shape
        self.names = [feature.name for feature in self.policy.features]
        self.reasons = ReasonWriter(self.policy)
        self.triggers_in = lru_cache(maxsize=4_096)(self._triggers_in)
        self.model = self.policy.score.card if self.policy.score else None
        self.place = {name.removeprefix("O_"): column for name, column in self.shape.columns.items()}

    def decision(
        self, row: Sequence[int], account: str, number: int, at: int, event: str | None, previous: str | None
    ) -> Decision:
        """The decision that a row holds; `at` in UTC ms, `number` from 1. The chain fills in `corrects`."""
        place, policy = self.place, self.policy
        values = {
            name: None if value == MISSING else value
            for name, value in zip(self.names, row[self.shape.values :], strict=True)
        }
        before, after = row[place["MASK_BEFORE"]], row[place["MASK_AFTER"]]
        newly_set = self.triggers_in(after & ~before)
        imposed = row[place["IMPOSED"]] if row[place["IMPOSED"]] >= 0 else None
        action = _ACTIONS[row[place["ACTION"]]]
        return Decision(
            account=account,
            number=number,
            at=at,
            policy=policy.digest,
            model=self.model,
            event=event,
            action=action,
            before=self._line(row, "BEFORE"),
            after=self._line(row, "AFTER"),
            triggers_set=tuple(trigger.name for trigger in newly_set),
            triggers_released=self._named(before & ~after),
            triggers_in_force=self._named(after),
            imposed_bp=imposed,
            values=values,
            score=row[place["SCORE"]] if policy.score else None,
            sub_scores={group: row[self.shape.groups + i] for i, group in enumerate(policy.groups)},
            pd_ppm=row[place["PD"]] if policy.score else None,
            reasons=() if action == CORRECT else self._reasons(row, newly_set, values),
            offer=self._offer(row),
            previous=previous,
            own_choice=self.own_choice(row),
        )

    def _line(self, row: Sequence[int], when: str) -> LineRecord:
        status = _STATUSES[row[self.place[f"STATUS_{when}"]]]
        return LineRecord(row[self.place[f"LIMIT_{when}"]], row[self.place[f"GRANTED_{when}"]], status)

    def _capped(self, row: Sequence[int]) -> bool:
        """Whether the limit fell to a cap that a person imposed."""
        limit, cap = row[self.place["LIMIT_AFTER"]], row[self.place["IMPOSED"]]
        fell = limit < row[self.place["LIMIT_BEFORE"]]
        return cap >= 0 and fell and limit == share_of(row[self.place["GRANTED_AFTER"]], cap)

    def _reasons(self, row: Sequence[int], newly_set: Sequence[Trigger], values: FeatureValues) -> tuple[Reason, ...]:
        """What the lender grants less, then the rules that refuse a line, then the triggers that were set."""
        assign = self.policy.assign
        bits = row[self.place["REFUSED_BY"]] if assign else 0
        refused = [rule for number, rule in enumerate(assign.refuse if assign else ()) if bits >> number & 1]
        listed = self.reasons.reasons((*refused, *newly_set), self._capped(row), values)
        return (*self._granted_less(row), *listed)

    def _granted_less(self, row: Sequence[int]) -> tuple[Reason, ...]:
        """The reason of a limit that fell because the lender grants less; what triggers add to it follows."""
        place = self.place
        granted = row[place["GRANTED_AFTER"]] < row[place["GRANTED_BEFORE"]]
        return (Reason(GRANT, ""),) if granted and row[place["LIMIT_AFTER"]] < row[place["LIMIT_BEFORE"]] else ()

    def own_choice(self, row: Sequence[int]) -> OwnChoice | None:
        """The borrower's own wish, and the one that waits; None where there is neither and none has just ended."""
        if self.policy.own_limit is None:
            return None
        wish, limit, next_wish, next_limit, next_day, changed = (row[self.place[name]] for name in OWN_HEAD)
        if not (wish or next_day or changed):
            return None
        waits = next_day > 0
        return OwnChoice(
            WISHES[wish - 1] if wish else None,
            limit if wish else None,
            next_day if waits else None,
            (WISHES[next_wish - 1] if next_wish else LIFT) if waits else None,
            next_limit if waits and next_wish else None,
        )

    def _named(self, mask: int) -> tuple[str, ...]:
        return tuple(trigger.name for trigger in self.triggers_in(mask))

    def _triggers_in(self, mask: int) -> tuple[Trigger, ...]:
        """The triggers whose bits are set."""
        return tuple(trigger for number, trigger in enumerate(self.policy.triggers) if mask & 1 << number)

    def _offer(self, row: Sequence[int]) -> OfferRecord | None:
        offered = row[self.place["OFFERED"]]
        return OfferRecord(row[self.place["OFFER_NO"]], offered) if offered else None


_RECORDERS = {1: Recorder}  # by record format: an older one stays, so that what it wrote can be derived again


def recorder_of(kernel: Kernel, record_format: int = RECORD_FORMAT) -> Recorder:
    """The recorder that writes a policy's decisions in that format."""
    return _RECORDERS[record_format](kernel)
