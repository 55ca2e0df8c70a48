"""Event kinds: the built-in ones, and those that a policy declares."""

from __future__ import annotations

import re
from dataclasses import replace

from linekeeper.core.line import Status
from linekeeper.policy.expression import Unit
from linekeeper.policy.model import CUSTOMER, LINK, LINKED, UNLINK, Field, Kind
from linekeeper.policy.source import Faults, Listing, Node, Scalar, Table, nearest, quoted

FIELDS_MAX = 8
KINDS_MAX = 64
FULL_BP = 10_000  # all that is granted
CHOICES_MAX = 200
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
MEANS_KEY = "means"  # beside the fields of a kind: what it means to a road back
MEANS_WORDS = ("income", "spending", "neutral", "lender", "statement")
RESERVED_FIELDS = ("id", "account", "kind", "at", "hour")

OPENING_KINDS = ("open", "opening")  # the first event of an account is one of these
STATUS_WORDS = tuple(status.name.lower() for status in Status)
STATED_TRIGGERS = ("trigger", "second_trigger", "third_trigger")  # of an opening: those that hold the line

_AMOUNT = Field("amount", "money")
BUILT_IN: tuple[tuple[str, tuple[Field, ...], tuple[str, ...]], ...] = (
    ("open", (Field("limit", "money"),), ()),
    ("draw", (_AMOUNT,), ()),
    ("charge", (_AMOUNT,), ()),
    ("repay", (_AMOUNT,), ()),
    ("due", (_AMOUNT, Field("due_on", "days", is_date=True)), ()),
    ("balance", (Field("amount", "money", signed=True),), ()),
    ("delinquency", (Field("days", "days"),), ()),
    ("consent", (Field("offer", "count"),), ()),
    (
        "override",
        (
            Field("trigger", "category", optional=True),
            Field("cap", "share", optional=True, most=FULL_BP),
            Field("until", "days", is_date=True),
        ),
        ("by", "why"),
    ),
    ("hardship", (), ("code",)),
    ("dispute", (), ("code",)),
    ("reversal", (), ("of",)),
    (
        "opening",
        (
            Field("granted", "money"),
            Field("limit", "money"),
            Field("balance", "money", signed=True),
            Field("status", "category", STATUS_WORDS),
            *(Field(name, "category", optional=True) for name in STATED_TRIGGERS),
            Field("since", "days", optional=True, is_date=True),
            Field("notified_on", "days", optional=True, is_date=True),
            Field("past_due", "money", optional=True),
            Field("days_past_due", "days", optional=True),
            Field("opened_on", "days", optional=True, is_date=True),
            Field("history_from", "days", optional=True, is_date=True),
        ),
        ("why",),
    ),
)
# Kinds that a policy takes up by naming them under `events`; each stands among its own kinds, where it is named.
WISHES = ("lower", "freeze", "close", "lift")  # of an `own_limit`: what the borrower asks for his own line
LIFT = WISHES[-1]
TAKEN_UP: dict[str, tuple[tuple[Field, ...], tuple[str, ...]]] = {
    "own_limit": ((Field("wish", "category", WISHES), Field("limit", "money", optional=True)), ()),
    "grant": ((Field("granted", "money"),), ("by", "why")),
}
OPENING = [name for name, _, _ in BUILT_IN].index("opening")  # the number of that kind
OPENING_NUMBERS = tuple(
    [name for name, _, _ in BUILT_IN].index(kind) for kind in OPENING_KINDS
)  # and of both that begin a life
MORATORIUM = "moratorium"  # of policies that have a section of that name, after their own kinds or among them
RELIEF_FIELDS = (Field("from", "days", is_date=True), Field("until", "days", is_date=True))
DECLINE = "decline"  # of policies that have a section `offers`, likewise
# Kinds that a section of the policy brings, each with its fields and texts.
SECTION_KINDS: dict[str, tuple[tuple[Field, ...], tuple[str, ...]]] = {
    MORATORIUM: (RELIEF_FIELDS, ("why",)),
    DECLINE: ((Field("offer", "count"),), ()),
}
CODED = ("hardship", "dispute")
_UNITS: dict[str, tuple[Unit, bool]] = {
    "money": ("money", False),
    "signed money": ("money", True),
    "count": ("count", False),
    "days": ("days", False),
    "share": ("share", False),
    "flag": ("flag", False),
    "text": ("text", False),
}


