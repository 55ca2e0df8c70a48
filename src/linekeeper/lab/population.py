"""A seeded population of borrowers with a consumer cash line: who they are, how they live, what the lender sees.

The population is an open loop: nobody in it reads a decision. People draw up to the limit that they were granted on the
first day, whatever a policy would say. So the events are what a policy is judged on, and never its effect.

    population(accounts=3_000, days=730, seed=1).events   # an event table for policies/consumer-loan.yaml

Each draw is repaid in equal monthly instalments. A bill (`due`) of the month's instalments and its interest (`charge`)
comes seven days before the day on which it is due. Money comes on payday and goes every day; bills are paid in full, in
part, late or not at all, from the money that is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.bounds import DAY_MS, HOUR_MS

# ------------------------------------------------------------------ who the borrowers are

NO_TROUBLE = 10**6  # a day that does not come
MINOR_UNITS_OF_YUAN = 100  # minor units


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One way to live with a credit line. Chances are per day; of a pair, the second counts in trouble."""

    name: str
    share: float  # of the population
    costs: tuple[float, float]  # of living, as a share of income
    savings: float  # kept at hand at most, in months of income
    full: float  # how much of the line such a person is ready to owe
    impulse: tuple[float, float]  # draws without need
    need: tuple[float, float]  # draws where the money for a week is not there
    on_time: tuple[float, float]  # pays on the day, given the money
    late: tuple[float, float]  # pays on any one day after it
    enquiries: tuple[float, float]
    purchases: tuple[float, float]


STEADY, STRETCHED, RAPID, JOB_LOSS, FRAUD = range(5)

