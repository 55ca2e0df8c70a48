"""How far back a rule looks: what a record must cover before a window that it reads is full."""

from __future__ import annotations

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.scorecard.card import scored_features

MONTH_DAYS_MAX = 31


def longest_window(policy: m.Policy, expr: ex.Expr) -> int:
    """The days that the longest window takes which the expression reads, features and score included; 0: it reads none.

    Months count as 31 days each. What `last` and `days_since` find
    may be of any day, so they are no windows.
    """
    features = {feature.name: feature.expr for feature in policy.features}
    waiting, read = [expr], set[str]()
    longest = 0
    while waiting:
        for node in ex.nodes_of(waiting.pop()):
            names: list[str] = []
            match node:
                case ex.Windowed():
                    longest = max(longest, window_days(node.reach))
                case ex.LateCount() | ex.Restrictions() | ex.Daily():
                    longest = max(longest, window_days(node.window))
                case ex.Ref(name):
                    names = [name]
                case ex.ScoreRef() if policy.score:
                    names = scored_features(policy.score)
            waiting += [features[name] for name in names if name not in read]
            read.update(names)
    return longest


def window_days(window: ex.Window) -> int:
    """The longest time, in days, that an event can stay in a window.

    >>> [window_days(ex.Window(*one)) for one in ((24, "h"), (25, "h"), (7, "d"), (12, "m"))]
    [3, 3, 7, 372]
    """
    return {"h": window.length // 24 + 2, "d": window.length, "m": window.length * MONTH_DAYS_MAX}[window.unit]