def built_in_kinds(trigger_names: tuple[str, ...]) -> list[Kind]:
    """The built-in kinds; the triggers that an override or an opening names are the policy's."""
    kinds = []
    for number, (name, fields, text) in enumerate(BUILT_IN):
        fields = tuple(replace(one, choices=trigger_names) if one.name in STATED_TRIGGERS else one for one in fields)
        kinds.append(Kind(name, number, fields, text, built_in=True))
    return kinds


def is_relief(kind: Kind | None) -> bool:
    """Whether a kind is that of moratoriums, and not one of the policy's own that has its name."""
    return kind is not None and kind.built_in and kind.name == MORATORIUM


def is_derived(kind: Kind) -> bool:
    """Whether events of a kind say what other accounts come to: Linekeeper derives them, and no feed gives them."""
    return kind.built_in and kind.name in (CUSTOMER, LINKED)


def valid_name(node: Scalar, what: str, faults: Faults) -> bool:
    """Whether the scalar is a plain name; notes a fault where it is not."""
    if NAME.fullmatch(node.text):
        return True
    faults.add(node, f"{what} `{quoted(node.text)}` is not a plain name", "use a-z, 0-9 and _, at most 60 characters")
    return False


def declared_kinds(
    section: Node,
    trigger_names: tuple[str, ...],
    faults: Faults,
    with_customers: bool = False,
    of_sections: tuple[str, ...] = (),
    ties: tuple[str, ...] = (),
) -> dict[str, Kind]:
    """All kinds by name: built-in ones first, then those of the `events` section.

    Those `of_sections` stand where `events` names them, else last. `ties`: what accounts may share.
    """
    kinds = {kind.name: kind for kind in built_in_kinds(trigger_names)}
    kinds |= _customer_kinds(kinds) if with_customers else {}
    kinds |= _tying_kinds(ties, len(kinds)) if ties else {}
    if not isinstance(section, Table):
        faults.add(section, "`events` is a mapping of kinds", "write `events: {income: {amount: money}}`")
        return kinds
    for key, value in section.entries:
        if not valid_name(key, "the event kind", faults):
            continue
        if key.text in TAKEN_UP:
            kinds[key.text] = Kind(key.text, len(kinds), *TAKEN_UP[key.text], built_in=True)
            continue
        means, value = _means(key, value, faults)
        fields = _fields(key, value, faults)
        if key.text in of_sections:
            if fields:
                way_out = f"write `{key.text}: {{}}`, or name yours otherwise"
                faults.add(key, f"a `{key.text}` has fields of its own", way_out)
            kinds[key.text] = _section_kind(key.text, len(kinds))
            continue
        if key.text == "open":
            kinds[key.text] = _open_kind(kinds[key.text], key, fields, means, faults)
            continue
        if key.text in CODED and [item.name for item in fields] == ["code"]:
            if means:
                faults.add(key, f"the event kind `{key.text}` is built in, and so is what it means", "remove `means`")
            kinds[key.text] = Kind(key.text, kinds[key.text].number, fields, built_in=True)
        elif key.text in kinds:
            faults.add(key, f"the event kind `{key.text}` is built in", "choose another name")
        else:
            kinds[key.text] = Kind(key.text, len(kinds), fields, means=means)
    for name in of_sections:
        if name not in kinds:
            kinds[name] = _section_kind(name, len(kinds))
    if len(kinds) > KINDS_MAX:
        faults.add(section, f"there are {len(kinds)} event kinds, at most {KINDS_MAX} are possible")
    return kinds


def _customer_kinds(kinds: dict[str, Kind]) -> dict[str, Kind]:
    """Openings that name a customer; and the kind of what his other accounts come to.

    It comes before the policy's own kinds, so that a later version can add some.
    """
    named = {name: replace(kinds[name], text=(*kinds[name].text, CUSTOMER)) for name in OPENING_KINDS}
    return {**named, CUSTOMER: Kind(CUSTOMER, len(kinds), (), built_in=True)}


