"""Reads a policy file: YAML by ruamel, expressions by `parser`; it shares nothing with `linekeeper.policy`.

It reads valid policies only. Of fitted cards (`card: FILE`) it reads those of trees, whose file is handed to it.

>>> head = "policy: p\\nversion: 1\\ncurrency: JPY\\ntime_zone: UTC\\n"
>>> read(head + "triggers: {t: {when: balance > 5 JPY, suspend: yes, reason: r}}").triggers[0].when
Compare(op='>', left=Fact(name='balance'), right=Literal(value=5, unit='money'))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from itertools import product
from typing import Any

from ruamel.yaml import YAML

from tests.oracle import tree as t
from tests.oracle.forest_file import forest_score
from tests.oracle.parser import Names, Parser, Phrase

DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "KWD": 3, "BHD": 3}  # of the minor unit, where it is not 2
DEFAULT_HONOUR = "90d"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@lru_cache(maxsize=256)
def read(text: str, card: bytes | None = None) -> t.Policy:
    """The policy in that text; `card` is what stands in the file of its card."""
    return _File(YAML(typ="base", pure=True).load(text), card).policy()


def parse_days(text: str) -> int:
    """`180d` or `2y` as days."""
    return 365 * int(text[:-1]) if text.endswith("y") else int(text.removesuffix("d"))


class _File:
    """One file as mappings, lists and words, and what its names mean."""

    def __init__(self, root: Mapping[str, Any], card: bytes | None) -> None:
        self.root, self.card = root, card = with_arms(with_parts(root)), card
        self.currency = str(root["currency"])
        self.digits = int(root.get("minor_digits", DIGITS.get(self.currency, 2)))
        self.publish = dict(root["customer"]["publish"]) if "customer" in root else {}
        built_in = t.built_in_kinds(root["triggers"])
        if self.publish:
            built_in = t.with_customers(built_in)
        self.ties = tuple(self.tie(*item) for item in root["links"]["ties"].items()) if "links" in root else ()
        if self.ties:
            built_in = t.with_links(built_in, (tie.name for tie in self.ties))
        self.kinds = t.with_own_kinds(built_in, self.own_kinds())
        self.features: dict[str, t.Feature] = {}
        self.segments = tuple(root.get("segments", ()))
        self.splits = tuple(
            t.Split(name, said["salt"], tuple((arm, self.share_of_arm(one)) for arm, one in said["arms"].items()))
            for name, said in root.get("split", {}).items()
        )

    def tie(self, name: str, said: Mapping[str, str]) -> t.Tie:
        """One tie; where nothing is said it joins 20 accounts and lasts 180 days."""
        fades = parse_days(said.get("fades", "180d"))
        return t.Tie(name, said["purpose"], said.get("needs") == "consent", int(said.get("at_most", "20")), fades)

    def share_of_arm(self, said: str | Mapping[str, Any]) -> int:
        return self.constant(said if isinstance(said, str) else said["share"], "share")

    def axes(self) -> tuple[tuple[str, int], ...]:
        own = tuple((split.name, len(split.arms)) for split in getattr(self, "splits", ()))
        return (*own, ("segment", len(self.segments))) if self.segments else own

    def arms(self) -> Iterator[tuple[t.Split, int, Mapping[str, Any]]]:
        """Each arm of each split that says more than its share."""
        for split in self.splits:
            for place, said in enumerate(self.root["split"][split.name]["arms"].values()):
                if not isinstance(said, str):
                    yield split, place, said

    def policy(self) -> t.Policy:
        root = self.root
        return t.Policy(
            name=root["policy"],
            version=int(root["version"]),
            currency=self.currency,
            digits=self.digits,
            time_zone=root["time_zone"],
            kinds=self.kinds,
            features=tuple(self.feature(name) for name in self.value_names()),  # type: ignore[misc]
            triggers=tuple(self.trigger(name, said) for name, said in root["triggers"].items()),
            score=self.score(root["score"]) if "score" in root else None,
            restoration=next(iter(self.schedules()), None),
            further_restorations=tuple(self.schedules())[1:],
            authorise=tuple(
                t.AuthoriseRule(name, self.condition(said["deny"]), said["reason"])
                for name, said in root.get("authorise", {}).items()
            ),
            offer=self.offer(root["offer"]) if "offer" in root else None,
            named_offers=tuple(self.offer(said, name) for name, said in root.get("offers", {}).items()),
            brake=self.brake(root["brake"]) if "brake" in root else None,
            honour_days=self.constant(root.get("honour", DEFAULT_HONOUR), "days"),
            protected=tuple(root.get("protected", ())),
            dues=self.dues(root.get("dues") or {}),
            over_limit=root.get("draws", {}).get("over_limit", "accept"),
            segments=self.segments,
            splits=self.splits,
            publish=tuple(self.publish.items()),
            tied_publish=tuple(root["links"]["publish"].items()) if self.ties else (),
            ties=self.ties,
            waits=tuple((root["moratorium"] or {}).get("waits", ())) if "moratorium" in root else None,
            cooling_days=self.cooling_days(),
            assign=self.assign(root["assign"]) if "assign" in root else None,
            lists=tuple((name, tuple(sorted(self.texts(said)))) for name, said in root.get("lists", {}).items()),
        )

    def texts(self, said: str | list[str]) -> list[str]:
        """The texts of a list: those that stand there, or the lines of a part."""
        if isinstance(said, list):
            return [text.strip() for text in said]
        lines = (line.strip() for line in self.root["parts"][said]["text"].split("\n"))
        return [line for line in lines if line and line[0] != "#"]

    def cooling_days(self) -> int | None:
        terms = (self.root.get("events") or {}).get("own_limit")
        return None if terms is None else self.constant(terms["cooling"], "days")

    def value_names(self) -> list[str]:
        """The names of all values: features, and the segment."""
        tables = self.root.get("tables", ())
        splits = [split.name for split in self.splits]
        return [*splits, *self.root.get("features", ()), *tables, *(["segment"] if self.segments else [])]

    # -------------------------------------------------------------- expressions

    def parser(self, text: str) -> Parser:
        names = Names(
            self.kinds,
            self.currency,
            self.digits,
            self.feature,
            meaning=self.meaning,
            param=self.param,
            axes=self.axes(),
            publish=self.publish,
            tied_publish=self.root["links"]["publish"] if self.ties else {},
        )
        return Parser(text, names)

    def param(self, name: str) -> list[Phrase]:
        """What a parameter is: once, or once for each segment in each combination of arms."""
        said, words = self.root["params"][name], self.segments or ("all",)
        changed = {
            (split.name, place): one["set"][name] for split, place, one in self.arms() if name in one.get("set", ())
        }
        if not isinstance(said, dict) and not changed:
            return [self.parser(said).whole()]
        own = {one: said.get(one, said.get("otherwise")) if isinstance(said, dict) else said for one in words}
        texts: list[str] = []
        for places in product(*(range(len(split.arms)) for split in self.splits)):
            here = dict(own)
            for split, place in zip(self.splits, places, strict=True):
                new = changed.get((split.name, place), {})
                for one in words:
                    here[one] = new.get(one, new.get("otherwise", here[one])) if isinstance(new, dict) else new
            texts += [here[one] for one in words]
        return [self.parser(text).whole() for text in texts]

    def number(self, text: str, unit: str) -> t.Number:
        """A number of a rule; parameters that are the same in every segment are one number."""
        if not text.startswith("$"):
            return self.constant(text, unit)
        values: list[int] = []
        for part in self.param(text[1:]):
            expr = part.settled(unit).expr
            assert isinstance(expr, t.Literal)
            values.append(expr.value)
        return values[0] if len(set(values)) == 1 else tuple(values)

    def meaning(self, name: str) -> Phrase | None:
        """What a definition stands for: its text, read anew wherever it is named."""
        said = self.root.get("define", {}).get(name)
        return None if said is None else self.parser(said).whole()

    def condition(self, text: str) -> t.Expr:
        return self.parser(text).whole().expr

    def constant(self, text: str, unit: str) -> int:
        expr = self.parser(text).whole().settled(unit).expr
        assert isinstance(expr, t.Literal), f"`{text}` is no constant"
        assert expr.unit == unit, f"`{text}` is not {unit}"
        return expr.value

    # -------------------------------------------------------------- events and features

    def own_kinds(self) -> Iterator[t.Kind]:
        events = self.root.get("events") or {}
        brought = {"moratorium": t.RELIEF} if "moratorium" in self.root else {}
        brought |= {"decline": t.DECLINE} if "offers" in self.root else {}
        for name, fields in {**events, **dict.fromkeys(brought)}.items():
            if name in brought:
                yield brought[name]
                continue
            if name == "open":
                further = tuple(self.field(*item) for item in (fields or {}).items())
                yield t.Kind("open", (t.Field("limit", "money"), *further), ("customer",) if self.publish else ())
                continue
            if name in t.TAKEN_UP:
                yield t.taken_up(name)
                continue
            yield t.Kind(name, tuple(self.field(*item) for item in (fields or {}).items()))

    def field(self, name: str, kept: str | list[str]) -> t.Field:
        if isinstance(kept, list):
            return t.Field(name, "category", tuple(word for word in kept if word != "?"), kept[-1] == "?")
        unit = kept.rstrip("?")
        return t.Field(name, unit.removeprefix("signed "), (), kept.endswith("?"), unit.startswith("signed "))

    def feature(self, name: str) -> t.Feature | None:
        """The feature of that name, read where it is first needed: their order has no meaning."""
        if name == "segment" and self.segments:
            return self.segment()
        if name in self.root.get("tables", {}):
            return self.table(name)
        for split in self.splits:
            if split.name == name:
                return t.Feature(name, t.Arm(name), "category", False, split.words())
        said = self.root.get("features", {}).get(name)
        if said is not None and name not in self.features:
            text, worse = (said["value"], said.get("worse")) if isinstance(said, dict) else (said, None)
            part: Phrase = self.parser(text).feature()
            missing = t.may_be_missing(part.expr, self.features)
            self.features[name] = t.Feature(name, part.expr, part.unit, missing, part.choices, worse)
        return self.features.get(name)

    def segment(self) -> t.Feature:
        """The first segment whose condition holds; the last has none."""
        if "segment" not in self.features:
            expr: t.Expr = t.Literal(len(self.segments) - 1, "category")
            for place in range(len(self.segments) - 2, -1, -1):
                test = self.condition(self.root["segments"][self.segments[place]])
                expr = t.If(test, t.Literal(place, "category"), expr)
            self.features["segment"] = t.Feature("segment", expr, "category", False, self.segments)
        return self.features["segment"]

    def table(self, name: str) -> t.Feature:
        """A table is what its rows come to: the first that holds, the lowest, or the sum of those that hold."""
        if name not in self.features:
            expr, unit, choices = self.table_of(self.root["tables"][name])
            for split, place, said in self.arms():
                if name in said.get("tables", ()):
                    expr = t.If(t.in_arm(split.name, place), self.table_of(said["tables"][name])[0], expr)
            missing = t.may_be_missing(expr, self.features)
            self.features[name] = t.Feature(name, expr, unit, missing, choices)
        return self.features[name]

    def table_of(self, said: Mapping[str, Any]) -> tuple[t.Expr, str, tuple[str, ...]]:
        """The value of one table, its unit and its words."""
        outcomes = [self.parser(row["then"]).whole() for row in said["rows"]]
        words = tuple(dict.fromkeys(str(one.loose) for one in outcomes if one.unit == "text"))
        model = next((one for one in outcomes if one.unit not in ("number", "percent", "text")), outcomes[0])
        unit, choices = ("category", words) if words else (model.unit, model.choices)
        outcomes = [one.settled(unit, choices).firm() for one in outcomes]
        tests = [self.condition(row["when"]) if "when" in row else None for row in said["rows"]]
        rows = list(zip(tests, (one.expr for one in outcomes), strict=True))
        if said["hit"] == "sum":
            return sum_of(rows, outcomes[0].unit), outcomes[0].unit, choices
        return lowest_of(rows) if said["hit"] == "lowest" else first_of(rows), outcomes[0].unit, choices

    # -------------------------------------------------------------- score

    def score(self, said: Mapping[str, Any]) -> t.Score:
        if "card" in said:
            assert self.card is not None, "the file of the card is not at hand"
            return forest_score(self.card, said["sha256"])
        bins = [self.bins(name, group, bins) for group in t.GROUPS for name, bins in said.get(group, {}).items()]
        below, ppm = self.steps(said["pd"], "points", "pd") if "pd" in said else ((), (0,))
        return t.Score(self.constant(said.get("base", "0"), "points"), tuple(bins), (), below, ppm)

    def bins(self, name: str, group: str, said: Mapping[str, str]) -> t.Bins:
        feature = self.feature(name)
        missing = self.constant(said.get("missing", "0"), "points")
        unit = feature.unit if feature else t.FACTS[name]
        if feature is None or unit not in ("category", "flag"):
            return t.Bins(name, group, *self.steps(said, unit, "points"), missing)
        words = {key.removeprefix("is ").strip("\"'"): self.constant(points, "points") for key, points in said.items()}
        choices = feature.choices or ("false", "true")
        by_choice = tuple(words[choice] if choice in words else words["otherwise"] for choice in choices)
        return t.Bins(name, group, (), (), missing, by_choice)

    def steps(self, said: Mapping[str, str], unit: str, value_unit: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        below = tuple(self.constant(key.removeprefix("below "), unit) for key in said if key.startswith("below "))
        return below, tuple(self.constant(value, value_unit) for key, value in said.items() if key != "missing")

    # -------------------------------------------------------------- dues

    def dues(self, said: Mapping[str, Any]) -> t.Dues:
        return t.Dues(
            grace_days=self.constant(said.get("grace", "0"), "days"),
            tolerance_minor=self.constant(said["tolerance"], "money") if "tolerance" in said else 0,
            prepaid_settles=said.get("prepaid") == "settles",
            business_days=self.business_days(said["holidays"]) if "holidays" in said else None,
        )

    def business_days(self, said: str | Mapping[str, Any]) -> t.BusinessDays:
        """The lender's own days go before those of the calendar, which stand in the file under `calendar`."""
        own = {"calendar": said} if isinstance(said, str) else said
        public = self.root["calendar"] if "calendar" in own else {}
        also, other = set(dates(own.get("also"))), set(dates(own.get("not")))
        weekend = [WEEKDAYS.index(word) for word in own.get("weekend", ("saturday", "sunday"))]
        off = (set(dates(public.get("holidays"))) | also) - other
        working = (set(dates(public.get("workdays"))) - also) | other
        return t.BusinessDays(*(tuple(sorted(days)) for days in (weekend, off, working)))

    # -------------------------------------------------------------- the line

    def trigger(self, name: str, said: Mapping[str, str]) -> t.Trigger:
        return t.Trigger(
            name=name,
            when=self.in_its_arms(name, self.condition(said["when"])),
            reason=said.get("reason", ""),
            clear=self.condition(said["clear"]) if "clear" in said else None,
            hold_days=self.number(said.get("hold", "0"), "days"),
            cap_bp=self.number(said.get("cap", "100%"), "share"),
            suspend=is_yes(said.get("suspend")),
            close=is_yes(said.get("close")),
            terminal=is_yes(said.get("terminal")),
            expires_days=self.number(said["expires"], "days") if "expires" in said else None,
            limit=self.limit(said["limit"]) if "limit" in said else None,
            restore=list(self.root["restoration"]).index(said["restore"]) if "restore" in said else 0,
            effective_days=self.number(said.get("effective", "0"), "days"),
            treating=treating(said) if any(key in said for key in ("watch", "price", "contact")) else None,
        )

    def in_its_arms(self, name: str, when: t.Expr) -> t.Expr:
        """A trigger of some arms never holds in the others, and one that waits in no moratorium."""
        tests: list[t.Expr] = []
        for split, place, said in self.arms():
            if name in said.get("triggers", ()):
                tests.append(t.in_arm(split.name, place))
            if name in said.get("without", ()):
                tests.append(t.in_arm(split.name, place, "!="))
        if name in ((self.root.get("moratorium") or {}).get("waits") or ()):
            tests.append(t.Not(t.Fact("in_moratorium")))
        return t.And((*tests, when)) if tests else when

    def limit(self, said: str | Mapping[str, str]) -> t.LimitAmount:
        more: Mapping[str, str] = {"amount": said} if isinstance(said, str) else said
        down = "round_down" in more
        step, least = more.get("round_down" if down else "round"), more.get("floor")
        return t.LimitAmount(
            value=self.parser(more["amount"]).whole().firm().expr,
            round_minor=0 if step is None else self.constant(step, "money"),
            down=down,
            floor_minor=0 if least is None else self.constant(least, "money"),
            follows=is_yes(more.get("follow")),
        )

    def schedules(self) -> Iterator[t.Restoration]:
        """One without a name, or several with names."""
        said = self.root.get("restoration")
        if said is None:
            return
        if "first" in said:
            yield self.restoration(said)
        else:
            yield from (self.restoration(one, name) for name, one in said.items())

    def assign(self, said: Mapping[str, Any]) -> t.Assign:
        rules = said.get("refuse", {}).items()
        refuse = (t.RefuseRule(name, self.condition(rule["when"]), rule["reason"]) for name, rule in rules)
        return t.Assign(self.limit(said["limit"]), tuple(refuse))

    def restoration(self, said: Mapping[str, str], name: str = "") -> t.Restoration:
        """Of a schedule with a name that begins with all of it, the steps may be left out."""
        first, step = (self.number(said.get(key, "100%"), "share") for key in ("first", "step"))
        condition = self.condition(said["while"]) if "while" in said else None
        return t.Restoration(first, step, self.number(said.get("every", "1d"), "days"), condition, name)

    def offer(self, said: Mapping[str, Any], name: str = "") -> t.Offer:
        return t.Offer(
            when=self.condition(said["when"]),
            increase_bp=self.number(said.get("increase", "0%"), "share"),
            up_to_minor=self.number(said["up_to"], "money"),
            every_days=self.number(said["every"], "days"),
            valid_days=self.number(said.get("valid", "0d"), "days"),
            name=name,
            add_minor=self.number(said["add"], "money") if "add" in said else 0,
            to=self.limit(said["to"]) if "to" in said else None,
            decline_days=self.number(said.get("after_decline", "0d"), "days"),
            accept_days=self.number(said.get("after_accept", "0d"), "days"),
            asks=said.get("consent", "asked") == "asked",
            channel=said.get("channel", ""),
            price=said.get("price", ""),
        )

    def brake(self, said: Mapping[str, str]) -> t.Brake:
        return t.Brake(*(self.constant(said[key], "share") for key in ("lines", "exposure")))


