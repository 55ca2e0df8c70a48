"""Who the borrowers are: five kinds of behaviour, and what chance gives to each person at the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

NEVER = 10**6  # a day that does not come
CNY = 100  # minor units


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One way to live with a credit line. Chances are per day; of a pair, the second counts in trouble."""

    name: str
    share: float  # of the population
    costs: tuple[float, float]  # of living, as a share of income
    savings: float  # kept at hand at most, in months of income
    full: float  # how much of the line such a person is ready to owe
    whim: tuple[float, float]  # draws without need
    need: tuple[float, float]  # draws where the money for a week is not there
    on_time: tuple[float, float]  # pays on the day, given the money
    late: tuple[float, float]  # pays on any one day after it
    enquiries: tuple[float, float]
    purchases: tuple[float, float]


STEADY, STRETCHED, RAPID, JOB_LOSS, FRAUD = range(5)

BEHAVIOURS = (
    Behaviour(  # trouble: a few distracted weeks, for some
        "steady", share=0.58, costs=(0.55, 0.60), savings=4.0, full=0.6, whim=(0.010, 0.010), need=(0.02, 0.02),
        on_time=(0.985, 0.20), late=(0.5, 0.03), enquiries=(0.003, 0.003), purchases=(0.11, 0.11),
    ),
    Behaviour(  # trouble: a quarter that costs more than comes in, for a third
        "stretched", share=0.18, costs=(0.86, 1.02), savings=0.6, full=1.0, whim=(0.012, 0.02), need=(0.10, 0.15),
        on_time=(0.88, 0.80), late=(0.12, 0.08), enquiries=(0.010, 0.03), purchases=(0.11, 0.11),
    ),
    Behaviour(  # trouble: a spree, for all
        "rapid borrower", share=0.10, costs=(0.76, 0.92), savings=0.7, full=1.0, whim=(0.008, 0.35), need=(0.05, 0.30),
        on_time=(0.96, 0.50), late=(0.20, 0.05), enquiries=(0.006, 0.10), purchases=(0.11, 0.40),
    ),
    Behaviour(  # trouble: no income until the next job
        "job loss", share=0.11, costs=(0.70, 0.50), savings=0.8, full=1.0, whim=(0.010, 0.0), need=(0.03, 0.25),
        on_time=(0.97, 0.80), late=(0.35, 0.15), enquiries=(0.004, 0.04), purchases=(0.11, 0.06),
    ),
    Behaviour(  # trouble: the account was opened to be emptied, or is taken over
        "fraud", share=0.03, costs=(0.55, 0.0), savings=1.0, full=1.0, whim=(0.010, 1.0), need=(0.02, 1.0),
        on_time=(0.97, 0.0), late=(0.40, 0.0), enquiries=(0.003, 0.02), purchases=(0.11, 0.11),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class People:
    """One array each, one element a person. Money in minor units, days from the first day of the population."""

    behaviour: np.ndarray  # index into BEHAVIOURS
    open_day: np.ndarray
    income_minor: np.ndarray  # a month
    limit_minor: np.ndarray
    payday: np.ndarray  # day of the month, 1-28
    due_dom: np.ndarray  # day of the month on which bills are due, 8-28
    lead_days: np.ndarray  # how long before the due day this person likes to pay
    terms: np.ndarray  # months over which a draw is repaid: 3, 6 or 12
    trouble_from: np.ndarray  # a day, or NEVER
    trouble_to: np.ndarray
    strength: np.ndarray  # 0 to 1: how far a spree goes
    gambles: np.ndarray  # whether there is gambling among the purchases
    seen: np.ndarray  # the share of income that passes through the wallet
    bureau_score: np.ndarray

    def __len__(self) -> int:
        return len(self.behaviour)


def draw_people(rng: np.random.Generator, count: int, days: int) -> People:
    """People by chance, in fixed shares. Uses uniform numbers alone, so that a seed means the same everywhere."""
    import numpy as np

    u = rng.random((16, count))
    edges = np.cumsum([behaviour.share for behaviour in BEHAVIOURS])[:-1]
    behaviour = np.searchsorted(edges, u[0], side="right")
    income = _whole(3_000 + 17_000 * u[1] * u[2], 100)
    limit = np.clip(_whole(income * (0.8 + 1.4 * u[3]), 500), 2_000, 50_000)
    open_day = _whole(u[4] * np.where(behaviour == FRAUD, 0.6, 0.35) * days)
    wait, length = _trouble(behaviour, u[5], u[6])
    trouble_from = open_day + wait
    return People(
        behaviour=behaviour,
        open_day=open_day,
        income_minor=income * CNY,
        limit_minor=limit * CNY,
        payday=1 + _whole(u[7] * 28),
        due_dom=8 + _whole(u[8] * 21),
        lead_days=_whole(u[9] * u[9] * 4),
        terms=np.array((3, 6, 12))[np.searchsorted((0.25, 0.6), u[11], side="right")],
        trouble_from=trouble_from,
        trouble_to=trouble_from + length,
        strength=0.15 + 0.85 * u[12],
        gambles=u[13] < np.array((0.02, 0.08, 0.65, 0.03, 0.02))[behaviour],
        seen=np.where(u[14] < 0.12, 0.4 + 3 * u[14], 1.0),
        bureau_score=_whole(560 + 160 * u[10] - 40 * (behaviour == STRETCHED)),
    )


def _trouble(behaviour: np.ndarray, when: np.ndarray, how_long: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days from opening to trouble, and how long it lasts."""
    import numpy as np

    chosen = [behaviour == kind for kind in (STEADY, STRETCHED, RAPID, JOB_LOSS, FRAUD)]
    wait = np.select(
        chosen,
        [
            np.where(when < 0.15, 60 + 3_000 * when, NEVER),
            np.where(when < 0.35, 60 + 1_000 * when, NEVER),
            60 + 240 * when,
            60 + 300 * when,
            np.where(when < 0.6, 2 + 30 * when, 100 + 300 * (when - 0.6)),
        ],
    )
    length = np.select(
        chosen,
        [10 + 35 * how_long, 60 + 60 * how_long, 40 + 110 * how_long, 60 + 200 * how_long, np.full_like(when, NEVER)],
    )
    return _whole(wait), _whole(length)


def _whole(values: Any, step: int = 1) -> np.ndarray:
    """Down to a multiple of the step."""
    import numpy as np

    whole: np.ndarray = np.asarray(values / step).astype(np.int64) * step
    return whole


def per_person(people: People, name: str, troubled: np.ndarray | None = None) -> np.ndarray:
    """A behaviour's figure for each person; of a pair, the one that counts now (`troubled`: bool, one a person)."""
    import numpy as np

    figures: np.ndarray = np.array([getattr(behaviour, name) for behaviour in BEHAVIOURS])[people.behaviour]
    if troubled is not None:
        figures = np.where(troubled, figures[:, 1], figures[:, 0])
    return figures
