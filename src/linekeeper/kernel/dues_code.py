"""The code of a kernel that the policy's section `dues`, and the edition of the language, decide.

What is owed is the balance, where it is above 0. Where no draw, balance or opening has ever come, no event has told
what is owed, and the dues count in full: a lender may send dues, fees and payments alone. Edition 1 had no such bound.
"""

from __future__ import annotations

from linekeeper.kernel.constants import Constants
from linekeeper.kernel.lines import indented
from linekeeper.policy import model as m


class DuesCode:
    """Pieces of code for one policy under one edition; days are expressions of code, such as `today`."""

    def __init__(self, dues: m.DueTerms, constants: Constants, edition: int, relief: bool = False) -> None:
        self.dues, self.bounded, self.relief = dues, edition > 1, relief
        self.grace = constants.of("dues", "grace") if dues.grace_days else None
        self.tolerance = constants.of("dues", "tolerance") if dues.tolerance_minor else None
        parts = ("weekend", "off", "working") if dues.business_days else ()
        self.business_days = [constants.of("dues", part) for part in parts]

    # -------------------------------------------------------------- what is past due

    def _paid_by(self, day: str) -> str:
        """On that day a due is past due that is dated before this."""
        return f"{day} - {self.grace}" if self.grace else day

    def days_after(self, days: str) -> str:
        """How long after its date a due is so many days past due: never within the grace."""
        return f"max({days}, {self.grace} + 1)" if self.grace else days

    @property
    def _and_owes(self) -> str:
        return " and (s[BALANCE] > 0 or not s[OWED_KNOWN])" if self.bounded else ""

    @property
    def some_due_counts(self) -> str:
        """Whether unpaid dues can be past due, today or later."""
        return f"s[DUES] > 0{self._and_owes}"

    def is_past_due(self, day: str, more: str = "") -> str:
        """Whether something is past due."""
        return f"s[DUES] > 0 and s[DUE] < {self._paid_by(day)}{more}{self._and_owes}"

    def has_reached(self, day: str, days: int) -> str:
        """Whether the oldest due is so many days past due."""
        return f"s[DUES] > 0 and {day} - s[DUE] >= {self.days_after(str(days))}{self._and_owes}"

    def facts(self) -> dict[str, str]:
        """The values of the facts `past_due` and `days_past_due` as of `day`."""
        past_due = f"sum_past_due(s, DUES, DUE, {self._paid_by('day')})"
        if self.bounded:
            past_due = f"min({past_due}, max(s[BALANCE], 0) if s[OWED_KNOWN] else MONEY_MAX)"
        counts = self.is_past_due("day") if self.grace else self.some_due_counts
        return {"past_due": past_due, "days_past_due": f"max(s[REPORTED], day - s[DUE] if {counts} else 0)"}

    def next_past_due(self) -> list[str]:
        """Lines that bring `first` to the day on which one more due is past due."""
        return [
            "for i in range(s[DUES]):",
            f"    if s[DUE + 2 * i] >= {self._paid_by('day')}:",
            f"        first = min(first, s[DUE + 2 * i] + {self.days_after('1')})",
            "        break",
        ]

    # -------------------------------------------------------------- what an event does

    def account_lines(self, kind: str) -> list[str]:
        """What an event of a built-in kind does to balance, dues, streak and reported days."""
        match kind:
            case "draw":
                return ["s[BALANCE] = clamp(s[BALANCE] + x[DRAW_AMOUNT])", *self._owed_known]
            case "charge":
                return ["s[BALANCE] = clamp(s[BALANCE] + x[CHARGE_AMOUNT])"]
            case "repay":
                return ["s[BALANCE] = clamp(s[BALANCE] - x[REPAY_AMOUNT])", *self._paid_ahead(), *self._repaid()]
            case "due":
                return self._due()
            case "balance":
                return ["s[BALANCE] = x[BALANCE_AMOUNT]", *self._owed_known, *self._balance_named()]
            case "opening":
                return ["s[BALANCE] = stated_field(x, OPENING_BALANCE)", *self._owed_known, *self._stated()]
            case "moratorium" if self.relief:
                return [
                    "s[RELIEF_FROM] = max(x[MORATORIUM_FROM], today)",
                    "s[RELIEF_UNTIL] = x[MORATORIUM_UNTIL]",
                    "stand_still(s, DUES, DUE, RELIEF_FROM, today)",
                ]
            case "delinquency" if self.relief:
                return self._reported_in_relief()
            case "delinquency":
                streak = "s[STREAK] = s[STREAK] + 1 if x[DELINQUENCY_DAYS] == 0 else 0"
                return ["s[REPORTED] = x[DELINQUENCY_DAYS]", streak]
        return []

    def _stated(self) -> list[str]:
        """What an opening states to be past due; its days are counted, so no business day moves the date."""
        return [
            "past_due = stated_field(x, OPENING_PAST_DUE)",
            "days = stated_field(x, OPENING_DAYS_PAST_DUE)",
            f"if past_due > {self.tolerance or 0}:",
            "    add_due(s, DUES, DUE, DUES_MAX, past_due, hour // 24 - days)",
            "elif past_due <= 0 and days > 0:",
            "    s[REPORTED] = days",
        ]

    def _reported_in_relief(self) -> list[str]:
        """While days stand still a report can bring the days past due down, and never up."""
        return [
            "days = x[DELINQUENCY_DAYS]",
            "if s[RELIEF_FROM] <= today and today <= s[RELIEF_UNTIL]:",
            "    days = min(days, s[REPORTED])",
            "elif days > 0:",
            "    s[STREAK] = 0",
            "s[REPORTED] = days",
            "if x[DELINQUENCY_DAYS] == 0:",
            "    s[STREAK] += 1",
        ]

    @property
    def _owed_known(self) -> list[str]:
        return ["s[OWED_KNOWN] = 1"] if self.bounded else []

    def _balance_named(self) -> list[str]:
        """Who owes nothing, by the core system's own word, is not in arrears by an earlier word of it."""
        if not self.bounded:
            return []
        ahead = ["s[PAID_AHEAD] = min(s[PAID_AHEAD], -x[BALANCE_AMOUNT])"] if self.dues.prepaid_settles else []
        return ["if x[BALANCE_AMOUNT] <= 0:", *indented(["s[REPORTED] = 0", *ahead])]

    def _repaid(self) -> list[str]:
        return ["if s[DUES] > 0:", f"    s[STREAK] += {self._paying('x[REPAY_AMOUNT]')}"]

    def _paying(self, amount: str) -> str:
        """A call that settles the oldest dues with an amount; its value is how many were settled on time."""
        on_time_from = self._paid_by("today")
        if self.tolerance:
            return f"pay_dues_within(s, DUES, DUE, {amount}, {self.tolerance}, {on_time_from})"
        return f"pay_dues(s, DUES, DUE, {amount}, {on_time_from})"

    def _due(self) -> list[str]:
        """Without a section `dues` the date of a due, and its amount, stand as they came."""
        amount, due_on = "x[DUE_AMOUNT]", "x[DUE_DUE_ON]"
        lines = []
        if self.business_days:
            lines.append(f"due_on = business_day({due_on}, {', '.join(self.business_days)})")
            due_on = "due_on"
        if self.relief:
            lines.append(f"due_on = stood_date(s, RELIEF_FROM, {due_on})")
            due_on = "due_on"
        unpaid = " and s[DUES] > 0" if self.dues.prepaid_settles else ""
        joins = f"add_due(s, DUES, DUE, DUES_MAX, {amount}, {due_on})"
        comes_late = f"{due_on} < {self._paid_by('today')}{unpaid}{self._and_owes}"
        if not self.tolerance and not self.dues.prepaid_settles:
            return [*lines, joins, f"if {amount} > 0 and {comes_late}:", "    s[STREAK] = 0"]
        body = [*lines, joins, *self._paid_before(), f"if {comes_late}:", "    s[STREAK] = 0"]
        return [f"if {amount} > {self.tolerance or 0}:", *indented(body)]

    # -------------------------------------------------------------- money paid ahead

    def _paid_ahead(self) -> list[str]:
        """Keep what is left of a repayment after all unpaid dues.

        Where nothing is owed, all that was borrowed is paid: only what was paid beyond it is ahead.
        """
        if not self.dues.prepaid_settles:
            return []
        left = "max(x[REPAY_AMOUNT] - sum_past_due(s, DUES, DUE, NEVER), 0)"
        return [
            f"s[PAID_AHEAD] = min(s[PAID_AHEAD] + {left}, MONEY_MAX)",
            "if s[OWED_KNOWN] and s[BALANCE] <= 0:",
            "    s[PAID_AHEAD] = min(s[PAID_AHEAD], -s[BALANCE])",
        ]

    def _paid_before(self) -> list[str]:
        """Settle a due that has just come with what was paid ahead; no other due is unpaid then."""
        if not self.dues.prepaid_settles:
            return []
        return [
            "if s[PAID_AHEAD] > 0:",
            "    ahead = min(s[PAID_AHEAD], x[DUE_AMOUNT])",
            "    s[PAID_AHEAD] -= ahead",
            f"    s[STREAK] += {self._paying('ahead')}",
        ]
