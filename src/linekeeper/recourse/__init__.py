"""Recourse: the road back of an account whose line is held down, found by running the kernel forward.

    baseline -> actions -> candidates -> simulate -> build_plan -> verify      (what each may use: dependencies)

`find_road_back(kernel, state, day)` gives a `RoadBack`, a `NoRoadBack`, or None where nothing holds the line down.
`dead_ends` looks for states of a policy from which there is no road back; `what_if` runs a borrower's own payments.
"""

from linekeeper.recourse.model import NoRoadBack, PathPoint, Plan, RoadBack
from linekeeper.recourse.road import find_road_back

__all__ = ["NoRoadBack", "PathPoint", "Plan", "RoadBack", "find_road_back"]
