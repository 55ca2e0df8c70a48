"""Writes policies that use names: conditions that are defined once and stand in several places.

The same chances as in `policies.py`, with more on top: each seed is another policy here than there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from random import Random

from tests.oracle.phrases import NUMERIC, ORDER, Said, calculated, called, compare, fact, joined
from tests.oracle.policies import CAPS, SHARES, Writer, Written
from tests.oracle.reader import first_of, lowest_of, sum_of
from tests.oracle.tree import (
    DECLINE,
    RELIEF,
    And,
    Arm,
    Expr,
    Fact,
    Feature,
    If,
    LimitAmount,
    Literal,
    Not,
    Number,
    Offer,
    ScoreRef,
    Split,
    in_arm,
    in_cell,
    may_be_missing,
    walk,
)

DEFINED_MAX = 6
DAYS = {"0d": 0, "1d": 1, "2d": 2, "7d": 7, "30d": 30, "90d": 90}
SPANS = {"1d": 1, "2d": 2, "7d": 7, "30d": 30, "1y": 365}
SHARES_OF_3 = ((3_000, 3_000, 4_000), (8_000, 0, 2_000))
STEP_SHARES = {text: share for text, share in SHARES.items() if share}


class WiderWriter(Writer):
    """One policy in the making. `defined` are its conditions with a name so far: text and meaning.

    `segments` are the names of its segments, none where there are none; `params` the text of each parameter.
    """

    defined: dict[str, Said]
    segments: tuple[str, ...] = ()
    params: dict[str, str]
    may_vary: bool = False  # whether what is written now may name a parameter that differs by segment or arm
    splits: tuple[Split, ...] = ()
    waits: tuple[str, ...] | None = None  # in a moratorium, where the policy knows one
    relief_wanted: bool = False
    offer_trees: list[Offer]  # those with names
    splits_kept: tuple[Split, ...] = ()  # those of the version before, which every later one has
    arm_lines: dict[tuple[str, int], dict[str, dict[str, str]]]  # of each arm: section, name, text

    def condition(self, depth: int = 0, units: Sequence[str] = NUMERIC) -> Said:
        """Now and then a condition gets a name, or one that has a name is used again."""
        usable = [name for name, said in self.defined.items() if "points" in units or not reads_score(said)]
        if usable and self.chance(0.2):
            name = self.rng.choice(usable)
            return Said(name, self.defined[name].tree)
        said = super().condition(depth, units)
        if len(self.defined) >= DEFINED_MAX or not self.chance(0.2):
            return said
        name = f"defined_{len(self.defined)}"
        self.defined[name] = said
        return Said(name, said.tree)

    def events(self) -> Iterator[str]:
        """Perhaps with moratoriums and offers with names, which every later version knows too."""
        yield from super().events()
        self.relief_wanted = self.chance(0.4)
        if self.relief_wanted:
            self.own_kinds.append(RELIEF)
            yield "  moratorium: {}"
        self.offers_wanted = self.chance(0.4)
        if self.offers_wanted:
            self.own_kinds.append(DECLINE)
            yield "  decline: {}"

    # -------------------------------------------------------------- tables

    def table(self, later: bool) -> None:
        """A table of two to four rows, the last of which always holds."""
        rng, name = self.rng, f"table_{len(self.table_lines)}"
        hit = rng.choice(("first", "first", "lowest", "sum"))
        unit = rng.choice((*NUMERIC, "category", "flag") if hit == "first" else NUMERIC)
        rows_before_last = rng.randint(1, 3)
        tests = [self.trigger_test() if later else self.condition() for _ in range(rows_before_last)]
        if hit == "first":
            tests = self.independent_tests(rows_before_last, later)
        words = rng.sample(("gold", "silver", "plain", "basic"), len(tests) + 1)
        choices = tuple(words) if unit == "category" else ()
        outcomes = [self.outcome(unit, words, place) for place in range(len(words))]
        trees: list[Expr | None] = [*(test.tree for test in tests), None]
        rows = list(zip(trees, (one.tree for one in outcomes), strict=True))
        tree = sum_of(rows, unit) if hit == "sum" else lowest_of(rows) if hit == "lowest" else first_of(rows)
        if self.splits and unit != "category" and self.chance(0.5):
            tree = self.table_of_arm(name, unit, tree)
        self.named[name] = Feature(name, tree, unit, may_be_missing(tree, self.named), choices)
        lines = [
            f"      - {{when: '{test.text}', then: '{one.text}'}}" for test, one in zip(tests, outcomes, strict=False)
        ]
        self.table_lines.append(
            [f"  {name}:", f"    hit: {hit}", "    rows:", *lines, f"      - {{then: '{outcomes[-1].text}'}}"]
        )

    def table_of_arm(self, name: str, unit: str, tree: Expr) -> Expr:
        """The table as one arm has it: its own outcome, without a condition."""
        split, place = self.some_arm()
        outcome = self.outcome(unit, ("gold",), 0)
        self.of_arm(split, place, "tables")[name] = f"{{hit: first, rows: [{{then: '{outcome.text}'}}]}}"
        return If(in_arm(split.name, place), outcome.tree, tree)

    def independent_tests(self, count: int, later: bool) -> list[Said]:
        """Conditions of which none follows from others, so that each row can be reached."""
        tests: dict[str, Said] = {}
        if later and self.scored:
            score = Said("score", ScoreRef("score"))
            test = compare(score, self.rng.choice(ORDER), super().constant("points"))
            tests[test.text] = test
        while len(tests) < count:
            unit = self.rng.choice(NUMERIC)
            left, right = self.atom(unit), self.atom(unit)
            if left.text < right.text:  # no pair twice, whichever way round
                tests[f"{left.text} {right.text}"] = compare(left, self.rng.choice(ORDER), right)
        return list(tests.values())

    def outcome(self, unit: str, words: Sequence[str], place: int) -> Said:
        """What comes of one row: a constant, a value or a word."""
        if unit == "category":
            return Said(f'"{words[place]}"', Literal(place, "category"))
        if unit == "flag":
            return Said("true", Literal(1, "flag")) if place % 2 else Said("false", Literal(0, "flag"))
        if self.chance(0.4):
            return called("part", self.atom(unit), self.share_of())
        said = super().constant(unit)
        return Said(f"{said.text}d", said.tree) if unit == "days" and said.text.isdigit() else said

    def features(self) -> Iterator[str]:
        yield from super().features()
        for _ in range(self.rng.randint(0, 2)):
            self.table(later=False)

    # -------------------------------------------------------------- segments and parameters

    def segment_lines(self) -> Iterator[str]:
        """Two to four segments; their conditions read the score now and then."""
        names = tuple(self.rng.sample(("new", "prime", "standard", "thin"), self.rng.randint(2, 4)))
        tests = [self.trigger_test() for _ in names[1:]]
        tree: Expr = Literal(len(tests), "category")
        for place, test in reversed(list(enumerate(tests))):
            tree = If(test.tree, Literal(place, "category"), tree)
        self.segments = names
        self.segment = Feature("segment", tree, "category", False, names)
        yield "segments:"
        yield from (f"  {name}: '{test.text}'" for name, test in zip(names, tests, strict=False))
        yield f"  {names[-1]}: otherwise"

    def param(self, texts: Sequence[str]) -> tuple[str, list[int]]:
        """The name of a new parameter, and which of the texts it is in each cell; once where it is one for all."""
        name, some = f"param_{len(self.params)}", range(len(texts))
        if not self.may_vary or self.chance(0.2):
            place = self.rng.choice(some)
            self.params[name] = texts[place]
            return f"${name}", [place]
        own = [self.rng.choice(some) for _ in self.segments or ("all",)]
        if not self.segments:
            self.params[name] = texts[own[0]]
        elif self.chance(0.5):
            own[1:] = [own[1]] * (len(own) - 1)
            self.params[name] = f"{{{self.segments[0]}: {texts[own[0]]}, otherwise: {texts[own[1]]}}}"
        else:
            parts = [f"{one}: {texts[place]}" for one, place in zip(self.segments, own, strict=True)]
            self.params[name] = f"{{{', '.join(parts)}}}"
        return f"${name}", self.in_every_arm(name, own, texts)

    def in_every_arm(self, name: str, own: list[int], texts: Sequence[str]) -> list[int]:
        """What a parameter is in each cell: an arm may set it, for all segments or for the first alone."""
        new, sets = self.rng.randrange(len(texts)), None
        if self.splits and self.chance(0.6):
            sets = self.some_arm()
            whole = not self.segments or self.chance(0.5)
            text = texts[new] if whole else f"{{{self.segments[0]}: {texts[new]}}}"
            self.of_arm(*sets, "set")[name] = text
            there = [new] * len(own) if whole else [new, *own[1:]]
        elif not self.segments:
            return own
        cells: list[int] = []
        for places in product(*(range(len(split.arms)) for split in self.splits)):
            here = [(split, place) for split, place in zip(self.splits, places, strict=True)]
            cells += there if sets in here else own
        return cells

    # -------------------------------------------------------------- splits

    def split_trees(self) -> tuple[Split, ...]:
        """One or two splits; the arms are not alike in size, and one may be empty."""
        splits = []
        for place in range(self.rng.choice((1, 1, 2))):
            words = ("champion", "gentle", "strict")[: self.rng.choice((2, 2, 3))]
            shares = self.rng.choice(
                ((5_000, 5_000), (9_000, 1_000), (3_333, 6_667)) if len(words) == 2 else SHARES_OF_3
            )
            salt = f"salt {self.rng.randrange(1_000)} {place}"
            splits.append(Split(f"trial_{place}", salt, tuple(zip(words, shares, strict=True))))
        return tuple(splits)

    def some_arm(self) -> tuple[Split, int]:
        split = self.rng.choice(self.splits)
        return split, self.rng.randrange(len(split.arms))

    def of_arm(self, split: Split, place: int, section: str) -> dict[str, str]:
        """What an arm says in a section so far."""
        return self.arm_lines.setdefault((split.name, place), {}).setdefault(section, {})

    def split_lines(self) -> Iterator[str]:
        """The section, once all is known that its arms say."""
        yield "split:"
        for split in self.splits:
            yield from (f"  {split.name}:", f"    salt: {split.salt}", "    arms:")
            for place, (name, share) in enumerate(split.arms):
                said = self.arm_lines.get((split.name, place), {})
                if not said and self.chance(0.5):
                    yield f"      {name}: {share / 100:g}%"
                    continue
                yield from (f"      {name}:", f"        share: {share / 100:g}%")
                for section, entries in said.items():
                    if section == "without":
                        yield f"        without: [{', '.join(entries)}]"
                        continue
                    yield f"        {section}:"
                    yield from (f"          {key}: {text}" for key, text in entries.items())

    def trigger_test(self) -> Said:
        """Now and then the arm is asked for, by its name."""
        said = super().trigger_test()
        if self.waits is not None and self.chance(0.05):
            return joined(" or ", (said, fact("in_moratorium")))
        if not self.splits or not self.chance(0.15):
            return said
        split, place = self.some_arm()
        op = self.rng.choice(("=", "!="))
        asked = Said(f'{split.name} {op} "{split.words()[place]}"', in_arm(split.name, place, op))
        return joined(" and ", (asked, said))

    def only_in_arms(self, lines: list[str]) -> Iterator[str]:
        """The lines of triggers: one that an arm does not have, and a last one that only an arm has."""
        for place, line in enumerate(lines):
            trigger = self.trigger_trees[place]
            tests: list[Expr] = []
            if self.splits and place and place == len(lines) - 1 and self.chance(0.4):
                split, arm = self.some_arm()
                name, _, text = line.strip().partition(": ")
                self.of_arm(split, arm, "triggers")[name] = text
                tests.append(in_arm(split.name, arm))
            else:
                if self.splits and self.chance(0.2):
                    split, arm = self.some_arm()
                    self.of_arm(split, arm, "without")[trigger.name] = ""
                    tests.append(in_arm(split.name, arm, "!="))
                yield line
            if self.relief_wanted and self.chance(0.4):
                self.waits = (*(self.waits or ()), trigger.name)
                tests.append(Not(Fact("in_moratorium")))
            if tests:
                self.trigger_trees[place] = replace(trigger, when=And((*tests, trigger.when)))

    def constant(self, unit: str) -> Said:
        """Now and then a threshold is a parameter."""
        said = super().constant(unit)
        if unit == "flag" or not self.params_allowed or not self.chance(0.25):
            return said
        more = [super(WiderWriter, self).constant(unit) for _ in range(3)]
        others = [said, *(one for one in more if one.text.isdigit() == said.text.isdigit())]
        name, chosen = self.param([one.text for one in others])
        trees = [others[place].tree for place in chosen]
        return Said(name, trees[0] if len(trees) == 1 else in_cell(trees, self.axes()))

    def axes(self) -> tuple[tuple[str, int], ...]:
        """By what numbers may differ."""
        return replace(self.policy, segments=self.segments, splits=self.splits).axes

    def filter(self, kind: str) -> Said:
        """No parameter stands in a filter: those that differ by segment cannot."""
        allowed, self.params_allowed = self.params_allowed, False
        said = super().filter(kind)
        self.params_allowed = allowed
        return said

    def number(self, text: str, value: int, others: Mapping[str, int]) -> tuple[str, Number]:
        """A number of a rule, or now and then a parameter in its place."""
        if not self.params_allowed or not self.chance(0.5):
            return text, value
        text = f"{text}d" if text.isdigit() else text  # the values of a parameter are written alike
        known = {text: value, **others}
        texts = [text, *self.rng.sample(tuple(others), 2)]
        name, chosen = self.param(texts)
        values = [known[texts[place]] for place in chosen]
        return name, values[0] if len(set(values)) == 1 else tuple(values)

    def triggers(self, least: int = 1) -> Iterator[str]:
        """The same, with numbers that differ by segment."""
        self.params_allowed = bool(self.segments) or self.chance(0.5)
        if self.segments_wanted:
            self.params_allowed = False
            self.segment_text = list(self.segment_lines())
            self.params_allowed = self.may_vary = True
            self.named["segment"] = self.segment
        if self.splits_wanted:
            self.splits = self.splits_kept = self.splits_kept or self.split_trees()
            self.params_allowed = self.may_vary = True
            for split in self.splits:
                self.named[split.name] = Feature(split.name, Arm(split.name), "category", False, split.words())
        if self.chance(0.4):
            self.table(later=True)
        self.waits = () if self.relief_wanted else None
        yield from self.only_in_arms(list(self.varied_triggers(least)))

    def varied_triggers(self, least: int) -> Iterator[str]:
        """The lines of all triggers, with parameters in the places of numbers."""
        for line in super().triggers(least):
            trigger = self.trigger_trees[-1]
            line, cap = self.varied(line, "cap", trigger.cap_bp, CAPS)
            line, hold = self.varied(line, "hold", trigger.hold_days, DAYS)
            expires: Number | None = None
            if trigger.expires_days is not None:
                line, expires = self.varied(line, "expires", trigger.expires_days, SPANS)
            trigger = replace(trigger, cap_bp=cap, hold_days=hold, expires_days=expires)
            if self.chance(0.35):
                text, limit = self.limit()
                line, trigger = f"{line[:-1]}, limit: {text}}}", replace(trigger, limit=limit)
            self.trigger_trees[-1] = trigger
            yield line

    def limit(self) -> tuple[str, LimitAmount]:
        """The amount that a trigger leaves: always known, and where it follows, of nothing that it moves itself."""
        rng, follows = self.rng, self.chance(0.4)
        value = fact(rng.choice(("granted", "balance"))) if follows else self.known_money()
        third = called("part", fact("granted"), Said("30%", Literal(3_000, "share")))
        shapes = (
            lambda: called("part", value, Said("60%", Literal(6_000, "share"))),
            lambda: called("smallest", value, self.money(rng.choice(self.ladder) * 5)),
            lambda: called("largest", fact("balance"), third),
            lambda: calculated(value, "+", self.money(self.ladder[0])),
        )
        said = rng.choice(shapes)()
        parts, limit = [f"amount: '{said.text}'"], LimitAmount(said.tree, follows=follows)
        if self.chance(0.5):
            minor, down = rng.choice(self.ladder), self.chance(0.5)
            parts.append(f"round{'_down' * down}: {self.money(minor).text}")
            limit = replace(limit, round_minor=minor, down=down)
        if self.chance(0.4):
            limit = replace(limit, floor_minor=rng.choice(self.ladder))
            parts.append(f"floor: {self.money(limit.floor_minor).text}")
        if not follows and len(parts) == 1:
            return f"'{said.text}'", limit
        return f"{{{', '.join([*parts, *(['follow: yes'] if follows else [])])}}}", limit

    def known_money(self) -> Said:
        """An amount that is never missing."""
        said = self.atom("money")
        return called("fallback", said, self.money(self.ladder[-1])) if may_be_missing(said.tree, self.named) else said

    def varied(self, line: str, key: str, value: Number, others: Mapping[str, int]) -> tuple[str, Number]:
        """A line with one of its numbers as a parameter, where it has that number."""
        found = re.search(rf"\b{key}: ([^,}}]+)", line)
        if found is None or not isinstance(value, int):
            return line, value
        text, number = self.number(found[1], value, others)
        return line[: found.start(1)] + text + line[found.end(1) :], number

    def restoration(self) -> str:
        line, tree = super().restoration(), self.recovery_tree
        line, first = self.varied(line, "first", tree.first_bp, SHARES)
        line, step = self.varied(line, "step", tree.step_bp, STEP_SHARES)
        line, every = self.varied(line, "every", tree.every_days, SPANS)
        self.recovery_tree = replace(tree, first_bp=first, step_bp=step, every_days=every)
        return line

    def offer(self) -> str:
        line, tree = super().offer(), self.offer_tree
        assert tree is not None
        line, increase = self.varied(line, "increase", tree.increase_bp, STEP_SHARES)
        line, every = self.varied(line, "every", tree.every_days, SPANS)
        line, valid = self.varied(line, "valid", tree.valid_days, DAYS)
        amounts = {self.money(minor).text: minor for minor in (self.ladder[-1] * times for times in (3, 7, 40))}
        line, up_to = self.varied(line, "up_to", tree.up_to_minor, amounts)
        self.offer_tree = replace(tree, increase_bp=increase, every_days=every, valid_days=valid, up_to_minor=up_to)
        return self.with_names(line, self.offer_tree) if self.offers_wanted else line

    def with_names(self, line: str, tree: Offer) -> str:
        """That offer, and perhaps another, under names of their own, with more said of each."""
        self.offer_tree, self.offer_trees = None, []
        written = [self.named_offer(line.removeprefix("offer: ")[1:-1], tree)]
        if self.chance(0.7):
            when, top = self.trigger_test(), self.money(self.ladder[-1] * 30)
            inner = f"when: '{when.text}', increase: 5%, up_to: {top.text}, every: 7d, valid: 7d"
            written.append(self.named_offer(inner, Offer(when.tree, 500, self.ladder[-1] * 30, 7, 7)))
        self.rng.shuffle(written)
        names = ("offer_a", "offer_b")
        self.offer_trees = [replace(one, name=name) for name, (_, one) in zip(names, written, strict=False)]
        inners = (f"{name}: {{{inner}}}" for name, (inner, _) in zip(names, written, strict=False))
        return f"offers: {{{', '.join(inners)}}}"

    def named_offer(self, inner: str, tree: Offer) -> tuple[str, Offer]:
        """An amount or an expression in the place of the share, waits after answers, and perhaps without consent."""
        rng = self.rng
        form = rng.choice(("increase", "add", "to"))
        if form == "add":
            minor = rng.choice(self.ladder)
            inner = re.sub(r"increase: [^,]+", f"add: {self.money(minor).text}", inner)
            tree = replace(tree, increase_bp=0, add_minor=minor)
        elif form == "to":
            value = called("largest", self.known_money(), fact("granted"))
            to = LimitAmount(value.tree, round_minor=rng.choice(self.ladder))
            inner = re.sub(
                r"increase: [^,]+",
                lambda _: f"to: {{amount: '{value.text}', round: {self.money(to.round_minor).text}}}",
                inner,
            )
            tree = replace(tree, increase_bp=0, to=to)
        if self.chance(0.3):
            inner = re.sub(r", valid: [^,}]+", "", inner) + ", consent: not_needed"
            tree = replace(tree, valid_days=0, asks=False)
        for key, place in (("after_decline", "decline_days"), ("after_accept", "accept_days")):
            if self.chance(0.5):
                text, days = self.number("30d", 30, DAYS)
                inner, tree = f"{inner}, {key}: {text}", replace(tree, **{place: days})
        return inner, tree

    def body(self, least: int = 1) -> Iterator[str]:
        """The sections of names may stand anywhere in the file; here they come last."""
        self.defined, self.params, self.params_allowed = {}, {}, False
        self.segments, self.may_vary, self.segments_wanted = (), False, self.chance(0.7)
        self.segment_text: list[str] = []
        self.table_lines: list[list[str]] = []
        self.splits, self.arm_lines, self.waits, self.offer_trees = (), {}, None, []
        self.splits_wanted = bool(self.splits_kept) or self.chance(0.4)
        yield from super().body(least)
        yield from self.segment_text
        if self.splits:
            yield from self.split_lines()
        named = tuple(self.offer_trees)
        self.policy = replace(
            self.policy, segments=self.segments, splits=self.splits, waits=self.waits, named_offers=named
        )
        if self.waits is not None:
            yield f"moratorium: {{waits: [{', '.join(self.waits)}]}}"
        if self.table_lines:
            yield from ("tables:", *(line for lines in self.table_lines for line in lines))
        if self.params:
            yield "params:"
            yield from (f"  {name}: {text}" for name, text in self.params.items())
        if self.defined:
            yield "define:"
            yield from (f"  {name}: '{said.text}'" for name, said in self.defined.items())


def reads_score(said: Said) -> bool:
    """Whether it means something only where there is a score."""
    return any(isinstance(part, ScoreRef) for part in walk(said.tree))


def write_wider(rng: Random) -> Written:
    """A whole policy from the chances of `rng`.

    >>> write_wider(Random(7)) == write_wider(Random(7))
    True
    """
    writer = WiderWriter(rng)
    text = "\n".join([*writer.head(), *writer.body()]) + "\n"
    return Written(text, writer.policy)
