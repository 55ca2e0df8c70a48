"""Which way a value moves: by time alone, or as one of its arguments rises."""

from __future__ import annotations

from enum import Enum


class Trend(Enum):
    """A direction: in which a value moves by time alone, or as one of its arguments rises.

    What moves down by time may end in missing, as the greatest value of a window does when the window empties.
    """

    STILL = "still"
    DOWN = "down"
    UP = "up"
    ANY = "any"

    def __neg__(self) -> Trend:
        """
        >>> -Trend.UP, -Trend.STILL
        (<Trend.DOWN: 'down'>, <Trend.STILL: 'still'>)
        """
        return {Trend.DOWN: Trend.UP, Trend.UP: Trend.DOWN}.get(self, self)

    def __add__(self, other: Trend) -> Trend:
        """The direction of a sum of two values.

        >>> Trend.UP + Trend.STILL, Trend.UP + Trend.DOWN
        (<Trend.UP: 'up'>, <Trend.ANY: 'any'>)
        """
        if Trend.STILL in (self, other) or self == other:
            return other if self == Trend.STILL else self
        return Trend.ANY

    def __mul__(self, argument: Trend) -> Trend:
        """The direction of a value that moves this way as its argument rises, where the argument moves that way.

        >>> Trend.DOWN * Trend.UP, Trend.ANY * Trend.UP, Trend.ANY * Trend.STILL
        (<Trend.DOWN: 'down'>, <Trend.ANY: 'any'>, <Trend.STILL: 'still'>)
        """
        if Trend.STILL in (self, argument):
            return Trend.STILL
        return Trend.ANY if self == Trend.ANY else argument if self == Trend.UP else -argument
