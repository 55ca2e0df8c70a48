"""Policies made to break the reader: each is refused with faults, quickly, and nothing else ever happens."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linekeeper.core.errors import Fault, PolicyError
from linekeeper.policy.expression import Expr, children
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.oracle.strategies import policy_texts
from tests.policy.texts import EVENTS, HEAD, TRIGGERS, feature, policy


def refusal(text: str) -> str:
    """The messages for a policy that must be refused."""
    with pytest.raises(PolicyError) as caught:
        load_text(text, "p.yaml")
    return str(caught.value)


def of_feature(expression: str) -> str:
    """The messages for a policy with that feature."""
    return refusal(f"{HEAD}{EVENTS}features:\n  it: {expression}\n{TRIGGERS}")


# ------------------------------------------------------------------ YAML


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a policy file is a mapping of keys"),
        ("   \n# nothing\n", "a policy file is a mapping of keys"),
        ("- a\n- b\n", "a policy file is a mapping of keys"),
        ("just words", "a policy file is a mapping of keys"),
        ("---\na: 1\n---\nb: 2\n", "one document"),
        ("a: &x 1\nb: *x\n", "anchors and aliases are not allowed"),
        ("a: !!binary aGVsbG8=\n", "the tag `tag:yaml.org,2002:binary` is not allowed"),
        ("a: !!python/object/apply:os.system ['true']\n", "is not allowed"),
        ("a: !exec 1\n", "the tag `!exec` is not allowed"),
        ("<<: {a: 1}\n", "the key `<<` is not known"),
        ("? {a: 1}\n: 2\n", "a key is one word"),
        ("? [a, b]\n: 2\n", "a key is one word"),
        ("a: {b: 1\n", "this is not YAML"),
        ("\tpolicy: x\n", "this is not YAML"),
        ("policy: x\x00\n", "this is not YAML"),
        ("policy: \ud800\n", ""),
        ("%YAML 9.9\n---\na: 1\n", "this is not YAML"),
        ("a: @b\n", "this is not YAML"),
        ("policy: 'unended\n", "this is not YAML"),
        ("a: 1\na: 2\na: 3\n", "the key `a` stands twice"),
        ("x" * 300_000, "larger than 256 KiB"),
        ("é" * 140_000, "larger than 256 KiB"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_yaml_is_read_plainly(text: str, message: str) -> None:
    assert message in refusal(text)


def test_a_billion_laughs() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    assert refusal(bomb) == "p.yaml:1:4: anchors and aliases are not allowed; write the value out"


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")])
@pytest.mark.parametrize("depth", [13, 50, 500, 20_000])
def test_deep_yaml(opening: str, closing: str, depth: int) -> None:
    messages = refusal("policy: " * (opening in "[{a: ") + opening * depth + "x" + closing * depth)
    assert (
        "nested deeper than 12 levels" in messages or "a key is one word" in messages or "this is not YAML" in messages
    )


# ------------------------------------------------------------------ expressions


@pytest.mark.parametrize("depth", [45, 500, 1_500])
@pytest.mark.parametrize(("opening", "inner", "closing"), [("(", "balance", ")"), ("-", "1", ""), ("not ", "true", "")])
def test_deep_expressions(opening: str, inner: str, closing: str, depth: int) -> None:
    messages = of_feature(f"'{opening * min(depth, 3_900 // len(opening + closing))}{inner}{closing * depth}'")
    assert (
        "nested deeper than 40 levels" in messages
        or "at most 4000 characters" in messages
        or "does not fit here" in messages
    )


@pytest.mark.parametrize(
    "expression",
    [
        "if true then " * 200 + "1" + " else 2" * 200,
        "fallback(" * 300 + "balance" + ", 1 CNY)" * 300,
        " and ".join(["true"] * 900),
        " + ".join(["1"] * 1_900),
        "1" * 4_100,
        "x" * 4_100,
    ],
    ids=["if", "fallback", "and", "sum", "digits", "letters"],
)
def test_long_expressions(expression: str) -> None:
    messages = of_feature(f"'{expression}'")
    assert "nested deeper" in messages or "at most 4000 characters" in messages or "not a condition" in messages


def test_long_lists_are_not_deep() -> None:
    """A long `and`, and a list of many words, are flat: they load."""
    expression = "balance in (" + ", ".join(f"{n} CNY" for n in range(300)) + ")"
    assert feature(expression).unit == "flag"
    assert feature(" and ".join(["balance > 1 CNY"] * 200)).unit == "flag"


@pytest.mark.parametrize(
    "expression",
    [
        "9" * 30 + " + 1",
        "1" + "0" * 30 + " CNY",
        "99999999999999999999d > 1",
        "balance > 1000000000000000000 CNY",
        "utilisation > 99999999999999999999999999%",
        "utilisation > 0.00000000000000000001%",
        "count(draw, 99999999999999999999d)",
        "count(draw, 0d)",
        "late_count(99999999999, 12m)",
        "balance * 99999999999999",
        "balance * 9999 * 9999",
        "0 - balance * 9999",
        "balance * 9000 + balance * 9000",
        "part(balance, 99999999%)",
        "part(balance * 2, 50%)",
        "per(balance + balance, on_time_streak)",
        "percent(limit + limit, granted)",
    ],
)
def test_huge_numbers(expression: str) -> None:
    assert any(
        word in of_feature(f"'{expression}'")
        for word in ("too large", "exceed", "not possible", "longer than", "not a number", "too long")
    )


@pytest.mark.parametrize("end", [10**15, -(10**15)])
def test_the_largest_amount_is_an_amount(end: int) -> None:
    assert feature(f"largest(balance, {end // 100} CNY)").unit == "money"
    assert "too large" in of_feature(f"'largest(balance, {end // 100}.01 CNY) + 0 CNY'")


@pytest.mark.parametrize("expression", ["balance * 4611", "limit - balance * 4610", "balance * 2000 - balance * 2611"])
def test_what_cannot_pass_half_of_64_bits_is_accepted(expression: str) -> None:
    """4,611 times 10^15 is the last multiple below 2^62: the rest is room for one sum more."""
    assert feature(expression).unit == "money"


@pytest.mark.parametrize("expression", ["balance * 4612", "limit - balance * 4611", "balance * 2000 - balance * 2612"])
def test_what_could_is_refused(expression: str) -> None:
    assert "could exceed 64 bits" in of_feature(expression)


# ------------------------------------------------------------------ features


def chain(length: int, first: str) -> str:
    """Features that each use the one before, written last first."""
    lines = [f"  f{n}: f{n - 1} + 1\n" for n in range(length - 1, 0, -1)]
    return f"{HEAD}features:\n{''.join(lines)}  f0: {first}\n{TRIGGERS}"


def test_a_chain_of_400_features() -> None:
    loaded = load_text(chain(400, "count(draw, 7d)"))
    assert [one.name for one in loaded.features if one.named] == [f"f{n}" for n in range(400)]


def test_a_circle_of_400_features() -> None:
    assert "features go round in a circle" in refusal(chain(400, "f399 + 1"))


def test_two_circles_are_both_told() -> None:
    text = f"{HEAD}features:\n  a: b\n  b: a\n  c: d\n  d: c\n  e: drowz\n{TRIGGERS}"
    messages = refusal(text)
    assert messages.count("features go round in a circle") == 2
    assert "`drowz` is not known here" in messages


def test_a_feature_of_itself() -> None:
    assert "circle: `it` -> `it`" in of_feature("it + 1")


@pytest.mark.parametrize(
    ("section", "line", "count", "message"),
    [
        ("features", "  f{0}: count(draw, 7d)\n", 401, "401 features, at most 400"),
        ("events", "  k{0}: {{}}\n", 60, "event kinds, at most 64"),
        ("triggers", "  t{0}: {{when: true, suspend: yes, reason: r}}\n", 61, "61 triggers, at most 60"),
        ("authorise", "  r{0}: {{deny: true, reason: r}}\n", 61, "more than 60 rules"),
    ],
)
def test_too_many(section: str, line: str, count: int, message: str) -> None:
    text = HEAD + f"{section}:\n" + "".join(line.format(n) for n in range(count))
    assert message in refusal(text + (TRIGGERS if section != "triggers" else ""))


def test_too_many_bins() -> None:
    bins = ", ".join(f"below {n} CNY: {n}" for n in range(201))
    text = f"{HEAD}score:\n  ability:\n    balance: {{{bins}, otherwise: 0}}\n{TRIGGERS}"
    assert "more than 200 bins" in refusal(text)


# ------------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("bаlance", "CYRILLIC SMALL LETTER A"),
        ("limіt", "CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I"),
        ("ｌimit", "FULLWIDTH LATIN SMALL LETTER L"),
        ("days​past", "ZERO WIDTH SPACE"),
        ("limit‮", "RIGHT-TO-LEFT OVERRIDE"),
        ("余额", "CJK UNIFIED IDEOGRAPH-4F59"),
        ("lïmit", "LATIN SMALL LETTER I WITH DIAERESIS"),
    ],
)
def test_look_alikes_are_named(name: str, messages: str) -> None:
    """Letters that only look plain are named in words, and in no message do they act (turn its direction...)."""
    for text in (of_feature(name), refusal(f"{HEAD}features:\n  '{name}': balance\n{TRIGGERS}")):
        assert messages in text
        assert "‮" not in text


@pytest.mark.parametrize("name", ["Limit", "1st", "a-b", "a b", "", "_" * 3, "x" * 61, "a.b", "é"])
def test_names_are_plain(name: str) -> None:
    assert "is not a plain name" in refusal(f"{HEAD}features:\n  '{name}': balance\n{TRIGGERS}")


# ------------------------------------------------------------------ anything


def policy_or_faults(text: str) -> Policy | None:
    """The policy, or None where it was refused with faults that have a place; nothing else may happen."""
    faults: list[Fault] = []
    try:
        return load_text(text, "p.yaml")
    except PolicyError as error:
        faults = error.faults
    assert faults
    assert all(fault.line > 0 and fault.column > 0 and fault.message for fault in faults)
    return None


@given(st.text(max_size=200))
@example("a: |2\n b")
@example("policy: x\n triggers: y")
def test_any_text(text: str) -> None:
    assert policy_or_faults(text) is None


_TEXT = """( ) { } [ ] , : - + * = < >= != " ' # | & % ! 0 1 7d 30% 5_000 10000000000000000 balance limit draw CNY USD
draw.amount count sum max last percent part per smallest largest fallback known where hour and or not if then else in
true false yes score pd ability policy version triggers features when suspend cap reason restoration worse below
otherwise missing é \x85 \u2028 ０ .."""
_PIECES = _TEXT.split()


@given(policy_texts(), st.data())
def test_a_valid_policy_with_changes(text: str, data: st.DataObject) -> None:
    """Words put in, left out or doubled anywhere in a valid policy: it loads, or is refused with faults."""
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text)))
        gap = data.draw(st.sampled_from((0, 0, 1, 2, 8, 40)))
        piece = data.draw(st.sampled_from((*_PIECES, "\n", "\t", text[place : place + 30])))
        text = text[:place] + data.draw(st.sampled_from(("", " "))) + piece + text[place + gap :]
    loaded = policy_or_faults(text)
    if loaded is not None:
        assert all(depth_of(one.expr) <= 41 for one in loaded.features)


def depth_of(expr: Expr) -> int:
    """Levels of a checked expression."""
    return 1 + max(map(depth_of, children(expr)), default=0)


_WORDS = st.sampled_from([piece for piece in _PIECES if piece.strip() not in ("", "#", "|", "&", "!")])


@given(st.lists(_WORDS, max_size=25).map(" ".join))
@example("- - 30%")
def test_any_expression(expression: str) -> None:
    """Words of the language in any order."""
    quoted = expression.replace("'", "''").replace("\n", " ")
    policy_or_faults(f"{HEAD}features:\n  it: '{quoted}'\n{TRIGGERS}")


def test_a_policy_that_is_refused_is_refused_whole() -> None:
    """The faults of every section are shown at once."""
    text = (
        HEAD + "features: {a: b}\nscore: {ability: {c: {otherwise: 1}}}\ntriggers: {t: {when: d}}\nbrake: {lines: 5%}\n"
    )
    messages = refusal(text)
    assert [word for word in ["`b`", "`c`", "`d`", "`exposure`"] if word not in messages] == []
    assert policy().triggers