BEHAVIOURS = (
    Behaviour(  # trouble: a few distracted weeks, for some
        "steady", share=0.58, costs=(0.55, 0.60), savings=4.0, full=0.6, impulse=(0.010, 0.010), need=(0.02, 0.02),
        on_time=(0.985, 0.20), late=(0.5, 0.03), enquiries=(0.003, 0.003), purchases=(0.11, 0.11),
    ),
    Behaviour(  # trouble: a quarter that costs more than comes in, for a third
        "stretched", share=0.18, costs=(0.86, 1.02), savings=0.6, full=1.0, impulse=(0.012, 0.02), need=(0.10, 0.15),
        on_time=(0.88, 0.80), late=(0.12, 0.08), enquiries=(0.010, 0.03), purchases=(0.11, 0.11),
    ),
    Behaviour(  # trouble: a spree, for all
        "rapid borrower", share=0.10, costs=(0.76, 0.92), savings=0.7, full=1.0, impulse=(0.008, 0.35),
        need=(0.05, 0.30),
        on_time=(0.96, 0.50), late=(0.20, 0.05), enquiries=(0.006, 0.10), purchases=(0.11, 0.40),
    ),
    Behaviour(  # trouble: no income until the next job
        "job loss", share=0.11, costs=(0.70, 0.50), savings=0.8, full=1.0, impulse=(0.010, 0.0), need=(0.03, 0.25),
        on_time=(0.97, 0.80), late=(0.35, 0.15), enquiries=(0.004, 0.04), purchases=(0.11, 0.06),
    ),
    Behaviour(  # trouble: the account was opened to be emptied, or is taken over
        "fraud", share=0.03, costs=(0.55, 0.0), savings=1.0, full=1.0, impulse=(0.010, 1.0), need=(0.02, 1.0),
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
    due_day_of_month: np.ndarray  # day of the month on which bills are due, 8-28
    lead_days: np.ndarray  # how long before the due day this person likes to pay
    terms: np.ndarray  # months over which a draw is repaid: 3, 6 or 12
    trouble_from: np.ndarray  # a day, or NO_TROUBLE
    trouble_to: np.ndarray
    excess: np.ndarray  # 0 to 1: how far a spree goes
    gambles: np.ndarray  # whether there is gambling among the purchases
    visible_income_share: np.ndarray  # the share of income that passes through the wallet
    bureau_score: np.ndarray

    def __len__(self) -> int:
        return len(self.behaviour)


def sample_people(random: np.random.Generator, count: int, days: int) -> People:
    """So many people at random, in the shares of `BEHAVIOURS`.

    Only uniform numbers are used, since those of other distributions may differ between versions of numpy: a seed then
    means the same people everywhere.
    """
    uniform = random.random((16, count))
    edges = np.cumsum([behaviour.share for behaviour in BEHAVIOURS])[:-1]
    behaviour = np.searchsorted(edges, uniform[0], side="right")
    income = _round_down(3_000 + 17_000 * uniform[1] * uniform[2], 100)
    limit = np.clip(_round_down(income * (0.8 + 1.4 * uniform[3]), 500), 2_000, 50_000)
    open_day = _round_down(uniform[4] * np.where(behaviour == FRAUD, 0.6, 0.35) * days)
    wait, length = _trouble(behaviour, uniform[5], uniform[6])
    trouble_from = open_day + wait
    return People(
        behaviour=behaviour,
        open_day=open_day,
        income_minor=income * MINOR_UNITS_OF_YUAN,
        limit_minor=limit * MINOR_UNITS_OF_YUAN,
        payday=1 + _round_down(uniform[7] * 28),
        due_day_of_month=8 + _round_down(uniform[8] * 21),
        lead_days=_round_down(uniform[9] * uniform[9] * 4),
        terms=np.array((3, 6, 12))[np.searchsorted((0.25, 0.6), uniform[11], side="right")],
        trouble_from=trouble_from,
        trouble_to=trouble_from + length,
        excess=0.15 + 0.85 * uniform[12],
        gambles=uniform[13] < np.array((0.02, 0.08, 0.65, 0.03, 0.02))[behaviour],
        visible_income_share=np.where(uniform[14] < 0.12, 0.4 + 3 * uniform[14], 1.0),
        bureau_score=_round_down(560 + 160 * uniform[10] - 40 * (behaviour == STRETCHED)),
    )


def _trouble(behaviour: np.ndarray, when: np.ndarray, how_long: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days from opening to trouble, and how long it lasts."""
    kinds = [behaviour == kind for kind in (STEADY, STRETCHED, RAPID, JOB_LOSS, FRAUD)]
    wait = np.select(
        kinds,
        [
            np.where(when < 0.15, 60 + 3_000 * when, NO_TROUBLE),
            np.where(when < 0.35, 60 + 1_000 * when, NO_TROUBLE),
            60 + 240 * when,
            60 + 300 * when,
            np.where(when < 0.6, 2 + 30 * when, 100 + 300 * (when - 0.6)),
        ],
    )
    length = np.select(
        kinds,
        [
            10 + 35 * how_long,
            60 + 60 * how_long,
            40 + 110 * how_long,
            60 + 200 * how_long,
            np.full_like(when, NO_TROUBLE),
        ],
    )
    return _round_down(wait), _round_down(length)


def _round_down(values: Any, step: int = 1) -> np.ndarray:
    """Whole numbers: the values rounded down to a multiple of the step."""
    whole: np.ndarray = np.asarray(values / step).astype(np.int64) * step
    return whole


def figure_of(people: People, name: str, in_trouble: np.ndarray | None = None) -> np.ndarray:
    """A behaviour's figure for each person; of a pair, the one that counts now (`in_trouble`: bool, one a person)."""
    figures: np.ndarray = np.array([getattr(behaviour, name) for behaviour in BEHAVIOURS])[people.behaviour]
    if in_trouble is not None:
        figures = np.where(in_trouble, figures[:, 1], figures[:, 0])
    return figures


# ------------------------------------------------------------------ what the lender sees

LOCAL_OFFSET_MS = 8 * HOUR_MS  # Asia/Shanghai, no summer time since 1991


@dataclass
class EventLog:
    """The events of one population, kept as arrays day by day; `first_day` counts days since 1970-01-01."""

    first_day: int
    batches: dict[str, list[dict[str, np.ndarray]]] = field(default_factory=dict)

    def record(self, kind: str, day: int, who: np.ndarray, hour: np.ndarray | float, **fields: np.ndarray) -> None:
        """Record events of one kind on one day: `who` holds indices of people, `hour` the local hour."""
        if len(who):
            time = np.broadcast_to((np.asarray(hour) * HOUR_MS).astype(np.int64), who.shape)
            at = (self.first_day + day) * DAY_MS - LOCAL_OFFSET_MS + time
            self.batches.setdefault(kind, []).append({"who": who, "at": at} | fields)

    def as_table(self, accounts: pa.Array, choices: dict[str, tuple[str, ...]]) -> pa.Table:
        """All events in order of time, with ids such as `B0007-0012`.

        `choices`: for a field that is recorded as an index, the words that the indices stand for.
        """
        tables = []
        for kind, batches in self.batches.items():
            columns: dict[str, Any] = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
            for name in choices.keys() & columns.keys():
                columns[name] = pa.array(choices[name]).take(pa.array(columns[name]))
            tables.append(pa.table(columns | {"kind": pa.repeat(kind, len(columns["who"]))}))
        table = pa.concat_tables(tables, promote_options="default")
        table = table.take(np.argsort(table["at"].to_numpy(), kind="stable")).combine_chunks()
        who = table["who"].to_numpy()
        number = pc.utf8_lpad(pa.array(_rank_within_person(who)).cast(pa.string()), 4, "0")
        account = accounts.take(pa.array(who))
        fixed = {"id": pc.binary_join_element_wise(account, number, "-"), "account": account}
        rest = [name for name in table.column_names if name not in ("who", "at", "kind")]
        return pa.table(fixed | {name: table[name] for name in ("kind", "at", *rest)})


def _rank_within_person(who: np.ndarray) -> np.ndarray:
    """For each event, how many its person has had up to it, from 1.

    >>> _rank_within_person(np.array([5, 7, 5, 5, 7]))
    array([1, 1, 2, 3, 2])
    """
    order = np.argsort(who, kind="stable")
    starts = np.searchsorted(who[order], who[order], side="left")
    ranks = np.empty(len(who), dtype=np.int64)
    ranks[order] = np.arange(len(who)) - starts + 1
    return ranks


# ------------------------------------------------------------------ how they live, one day after the other

CATEGORIES = ("food", "daily", "travel", "health", "education", "leisure", "gaming", "gambling", "other")
CATEGORY_WEIGHTS = (0.30, 0.25, 0.10, 0.05, 0.05, 0.12, 0.05, 0.005, 0.075)
GAMBLING = CATEGORIES.index("gambling")
HARDSHIPS = ("illness", "job_loss", "disaster", "other")
INSTALMENTS_MAX = 12
BILL_LEAD_DAYS = 7
INTEREST_BP = 105  # a month, on what is owed
PENALTY_BP = 50  # a month, on what is overdue
WRITE_OFF_DAYS = 180
DRAW_STEP = 10_000  # draws come in steps of CNY 100
NEW_DEVICE_CHANCE = 0.001  # a person and a day
DRAWS_A_DAY_MAX = 4  # by one person
UNIFORM_NUMBERS = 26  # a person and a day


@dataclass(frozen=True, slots=True)
class Population:
    """`events`: the event table. `people`: account, behaviour, income_minor, limit_minor; a policy never sees these."""

    events: pa.Table
    people: pa.Table


@dataclass
class PopulationState:
    """The people and how they stand in the evening of `day`; money in minor units, [person] or [person, month]."""

    people: People
    log: EventLog
    cash: np.ndarray
    balance: np.ndarray  # instalments to come + unpaid bills
    scheduled: np.ndarray  # [person, month] instalments that are not billed yet
    unpaid_bills: np.ndarray  # [person, month] what is left of each bill
    due_day: np.ndarray  # [person, month]
    ended: np.ndarray  # written off or dead: no further event
    other_loans: np.ndarray  # at other lenders
    recent_enquiries: np.ndarray  # each counts a little less every day
    day: int = 0
    month: int = 0
    day_of_month: int = 1
    active: np.ndarray = field(init=False)
    in_trouble: np.ndarray = field(init=False)
    uniform: np.ndarray = field(init=False)  # [purpose, person] one number for each purpose, drawn again each day


def population(accounts: int = 3_000, days: int = 730, seed: int = 1, start: str = "2023-01-01") -> Population:
    """A population over so many days from `start`; the same arguments give the same bytes.

    >>> small = population(accounts=20, days=90, seed=7)
    >>> small.events.equals(population(accounts=20, days=90, seed=7).events), small.people.num_rows
    (True, 20)
    """
    random = np.random.Generator(np.random.PCG64(seed))
    people = sample_people(random, accounts, days)
    first = np.datetime64(start, "D")
    dates = first + np.arange(days)
    state = _start(people, EventLog(int(first.astype(np.int64))), dates)
    months = dates.astype("datetime64[M]").astype(np.int64)
    for day in range(days):
        state.day, state.month = day, int(months[day] - months[0])
        state.day_of_month = int((dates[day] - dates[day].astype("datetime64[M]")).astype(np.int64)) + 1
        state.uniform = random.random((UNIFORM_NUMBERS, accounts))
        _simulate_day(state)
    account_names = pa.array([f"B{number:05d}" for number in range(1, accounts + 1)])
    attributes = {
        "account": account_names,
        "behaviour": pa.array([behaviour.name for behaviour in BEHAVIOURS]).take(pa.array(people.behaviour)),
        "income_minor": people.income_minor,
        "limit_minor": people.limit_minor,
    }
    return Population(
        state.log.as_table(account_names, {"category": CATEGORIES, "code": HARDSHIPS}), pa.table(attributes)
    )


def _start(people: People, log: EventLog, dates: np.ndarray) -> PopulationState:
    """Everybody on the evening before the first day: no line is open yet."""
    count = len(people)
    starts = np.arange(dates[0].astype("datetime64[M]"), dates[-1].astype("datetime64[M]") + INSTALMENTS_MAX + 2)
    due_day = (starts.astype("datetime64[D]") - dates[0]).astype(np.int64) + people.due_day_of_month[:, None] - 1
    grid = np.zeros(due_day.shape, dtype=np.int64)
    nothing = np.zeros(count, dtype=np.int64)
    return PopulationState(
        people=people,
        log=log,
        cash=nothing.copy(),
        balance=nothing.copy(),
        scheduled=grid,
        unpaid_bills=grid.copy(),
        due_day=due_day,
        ended=np.zeros(count, dtype=bool),
        other_loans=nothing.copy(),
        recent_enquiries=np.zeros(count),
    )


def _simulate_day(state: PopulationState) -> None:
    """One day: income, spending, bills, draws, repayments, and what others report of the person."""
    people = state.people
    state.active = (people.open_day < state.day) & ~state.ended
    state.in_trouble = (people.trouble_from <= state.day) & (state.day < people.trouble_to)
    _open_lines(state, np.flatnonzero(people.open_day == state.day))
    _pay_income(state)
    _spend_money(state)
    _send_bills(state)
    for slot in range(DRAWS_A_DAY_MAX):
        _draw(state, slot)
    _pay_bills(state)
    _report_signals(state)
    _end_accounts(state)


def _open_lines(state: PopulationState, who: np.ndarray) -> None:
    """Their lines are opened, with the income verified from payslips."""
    people = state.people
    state.cash[who] = people.income_minor[who] // 2
    state.log.record("open", state.day, who, 10.0, limit=people.limit_minor[who])
    state.log.record("income", state.day, who, 10.1, amount=people.income_minor[who])
    state.log.record("device", state.day, who, 10.2, new=who * 0)


def _pay_income(state: PopulationState) -> None:
    """Income on payday; what was not spent of the last one is kept as far as this behaviour saves."""
    people = state.people
    works = ~((people.behaviour == JOB_LOSS) & state.in_trouble)
    who = np.flatnonzero(state.active & works & (people.payday == state.day_of_month))
    amount = people.income_minor[who] * (9_500 + (state.uniform[0, who] * 1_000).astype(np.int64)) // 10_000
    savings = (figure_of(people, "savings") * people.income_minor).astype(np.int64)[who]
    state.cash[who] = np.minimum(state.cash[who], savings) + amount
    visible = (amount * people.visible_income_share[who]).astype(np.int64)
    state.log.record("income", state.day, who, 9 + state.uniform[1, who] / 2, amount=visible)


def _spend_money(state: PopulationState) -> None:
    """The cost of living, and the purchases that the wallet shows; gambling comes on top."""
    people, uniform = state.people, state.uniform
    costs = (people.income_minor * figure_of(people, "costs", state.in_trouble) / 30).astype(np.int64)
    state.cash = np.maximum(state.cash - np.where(state.active, costs, 0), 0)
    who = np.flatnonzero(state.active & (uniform[2] < figure_of(people, "purchases", state.in_trouble)))
    runaway = (people.behaviour[who] == RAPID) & state.in_trouble[who]
    category = np.searchsorted(np.cumsum(CATEGORY_WEIGHTS)[:-1], uniform[3, who], side="right")
    bets = people.gambles[who] & (uniform[4, who] < np.where(runaway, 0.6 * people.excess[who], 0.10))
    category = np.where(bets, GAMBLING, category)
    size = np.where(
        category == GAMBLING, 0.02 + 0.06 * uniform[5, who], 0.004 + 0.05 * uniform[5, who] * uniform[5, who]
    )
    amount = (people.income_minor[who] * size).astype(np.int64) + 100
    night = uniform[6, who] < np.where(runaway, 0.6 * people.excess[who], 0.03)
    hour = np.where(night, 5 * uniform[7, who], 8 + 15 * uniform[7, who])
    lost = np.where(category == GAMBLING, amount, 0)
    state.cash[who] = np.maximum(state.cash[who] - lost, 0)
    state.log.record("purchase", state.day, who, hour, amount=amount, category=category)


def _draw(state: PopulationState, slot: int) -> None:
    """Draws for need or on impulse, up to the limit of the first day; only a spree makes more than one a day."""
    people, uniform = state.people, state.uniform
    rush = state.in_trouble & np.isin(people.behaviour, (RAPID, FRAUD))
    short = state.cash < people.income_minor // 5
    chance = np.maximum(
        figure_of(people, "impulse", state.in_trouble), np.where(short, figure_of(people, "need", state.in_trouble), 0)
    )
    pace = np.where(people.behaviour == FRAUD, 1.0, people.excess)
    chance = np.where(rush, chance * pace, chance)
    if slot:
        chance = np.where(rush, np.where(people.behaviour == FRAUD, 1.0, 0.3 * pace), 0.0)
    ready = (figure_of(people, "full") * people.limit_minor).astype(np.int64)
    share = np.where(people.behaviour == FRAUD, 0.3 * state.in_trouble + 0.05, 0.04 + 0.14 * uniform[8 + slot])
    wanted = np.minimum(people.limit_minor * share, ready - state.balance).astype(np.int64) // DRAW_STEP * DRAW_STEP
    behind = (state.unpaid_bills * (state.due_day < state.day)).any(axis=1)
    wants = state.active & (uniform[12 + slot] < chance) & (wanted >= DRAW_STEP) & (rush | ~behind)
    who = np.flatnonzero(wants)
    amount = wanted[who]
    _schedule(state, who, amount)
    state.cash[who] += amount
    state.balance[who] += amount
    night = rush[who] & (uniform[8 + slot, who] < 0.5)
    hour = np.where(night, 1.2 * slot + uniform[16, who], 9 + 2 * slot + 2 * uniform[16, who])
    state.log.record("draw", state.day, who, hour, amount=amount)


def _schedule(state: PopulationState, who: np.ndarray, amount: np.ndarray) -> None:
    """Equal instalments from the next bill on; the last one carries the remainder.

    Where this month's bill has been sent already, the first instalment falls on the next month.
    """
    terms = state.people.terms[who]
    first = state.month + (state.day_of_month >= state.people.due_day_of_month[who] - BILL_LEAD_DAYS)
    for term in np.unique(terms):
        these = np.flatnonzero(terms == term)
        part = amount[these] // term
        for number in range(term):
            extra = amount[these] - part * term if number == term - 1 else 0
            month = np.minimum(first[these] + number, state.scheduled.shape[1] - 1)
            state.scheduled[who[these], month] += part + extra


def _send_bills(state: PopulationState) -> None:
    """Charge interest and send the bill of this month, seven days before it is due."""
    people = state.people
    who = np.flatnonzero(
        state.active & (state.balance > 0) & (people.due_day_of_month - BILL_LEAD_DAYS == state.day_of_month)
    )
    overdue = (state.unpaid_bills * (state.due_day < state.day))[who].sum(axis=1)
    interest = state.balance[who] * INTEREST_BP // 10_000 + overdue * PENALTY_BP // 10_000
    amount = state.scheduled[who, state.month] + interest
    state.scheduled[who, state.month] = 0
    state.balance[who] += interest
    state.unpaid_bills[who, state.month] += amount
    charged, billed = interest > 0, amount > 0
    due_on = state.log.first_day + state.due_day[who, state.month]
    state.log.record("charge", state.day, who[charged], 2.0, amount=interest[charged])
    state.log.record("due", state.day, who[billed], 3.0, amount=amount[billed], due_on=due_on[billed])


def _pay_bills(state: PopulationState) -> None:
    """Bills are paid when they are due or later, in full where the money is there, else in part; oldest first."""
    people, uniform = state.people, state.uniform
    billed_so_far = state.unpaid_bills * (state.due_day - people.lead_days[:, None] <= state.day)
    total = billed_so_far.sum(axis=1)
    due_now = (billed_so_far * (state.due_day - people.lead_days[:, None] == state.day)).any(axis=1)
    chance = np.where(
        due_now, figure_of(people, "on_time", state.in_trouble), figure_of(people, "late", state.in_trouble)
    )
    amount = np.minimum(state.cash, total)
    enough = (amount == total) | (amount >= total // 3) & ~due_now
    who = np.flatnonzero(state.active & (total > 0) & (amount > 0) & enough & (uniform[17] < chance))
    _book_repayment(state, who, amount[who])
    repays_all = (
        state.active
        & (people.behaviour == STEADY)
        & (uniform[18] < 0.002)
        & (state.balance > 0)
        & (state.cash >= state.balance)
    )
    early = np.setdiff1d(np.flatnonzero(repays_all), who)
    state.scheduled[early] = 0
    _book_repayment(state, early, state.balance[early])


def _book_repayment(state: PopulationState, who: np.ndarray, amount: np.ndarray) -> None:
    """Take the amounts out of the cash and off the bills, the oldest bill first."""
    left = state.unpaid_bills[who]
    before = np.cumsum(left, axis=1) - left
    state.unpaid_bills[who] = left - np.clip(amount[:, None] - before, 0, left)
    state.cash[who] -= amount
    state.balance[who] -= amount
    state.log.record("repay", state.day, who, 17 + 5 * state.uniform[19, who], amount=amount)


def _report_signals(state: PopulationState) -> None:
    """What others report of the person: enquiries, the bureau, devices, hardship, confirmed fraud."""
    people, uniform, day = state.people, state.uniform, state.day
    asks = state.active & (uniform[20] < figure_of(people, "enquiries", state.in_trouble))
    state.recent_enquiries = state.recent_enquiries * 0.98 + asks
    state.other_loans += asks & (uniform[21] < 0.35)
    state.log.record("enquiry", day, np.flatnonzero(asks), 11.0)
    if state.day_of_month == 3:
        state.other_loans = np.maximum(state.other_loans - (uniform[22] < 0.10), 0)
        who = np.flatnonzero(state.active)
        behind = (state.unpaid_bills * (state.due_day < day - 30))[who].any(axis=1)
        score = people.bureau_score[who] - (state.recent_enquiries[who] * 8).astype(np.int64) - 60 * behind
        state.log.record("bureau", day, who, 4.0, score=np.maximum(score, 300), open_loans=state.other_loans[who])
    taken_over = (people.behaviour == FRAUD) & (people.trouble_from == day)
    new = state.active & ((uniform[23] < NEW_DEVICE_CHANCE) | taken_over)
    login = np.flatnonzero(new | state.active & (uniform[24] < 0.01))
    state.log.record("device", day, login, 0.5, new=new[login].astype(np.int64))
    reported = np.flatnonzero(
        (people.behaviour == JOB_LOSS) & (people.trouble_from + 20 == day) & state.active & (uniform[25] < 0.35)
    )
    state.log.record("hardship", day, reported, 15.0, code=reported * 0 + HARDSHIPS.index("job_loss"))
    detected = (people.behaviour == FRAUD) & (people.trouble_from + 45 == day) & state.active
    state.log.record("fraud", day, np.flatnonzero(detected), 16.0)


def _end_accounts(state: PopulationState) -> None:
    """Debt that is half a year overdue is written off; a few people die."""
    lost = state.active & (state.unpaid_bills * (state.due_day <= state.day - WRITE_OFF_DAYS)).any(axis=1)
    died = state.active & ~lost & (state.uniform[25] > 1 - 2e-6)
    state.log.record("charge_off", state.day, np.flatnonzero(lost), 23.0)
    state.log.record("deceased", state.day, np.flatnonzero(died), 23.0)
    state.ended |= lost | died