def treating(said: Mapping[str, Any]) -> t.Treating:
    """A contact is a code, or a mapping with more said about it."""
    more = said.get("contact", {})
    more = {"code": more} if isinstance(more, str) else more
    count, days = more["at_most"].rstrip("d").split(" in ") if "at_most" in more else (0, 0)
    quiet = tuple(int(part[:2]) for part in more["quiet"].split("-")) if "quiet" in more else None
    return t.Treating(said.get("watch", ""), said.get("price", ""), more.get("code", ""), int(count), int(days), quiet)


def with_parts(root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The file with the sections that it includes, and with the rows of tables that stand in parts."""
    whole = {key: dict(value) if isinstance(value, dict) else value for key, value in root.items()}
    for name in root.get("include", ()):
        for section, entries in YAML(typ="base", pure=True).load(root["parts"][name]["text"]).items():
            whole.setdefault(section, {}).update(entries)
    for table in whole.get("tables", {}).values():
        if "csv" in table:
            table["rows"] = csv_rows(root["parts"][table["csv"]]["text"])
    return whole


def with_arms(root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The file with the triggers of its arms after its own."""
    triggers = dict(root["triggers"])
    for split in root.get("split", {}).values():
        for said in split["arms"].values():
            triggers |= {} if isinstance(said, str) else said.get("triggers", {})
    return {**root, "triggers": triggers}


def csv_test(name: str, cell: str) -> str:
    """What a cell asks of its column."""
    if cell[0] in "<>=!" or cell in ("known", "missing"):
        return {"known": f"known({name})", "missing": f"not known({name})"}.get(cell, f"{name} {cell}")
    return f'{name} = "{cell}"' if cell[0].isalpha() and cell not in ("true", "false") else f"{name} = {cell}"


def csv_rows(text: str) -> list[dict[str, str]]:
    """The rows of a table in a CSV file whose cells have no commas.

    >>> csv_rows("days,kind,then\\n>= 3,rent,20%\\n-,missing,90%\\n")
    [{'when': 'days >= 3 and kind = "rent"', 'then': '20%'}, {'when': 'not known(kind)', 'then': '90%'}]
    """
    head, *lines = [[cell.strip() for cell in line.split(",")] for line in text.splitlines()]
    rows = []
    for cells in lines:
        asked = [csv_test(name, cell) for name, cell in zip(head, cells[:-1], strict=False) if cell not in ("", "-")]
        rows.append(({"when": " and ".join(asked)} if asked else {}) | {"then": cells[-1]})
    return rows


Rows = list[tuple[t.Expr | None, t.Expr]]  # conditions, None where a row always holds, and outcomes


def first_of(rows: Rows) -> t.Expr:
    """The outcome of the first row that holds: the last, where no other does."""
    expr = rows[-1][1]
    for test, outcome in reversed(rows[:-1]):
        assert test is not None
        expr = t.If(test, outcome, expr)
    return expr


def lowest_of(rows: Rows) -> t.Expr:
    """The lowest outcome of all rows that hold."""
    always = next(outcome for test, outcome in rows if test is None)
    expr = always
    others = [t.If(test, outcome, always) for test, outcome in rows if test is not None]
    while others:  # `smallest` takes eight at most
        expr, others = t.Call("smallest", (expr, *others[:7])), others[7:]
    return expr


def sum_of(rows: Rows, unit: str) -> t.Expr:
    """What the rows that hold add up to."""
    parts = [t.If(test or t.Literal(1, "flag"), outcome, t.Literal(0, unit)) for test, outcome in rows]
    expr: t.Expr = parts[0]
    for part in parts[1:]:
        expr = t.Arithmetic("+", expr, part)
    return expr


def dates(listed: list[str] | None) -> list[int]:
    """Dates as days since 1970-01-01.

    >>> dates(["1970-01-02"]), dates(None)
    ([1], [])
    """
    return [(date.fromisoformat(text) - date(1970, 1, 1)).days for text in listed or ()]


def is_yes(word: str | None) -> bool:
    """A yes of the file; no where the key is absent."""
    return word in ("yes", "true")
