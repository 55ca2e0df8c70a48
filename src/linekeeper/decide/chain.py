"""The chain of an account's decisions: each is numbered, names the hash of the one before, and is hashed itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from linekeeper.core.decision import CORRECT, Decision
from linekeeper.decide.canonical import canonical_json, digest_of
from linekeeper.decide.record import Recorder
from linekeeper.evaluate.evaluator import RawDecision
from linekeeper.evaluate.event_batch import Batch


@dataclass
class Chain:
    """An account's decisions so far: how many, the hash of the last, the number of the one that set each trigger."""

    number: int = 0
    last_hash: str | None = None
    set_by: dict[str, int] = field(default_factory=dict)

    def note(self, decision: Decision) -> None:
        """Remember which triggers the decision set."""
        self.set_by |= dict.fromkeys(decision.triggers_set, decision.number)


def record(
    recorder: Recorder, batch: Batch, ids: Sequence[str], raw: RawDecision, chain: Chain
) -> tuple[Decision, bytes, str]:
    """The decision, its canonical record and its hash; moves the chain on. `ids` are the ids of the table's rows."""
    event = ids[batch.rows[raw.event]] if raw.event >= 0 else None
    account = batch.accounts[raw.account]
    chain.number += 1
    decision = recorder.decision(raw.row, account, chain.number, raw.at, event, chain.last_hash)
    if decision.action == CORRECT:
        # A correction names the decisions that were wrong; in earlier editions, those that set what it releases. What
        # the opening of a line that was taken over stated was set by none.
        setters = {chain.set_by[name] for name in decision.triggers_released if name in chain.set_by}
        named = tuple(sorted(setters)) if raw.corrects is None else raw.corrects
        decision = replace(decision, corrects=named)
    chain.note(decision)
    data = canonical_json(decision)
    chain.last_hash = digest_of(data)
    return decision, data, chain.last_hash
