"""This room works on many accounts at once: training data, scorecards, forecasts, outcomes, reports on a store."""

from __future__ import annotations

from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]  # a report as a value that `json.dumps` takes
