"""From a pandas table to lines, a reason, a road back and a plot; run it from the root of the repository."""

from pathlib import Path

import pandas as pd

import linekeeper as lk

rows = [
    ("1", "A", "open", "2025-03-03T10:00+08:00", 1_000_000, None, None),
    ("2", "A", "draw", "2025-03-10T20:15+08:00", None, 400_000, None),
    ("3", "A", "due", "2025-03-10T20:16+08:00", None, 105_000, "2025-05-10"),
]
columns = ["id", "account", "kind", "at", "limit", "amount", "due_on"]
events = pd.DataFrame(rows, columns=columns).convert_dtypes()
events.to_csv("events.csv", index=False)  # the same for the command line
policy = lk.load_policy("docs/examples/cash-line.yaml")
with lk.open("stranger.db", policy) as engine:
    engine.receive(events)
    engine.review("2025-05-20")
    account = engine.account("A")
    print(pd.DataFrame.from_arrow(account.decisions)[["at", "action", "limit_minor", "status"]].to_string(index=False))
    print(engine.explain("A"))
    print(engine.recourse("A").describe())
    Path("lines.html").write_text(account.timeline.chart(), encoding="utf-8")
