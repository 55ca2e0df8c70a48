"""Monthly panels as events: data that knows the month alone is placed on fixed days.

Every instant is local time of Asia/Taipei, UTC+8 the whole year round (no summer time since 1980). The days are
synthetic, the same in each month: draws on the 10th, repayments and refunds on the 20th, at noon; statements on the
last day at 20:00, and the report of days past due an hour later.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.connect.event_table import sort_by_time
from linekeeper.core.bounds import HOUR_MS

LOCAL_OFFSET_HOURS = 8

DRAW = (10, 12)  # day of the month, local hour
REPAY = (20, 12)
REFUND = (20, 13)
STATEMENT = (0, 20)  # day 0: the last of the month
REPORT = (0, 21)


def month_instants(months: np.ndarray, day_and_hour: tuple[int, int]) -> np.ndarray:
    """UTC milliseconds of a day and local hour in each month (months since 1970-01); day 0 is the last day.

    >>> month_instants(np.array([423]), STATEMENT).astype("datetime64[ms]")
    array(['2005-04-30T12:00:00.000'], dtype='datetime64[ms]')
    """
    day, hour = day_and_hour
    starts = (months + (day == 0)).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    at: np.ndarray = ((starts + day - 1) * 24 + hour - LOCAL_OFFSET_HOURS) * HOUR_MS
    return at


def monthly_events(
    kind: str, accounts: np.ndarray, months: np.ndarray, day_and_hour: tuple[int, int], **fields: Any
) -> pa.Table:
    """Events of one kind, one for each entry of `accounts` and `months`, with ids such as `7-2005-04-repay`.

    A field is an array of the same length, or a pyarrow one.
    """
    names = pa.array(accounts).cast(pa.string())
    parts_of_id = (names, pa.array(months.astype("datetime64[M]").astype(str)), kind)
    return pa.table(
        {
            "id": pc.binary_join_element_wise(*parts_of_id, "-"),
            "account": names,
            "kind": pa.repeat(kind, len(accounts)),
            "at": pa.array(month_instants(months, day_and_hour)),
        }
        | {name: pa.array(values) for name, values in fields.items()}
    )


def join_by_time(tables: list[pa.Table]) -> pa.Table:
    """The tables as one, in order of time; fields that one of them lacks are null."""
    return sort_by_time(pa.concat_tables(tables, promote_options="default")).combine_chunks()
