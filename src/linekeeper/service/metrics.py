"""Figures of a running service in the text format of Prometheus: requests, their times, what the writer did."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter

from linekeeper.service.group_commit import GroupWriter

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 30_000)


class Metrics:
    """Counts of requests by route and status, and how many took at most so long. No label names a borrower."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._within: Counter[int] = Counter()
        self._total_ms = 0

    def note(self, method: str, route: str, status: int, took_ms: int) -> None:
        """Count a request; `route` is its pattern, never the path that was asked for."""
        with self._lock:
            self._requests[method, route, status] += 1
            self._within[bisect_left(BOUNDS_MS, took_ms)] += 1
            self._total_ms += took_ms

    def text(self, writer: GroupWriter) -> str:
        """All figures."""
        with self._lock:
            requests, within, total_ms = dict(self._requests), dict(self._within), self._total_ms
        lines = ["# TYPE linekeeper_requests_total counter"]
        for (method, route, status), count in sorted(requests.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            lines.append(f"linekeeper_requests_total{{{labels}}} {count}")
        lines.append("# TYPE linekeeper_request_ms histogram")
        so_far = 0
        for place, bound in enumerate(map(str, [*BOUNDS_MS, "+Inf"])):
            so_far += within.get(place, 0)
            lines.append(f'linekeeper_request_ms_bucket{{le="{bound}"}} {so_far}')
        lines += [f"linekeeper_request_ms_sum {total_ms}", f"linekeeper_request_ms_count {so_far}"]
        figures = writer.figures
        for name, kind, value in (
            ("writes_total", "counter", figures.pieces),
            ("commits_total", "counter", figures.commits),
            ("failed_commits_total", "counter", figures.failed),
            ("writes_waiting", "gauge", writer.waiting()),
        ):
            lines += [f"# TYPE linekeeper_{name} {kind}", f"linekeeper_{name} {value}"]
        return "\n".join(lines) + "\n"
