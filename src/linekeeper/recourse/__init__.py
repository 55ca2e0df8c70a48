"""The road back: found by running the kernel forward from the account's own state, and followed a second time.

found = find_road_back(kernel, state, day)      # RoadBack, NoRoadBack, or None where nothing is held down
"""

from linekeeper.recourse.model import NoRoadBack, PathPoint, Plan, RoadBack
from linekeeper.recourse.road import find_road_back

__all__ = ["NoRoadBack", "Plan", "PathPoint", "RoadBack", "find_road_back"]
