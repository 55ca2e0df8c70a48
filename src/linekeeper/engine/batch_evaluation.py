"""How the admitted events of a batch are evaluated: from the states of their accounts, with histories where asked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sqlalchemy import Connection

from linekeeper.engine.history import reviewed_day
from linekeeper.engine.inbox import Admitted, Reversals
from linekeeper.engine.kept_histories import histories_before
from linekeeper.engine.versions import kernels_of, policy_periods_of
from linekeeper.evaluate.circuit_breaker import CircuitBreaker
from linekeeper.evaluate.evaluator import Arrivals, EvaluationResult, evaluate_batch
from linekeeper.evaluate.event_batch import Batch, Ints
from linekeeper.evaluate.late_events import History
from linekeeper.kernel.kernel import Kernel


class BatchEvaluation:
    """Runs a batch of the admitted events, or a part of it, under a kernel.

    `has_versions`: the store has had more than one version of the policy.
    """

    def __init__(
        self, connection: Connection, kernel: Kernel, admitted: Admitted, reversals: Reversals, has_versions: bool
    ) -> None:
        self._connection, self._kernel, self._has_versions = connection, kernel, has_versions
        self._first_seq, self._reversed_places = admitted.first_seq, reversals.places
        self._reviewed_day = reviewed_day(connection)
        numbers = np.arange(admitted.first_seq, admitted.first_seq + len(admitted.ids))
        self._arrivals = Arrivals(numbers, reversals.events)
        self._histories: dict[str, History] = {}

    def __call__(self, batch: Batch, states: Ints, breaker: CircuitBreaker | None) -> EvaluationResult:
        """The result from these states (changed in place), behind a breaker where there is one."""
        known = (self._reviewed_day, self._arrivals, self._histories_of)
        return evaluate_batch(self._kernel, batch, states, *known, breaker)

    def _histories_of(self, changing: Mapping[str, int]) -> dict[str, History]:
        """The histories of accounts with late facts, and how far back in time those reach."""
        earliest = {name: min(place, self._reversed_places.get(name, place)) for name, place in changing.items()}
        own = histories_before(self._connection, self._kernel, earliest, self._first_seq)
        if self._has_versions:
            periods = policy_periods_of(self._connection, kernels_of(self._connection), list(own))
            for account, (*ended, _) in periods.items():
                own[account].under = [(period.kernel, period.end_day) for period in ended]
        self._histories |= own
        return own

    def take_histories(self) -> dict[str, History]:
        """The histories that the runs since the last call have asked for."""
        own, self._histories = self._histories, {}
        return own