def _tying_kinds(ties: tuple[str, ...], first: int) -> dict[str, Kind]:
    """The kinds by which an account is tied, and the kind of what the accounts come to that it is tied to."""
    tie = Field("tie", "category", ties)
    return {
        LINK: Kind(LINK, first, (tie, Field("consent", "flag", optional=True)), ("key",), built_in=True),
        UNLINK: Kind(UNLINK, first + 1, (tie,), ("key",), built_in=True),
        LINKED: Kind(LINKED, first + 2, (), built_in=True),
    }


def _open_kind(known: Kind, key: Scalar, fields: tuple[Field, ...], means: str, faults: Faults) -> Kind:
    """`open` with further fields, beside those that it has."""
    taken = ("limit", *known.text)
    for one in fields:
        if one.name in taken:
            faults.add(key, f"an `open` has the field `{one.name}` already", "list the further fields alone")
    if means:
        faults.add(key, "the event kind `open` is built in, and so is what it means", "remove `means`")
    return replace(known, fields=(*known.fields, *(one for one in fields if one.name not in taken)))


def _section_kind(name: str, number: int) -> Kind:
    fields, text = SECTION_KINDS[name]
    return Kind(name, number, fields, text, built_in=True)


def _means(kind: Scalar, node: Node, faults: Faults) -> tuple[str, Node]:
    """What the kind means to a road back, and the rest of its table.

    A field may be called `means` too, for its value is then a type of field and none of these words.
    """
    word = node.get(MEANS_KEY) if isinstance(node, Table) else None
    if not isinstance(node, Table) or not isinstance(word, Scalar) or word.text.strip().removesuffix("?") in _UNITS:
        return "", node
    if word.text not in MEANS_WORDS:
        way_out = nearest(word.text, [*MEANS_WORDS])
        faults.add(word, f"`{quoted(word.text)}` is nothing that the event kind `{kind.text}` can mean", way_out)
    rest = tuple(entry for entry in node.entries if entry[0].text != MEANS_KEY)
    return word.text, replace(node, entries=rest)


def _fields(kind: Scalar, node: Node, faults: Faults) -> tuple[Field, ...]:
    if isinstance(node, Scalar) and not node.text:
        return ()
    if not isinstance(node, Table):
        faults.add(node, f"the fields of `{kind.text}` are a mapping", "write `{amount: money}`, or `{}` for none")
        return ()
    if len(node.entries) > FIELDS_MAX:
        faults.add(node, f"`{kind.text}` has {len(node.entries)} fields, at most {FIELDS_MAX} are possible")
    fields = (_field(key, value, faults) for key, value in node.entries)
    return tuple(field for field in fields if field is not None)


def _field(key: Scalar, node: Node, faults: Faults) -> Field | None:
    if not valid_name(key, "the field", faults):
        return None
    if key.text in RESERVED_FIELDS:
        faults.add(key, f"the field name `{key.text}` is taken", "choose another")
        return None
    if isinstance(node, Listing):
        return _listed(key, node, faults)
    word = node.text.strip() if isinstance(node, Scalar) else ""
    unit = _UNITS.get(word.removesuffix("?").strip())
    if unit is None:
        faults.add(node, f"`{quoted(word)}` is not a type of field", nearest(word, [*_UNITS, "[a, list, of, words]"]))
        return None
    return Field(key.text, unit[0], optional=word.endswith("?"), signed=unit[1])


def _plain_word(word: str) -> bool:
    """Words stand in the names of features, and these in records, where all programs must sort them alike."""
    return 1 <= len(word) <= 60 and word.isprintable() and max(word) <= "\uffff" and not set(word) & {'"', "'"}


def _listed(key: Scalar, node: Listing, faults: Faults) -> Field | None:
    words = [item.text for item in node.items if isinstance(item, Scalar)]
    if not words or len(words) != len(node.items) or len(set(words)) != len(words) or len(words) > CHOICES_MAX:
        faults.add(node, f"the list of `{key.text}` needs 1 to {CHOICES_MAX} different words")
        return None
    for item in node.items:
        if not (isinstance(item, Scalar) and _plain_word(item.text)):
            shape = "a word of a list has 1 to 60 letters, without quotes and signs beyond U+FFFF"
            faults.add(item, shape, "change it")
    optional = words[-1] == "?"
    choices = tuple(words[:-1] if optional else words)
    if not choices:
        faults.add(node, f"the list of `{key.text}` needs a word")
        return None
    return Field(key.text, "category", choices, optional)
