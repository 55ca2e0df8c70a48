"""The road back: found by running the kernel forward from the account's own state, and followed a second time.

found = find_road(kernel, state, day)      # Road, NoRoad, or None where nothing is held down
"""

from linekeeper.recourse.model import NoRoad, Plan, Point, Road
from linekeeper.recourse.search import find_road

__all__ = ["NoRoad", "Plan", "Point", "Road", "find_road"]
