"""How the borrowers live: one day after the other, all people at once.

Each draw is repaid in equal monthly instalments; a bill (`due`) of the month's instalments and its interest
(`charge`) comes seven days before the day it is due. Money comes on payday and goes every day; bills are paid
from what is there, or late, or in part, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from linekeeper.lab.population.diary import Diary
from linekeeper.lab.population.people import BEHAVIOURS, FRAUD, JOB_LOSS, RAPID, STEADY, People, draw_people, per_person

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CATEGORIES = ("food", "daily", "travel", "health", "education", "leisure", "gaming", "gambling", "other")
WEIGHTS = (0.30, 0.25, 0.10, 0.05, 0.05, 0.12, 0.05, 0.005, 0.075)
GAMBLING = CATEGORIES.index("gambling")
HARDSHIPS = ("illness", "job_loss", "disaster", "other")
INSTALMENTS_MAX = 12
BILL_LEAD_DAYS = 7
INTEREST_BP = 105  # a month, on what is owed
PENALTY_BP = 50  # a month, on what is overdue
WRITE_OFF_DAYS = 180
DRAW_STEP = 10_000  # draws come in steps of CNY 100
NEW_DEVICE = 0.001  # a person and a day
SLOTS = 4  # draws a day at most
CHANCES = 26  # uniform numbers a person and a day


@dataclass(frozen=True, slots=True)
class Population:
    """`events`: the event table. `people`: account, behaviour, income_minor, limit_minor; never told to a policy."""

    events: pa.Table
    people: pa.Table


@dataclass
class Town:
    """The people and how they stand this evening; money in minor units, [person] or [person, month]."""

    people: People
    diary: Diary
    cash: np.ndarray
    owed: np.ndarray  # instalments to come + unpaid bills
    to_come: np.ndarray  # [person, month] instalments that are not billed yet
    unpaid: np.ndarray  # [person, month] what is left of each bill
    due_day: np.ndarray  # [person, month]
    gone: np.ndarray  # written off or dead: nothing happens any more
    loans: np.ndarray  # at other lenders
    asked: np.ndarray  # recent enquiries, fading
    day: int = 0
    month: int = 0
    dom: int = 1
    alive: np.ndarray = field(init=False)
    troubled: np.ndarray = field(init=False)
    u: np.ndarray = field(init=False)


def population(accounts: int = 3_000, days: int = 730, seed: int = 1, start: str = "2023-01-01") -> Population:
    """A population over so many days from `start`; the same arguments give the same bytes.

    >>> small = population(accounts=20, days=90, seed=7)
    >>> small.events.equals(population(accounts=20, days=90, seed=7).events), small.people.num_rows
    (True, 20)
    """
    import numpy as np
    import pyarrow as pa

    rng = np.random.Generator(np.random.PCG64(seed))
    people = draw_people(rng, accounts, days)
    first = np.datetime64(start, "D")
    dates = first + np.arange(days)
    town = _settle(people, Diary(int(first.astype(np.int64))), dates)
    months = dates.astype("datetime64[M]").astype(np.int64)
    for day in range(days):
        town.day, town.month = day, int(months[day] - months[0])
        town.dom = int((dates[day] - dates[day].astype("datetime64[M]")).astype(np.int64)) + 1
        town.u = rng.random((CHANCES, accounts))
        _live(town)
    names = pa.array([f"B{number:05d}" for number in range(1, accounts + 1)])
    known = {
        "account": names,
        "behaviour": pa.array([behaviour.name for behaviour in BEHAVIOURS]).take(pa.array(people.behaviour)),
        "income_minor": people.income_minor,
        "limit_minor": people.limit_minor,
    }
    return Population(town.diary.bound(names, {"category": CATEGORIES, "code": HARDSHIPS}), pa.table(known))


def _settle(people: People, diary: Diary, dates: np.ndarray) -> Town:
    import numpy as np

    count = len(people)
    starts = np.arange(dates[0].astype("datetime64[M]"), dates[-1].astype("datetime64[M]") + INSTALMENTS_MAX + 2)
    due_day = (starts.astype("datetime64[D]") - dates[0]).astype(np.int64) + people.due_dom[:, None] - 1
    grid = np.zeros(due_day.shape, dtype=np.int64)
    nothing = np.zeros(count, dtype=np.int64)
    return Town(
        people=people,
        diary=diary,
        cash=nothing.copy(),
        owed=nothing.copy(),
        to_come=grid,
        unpaid=grid.copy(),
        due_day=due_day,
        gone=np.zeros(count, dtype=bool),
        loans=nothing.copy(),
        asked=np.zeros(count),
    )


def _live(town: Town) -> None:
    """One day: what comes in, goes out, is billed, borrowed, paid, and what else shows."""
    import numpy as np

    people = town.people
    town.alive = (people.open_day < town.day) & ~town.gone
    town.troubled = (people.trouble_from <= town.day) & (town.day < people.trouble_to)
    _open(town, np.flatnonzero(people.open_day == town.day))
    _earn(town)
    _spend(town)
    _bill(town)
    for slot in range(SLOTS):
        _borrow(town, slot)
    _pay(town)
    _signal(town)
    _end(town)


def _open(town: Town, who: np.ndarray) -> None:
    """The line is opened; the income is verified from payslips."""
    people = town.people
    town.cash[who] = people.income_minor[who] // 2
    town.diary.note("open", town.day, who, 10.0, limit=people.limit_minor[who])
    town.diary.note("income", town.day, who, 10.1, amount=people.income_minor[who])
    town.diary.note("device", town.day, who, 10.2, new=who * 0)


def _earn(town: Town) -> None:
    import numpy as np

    people = town.people
    works = ~((people.behaviour == JOB_LOSS) & town.troubled)
    who = np.flatnonzero(town.alive & works & (people.payday == town.dom))
    amount = people.income_minor[who] * (9_500 + (town.u[0, who] * 1_000).astype(np.int64)) // 10_000
    kept = (per_person(people, "savings") * people.income_minor).astype(np.int64)[who]
    town.cash[who] = np.minimum(town.cash[who], kept) + amount
    shown = (amount * people.seen[who]).astype(np.int64)
    town.diary.note("income", town.day, who, 9 + town.u[1, who] / 2, amount=shown)


def _spend(town: Town) -> None:
    """The cost of living, and the purchases that the wallet shows; gambling comes on top."""
    import numpy as np

    people, u = town.people, town.u
    costs = (people.income_minor * per_person(people, "costs", town.troubled) / 30).astype(np.int64)
    town.cash = np.maximum(town.cash - np.where(town.alive, costs, 0), 0)
    who = np.flatnonzero(town.alive & (u[2] < per_person(people, "purchases", town.troubled)))
    runaway = (people.behaviour[who] == RAPID) & town.troubled[who]
    category = np.searchsorted(np.cumsum(WEIGHTS)[:-1], u[3, who], side="right")
    bets = people.gambles[who] & (u[4, who] < np.where(runaway, 0.6 * people.strength[who], 0.10))
    category = np.where(bets, GAMBLING, category)
    size = np.where(category == GAMBLING, 0.02 + 0.06 * u[5, who], 0.004 + 0.05 * u[5, who] * u[5, who])
    amount = (people.income_minor[who] * size).astype(np.int64) + 100
    night = u[6, who] < np.where(runaway, 0.6 * people.strength[who], 0.03)
    hour = np.where(night, 5 * u[7, who], 8 + 15 * u[7, who])
    lost = np.where(category == GAMBLING, amount, 0)
    town.cash[who] = np.maximum(town.cash[who] - lost, 0)
    town.diary.note("purchase", town.day, who, hour, amount=amount, category=category)


def _borrow(town: Town, slot: int) -> None:
    """Draws for need or on a whim, up to the limit of the first day; more than one a day only in a rush."""
    import numpy as np

    people, u = town.people, town.u
    rush = town.troubled & np.isin(people.behaviour, (RAPID, FRAUD))
    short = town.cash < people.income_minor // 5
    chance = np.maximum(
        per_person(people, "whim", town.troubled), np.where(short, per_person(people, "need", town.troubled), 0)
    )
    pace = np.where(people.behaviour == FRAUD, 1.0, people.strength)
    chance = np.where(rush, chance * pace, chance)
    if slot:
        chance = np.where(rush, np.where(people.behaviour == FRAUD, 1.0, 0.3 * pace), 0.0)
    ready = (per_person(people, "full") * people.limit_minor).astype(np.int64)
    share = np.where(people.behaviour == FRAUD, 0.3 * town.troubled + 0.05, 0.04 + 0.14 * u[8 + slot])
    wanted = np.minimum(people.limit_minor * share, ready - town.owed).astype(np.int64) // DRAW_STEP * DRAW_STEP
    behind = (town.unpaid * (town.due_day < town.day)).any(axis=1)
    wants = town.alive & (u[12 + slot] < chance) & (wanted >= DRAW_STEP) & (rush | ~behind)
    who = np.flatnonzero(wants)
    amount = wanted[who]
    _schedule(town, who, amount)
    town.cash[who] += amount
    town.owed[who] += amount
    night = rush[who] & (u[8 + slot, who] < 0.5)
    hour = np.where(night, 1.2 * slot + u[16, who], 9 + 2 * slot + 2 * u[16, who])
    town.diary.note("draw", town.day, who, hour, amount=amount)


def _schedule(town: Town, who: np.ndarray, amount: np.ndarray) -> None:
    """Equal instalments from the next bill on; the last one carries the remainder. A bill day that has passed
    this month leaves the first to the next month."""
    import numpy as np

    terms = town.people.terms[who]
    first = town.month + (town.dom >= town.people.due_dom[who] - BILL_LEAD_DAYS)
    for term in np.unique(terms):
        these = np.flatnonzero(terms == term)
        part = amount[these] // term
        for number in range(term):
            extra = amount[these] - part * term if number == term - 1 else 0
            month = np.minimum(first[these] + number, town.to_come.shape[1] - 1)
            town.to_come[who[these], month] += part + extra


def _bill(town: Town) -> None:
    """Interest, and the bill of this month, seven days before it is due."""
    import numpy as np

    people = town.people
    who = np.flatnonzero(town.alive & (town.owed > 0) & (people.due_dom - BILL_LEAD_DAYS == town.dom))
    overdue = (town.unpaid * (town.due_day < town.day))[who].sum(axis=1)
    interest = town.owed[who] * INTEREST_BP // 10_000 + overdue * PENALTY_BP // 10_000
    amount = town.to_come[who, town.month] + interest
    town.to_come[who, town.month] = 0
    town.owed[who] += interest
    town.unpaid[who, town.month] += amount
    charged, billed = interest > 0, amount > 0
    due_on = town.diary.first_day + town.due_day[who, town.month]
    town.diary.note("charge", town.day, who[charged], 2.0, amount=interest[charged])
    town.diary.note("due", town.day, who[billed], 3.0, amount=amount[billed], due_on=due_on[billed])


def _pay(town: Town) -> None:
    """Bills are paid when they are due or later, in full where the money is there, else in part; oldest first."""
    import numpy as np

    people, u = town.people, town.u
    asked_for = town.unpaid * (town.due_day - people.lead_days[:, None] <= town.day)
    total = asked_for.sum(axis=1)
    first = (asked_for * (town.due_day - people.lead_days[:, None] == town.day)).any(axis=1)
    chance = np.where(first, per_person(people, "on_time", town.troubled), per_person(people, "late", town.troubled))
    amount = np.minimum(town.cash, total)
    enough = (amount == total) | (amount >= total // 3) & ~first
    who = np.flatnonzero(town.alive & (total > 0) & (amount > 0) & enough & (u[17] < chance))
    _settled(town, who, amount[who])
    all_in = town.alive & (people.behaviour == STEADY) & (u[18] < 0.002) & (town.owed > 0) & (town.cash >= town.owed)
    done = np.setdiff1d(np.flatnonzero(all_in), who)
    town.to_come[done] = 0
    _settled(town, done, town.owed[done])


def _settled(town: Town, who: np.ndarray, amount: np.ndarray) -> None:
    import numpy as np

    left = town.unpaid[who]
    before = np.cumsum(left, axis=1) - left
    town.unpaid[who] = left - np.clip(amount[:, None] - before, 0, left)
    town.cash[who] -= amount
    town.owed[who] -= amount
    town.diary.note("repay", town.day, who, 17 + 5 * town.u[19, who], amount=amount)


def _signal(town: Town) -> None:
    """What others report: enquiries, the bureau, devices, hardship, and the fraud desk."""
    import numpy as np

    people, u, day = town.people, town.u, town.day
    asks = town.alive & (u[20] < per_person(people, "enquiries", town.troubled))
    town.asked = town.asked * 0.98 + asks
    town.loans += asks & (u[21] < 0.35)
    town.diary.note("enquiry", day, np.flatnonzero(asks), 11.0)
    if town.dom == 3:
        town.loans = np.maximum(town.loans - (u[22] < 0.10), 0)
        who = np.flatnonzero(town.alive)
        behind = (town.unpaid * (town.due_day < day - 30))[who].any(axis=1)
        score = people.bureau_score[who] - (town.asked[who] * 8).astype(np.int64) - 60 * behind
        town.diary.note("bureau", day, who, 4.0, score=np.maximum(score, 300), open_loans=town.loans[who])
    taken_over = (people.behaviour == FRAUD) & (people.trouble_from == day)
    new = town.alive & ((u[23] < NEW_DEVICE) | taken_over)
    login = np.flatnonzero(new | town.alive & (u[24] < 0.01))
    town.diary.note("device", day, login, 0.5, new=new[login].astype(np.int64))
    told = np.flatnonzero(
        (people.behaviour == JOB_LOSS) & (people.trouble_from + 20 == day) & town.alive & (u[25] < 0.35)
    )
    town.diary.note("hardship", day, told, 15.0, code=told * 0 + HARDSHIPS.index("job_loss"))
    found = (people.behaviour == FRAUD) & (people.trouble_from + 45 == day) & town.alive
    town.diary.note("fraud", day, np.flatnonzero(found), 16.0)


def _end(town: Town) -> None:
    """Half a year overdue is written off; a few people die."""
    import numpy as np

    lost = town.alive & (town.unpaid * (town.due_day <= town.day - WRITE_OFF_DAYS)).any(axis=1)
    died = town.alive & ~lost & (town.u[25] > 1 - 2e-6)
    town.diary.note("charge_off", town.day, np.flatnonzero(lost), 23.0)
    town.diary.note("deceased", town.day, np.flatnonzero(died), 23.0)
    town.gone |= lost | died
