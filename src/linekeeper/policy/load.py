"""Read a policy file: every fault at once, or a frozen Policy.

>>> policy = load_text('''
... policy: tiny
... version: 1
... currency: CNY
... time_zone: Asia/Shanghai
... triggers:
...   late: {when: days_past_due >= 30, suspend: yes, reason: arrears}
... ''')
>>> policy.triggers[0].when
Compare(op='>=', left=Ref(name='days_past_due'), right=Literal(value=30, unit='days'))
"""

from __future__ import annotations

import hashlib
import zoneinfo
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from linekeeper.core.bounded import CARD_BYTES_MAX, read_bounded, read_start
from linekeeper.core.errors import Fault, PolicyError
from linekeeper.policy import (
    customers,
    dues,
    kinds,
    links,
    lists,
    offers,
    restorations,
    sections,
    segments,
    splits,
    tables,
)
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.allowances import check_allowed_events
from linekeeper.policy.currency import minor_digits
from linekeeper.policy.parts import ReadPart, kept_parts, with_shared
from linekeeper.policy.reader import Reader
from linekeeper.policy.source import BYTES_MAX, Faults, Listing, Node, Scalar, Table, nearest, quoted, read, too_large
from linekeeper.scorecard.card import Score

KEYS = (
    "policy",
    "version",
    "currency",
    "minor_digits",
    "time_zone",
    "include",
    "events",
    "lists",
    "features",
    "define",
    "segments",
    "params",
    "tables",
    "split",
    "protected",
    "score",
    "triggers",
    "restoration",
    "assign",
    "authorise",
    "offer",
    "offers",
    "brake",
    "honour",
    "dues",
    "calendar",
    "draws",
    "customer",
    "links",
    "moratorium",
    "allow",
    "parts",
)
OLD_KEYS = {"recovery": "restoration"}  # read alike for one version; `fmt` writes the new word
REQUIRED = ("policy", "version", "currency", "time_zone", "triggers")
ReadCard = Callable[[str], bytes]


def load_file(path: str | Path) -> m.Policy:
    """The policy in that file. Raises PolicyError with all its faults."""
    path = Path(path)
    folder = path.parent
    read_card: ReadCard = lambda name: read_bounded(folder / name, CARD_BYTES_MAX)  # noqa: E731
    return load_text(read_text(path), str(path), read_card, lambda name: read_text(folder / name))


def read_text(path: Path) -> str:
    """The text of a policy file. Raises FileError where it cannot be read, PolicyError where it is not UTF-8."""
    data = read_start(path, BYTES_MAX + 1)  # of one that is too large, so much as shows that it is
    if len(data) > BYTES_MAX:
        raise PolicyError([too_large(str(path))], code="policy-too-large")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        fault = Fault(f"the byte {error.start} is not UTF-8", str(path), 1, 1, "save the file as UTF-8")
        raise PolicyError([fault], code="policy-not-readable") from None


def load_text(
    text: str, name: str = "policy.yaml", read_card: ReadCard | None = None, read_part: ReadPart | None = None
) -> m.Policy:
    """The policy in that text; `name` stands in its faults, `read_card` opens a scorecard artifact, `read_part` a part.

    Raises PolicyError with all faults, in the order of the file.
    """
    faults = Faults(name)
    root = _with_new_keys(read(text, name), faults)
    parts = kept_parts(root, faults, read_part)
    root = splits.with_triggers_of_arms(with_shared(root, parts), faults)
    reader = _reader(root, faults)
    listed = lists.read_lists(root.get("lists"), reader, parts)
    customer = customers.read_customer(root.get("customer"), reader)
    tied = links.read_links(root.get("links"), reader)
    features, define = root.get("features"), root.get("define")
    definitions = reader.table(define, "`define`") if define is not None else None
    if definitions is not None:
        reader.read_definitions(definitions)
    segments.declare_segments(root.get("segments"), reader)
    changes = splits.declare_splits(root.get("split"), _trigger_names(root), reader)
    segments.read_params(root.get("params"), reader, changes)
    tables.declare_tables(root.get("tables"), reader, parts, changes)
    if features is not None:
        reader.declare_features(reader.table(features, "`features`"))
    reader.read_names()
    score = sections.read_score(root.get("score"), reader, read_card)
    card = read_card(_card_name(root)) if score and score.card and read_card else None
    reader.card_unreadable = score is None and root.get("score") is not None
    if score:
        reader.scores = ("score", "pd", *score.groups)
    reader.read_later_names()
    if definitions is not None:
        reader.check_definitions(definitions)
    customer = customers.read_ceiling(root.get("customer"), customer, reader)
    # Before the triggers, for those that wait ask for it.
    relief = sections.read_moratorium(root.get("moratorium"), _trigger_names(root), reader)
    policy = replace(
        _with_others(_policy(root, reader, score), customer, tied, reader), moratorium=relief, lists=listed
    )
    _check_whole(root, policy, reader)
    faults.stop_if_any()
    text = parts.written_after(text)
    if parts.used and len(text.encode()) > BYTES_MAX:
        raise PolicyError([too_large(name)], code="policy-too-large")
    source = _with_calendar(text, policy, root)
    digest = hashlib.sha256(source.encode() + (card or b"")).hexdigest()
    known = tuple(reader.features.values())
    return replace(policy, digest=digest, source=source, written=text, card=card, features=known)


def _check_whole(root: Table, policy: m.Policy, reader: Reader) -> None:
    """What some sections ask of the rest of the policy."""
    kinds_and_fields = {kind.name: tuple(field.name for field in kind.fields) for kind in reader.kinds.values()}
    check_allowed_events(root.get("allow"), kinds_and_fields, reader.faults)
    if (section := root.get("dues")) is not None:
        dues.check_grace(section, policy, reader)
    customers.check_customer(root.get("customer"), policy, reader)
    links.check_links(root, policy, reader)


def _with_calendar(text: str, policy: m.Policy, root: Table) -> str:
    """The text with the days of its calendar, where it names one and leaves the days out."""
    calendar = policy.dues.calendar
    return text if calendar is None or root.get("calendar") is not None else dues.text_with_calendar(text, calendar)


def _with_others(policy: m.Policy, customer: m.Customer | None, tied: m.Links | None, reader: Reader) -> m.Policy:
    """The policy with what its accounts publish: what rules read of other accounts has become fields of a kind."""
    if customer is None and tied is None:
        return policy
    return replace(policy, customer=customer, links=tied, kinds=tuple(reader.kinds.values()))


def _card_name(root: Table) -> str:
    node = root.get("score")
    card = node.get("card") if isinstance(node, Table) else None
    return card.text if isinstance(card, Scalar) else ""


def _with_new_keys(root: Table, faults: Faults) -> Table:
    """The file as if it had been written with the keys of today."""
    entries = []
    for key, node in root.entries:
        new = OLD_KEYS.get(key.text)
        if new is not None and root.get(new) is not None:
            faults.add(key, f"the key `{key.text}` is the old word for `{new}`, which stands too", "remove one")
        else:
            entries.append((replace(key, text=new) if new else key, node))
    return replace(root, entries=tuple(entries))


def _reader(root: Table, faults: Faults) -> Reader:
    for key, _ in root.entries:
        if key.text not in KEYS:
            faults.unknown(key, "the key", key.text, KEYS)
    for name in REQUIRED:
        if root.get(name) is None:
            faults.add(root, f"the key `{name}` is missing", f"write `{name}: ...`")
    events, with_customers = root.get("events") or Table((), 0, 0), root.get("customer") is not None
    sections_of_kinds = {kinds.MORATORIUM: "moratorium", kinds.DECLINE: "offers"}
    brought = tuple(kind for kind, section in sections_of_kinds.items() if root.get(section) is not None)
    ties = links.ties_named(root.get("links"))
    known = kinds.declared_kinds(events, _trigger_names(root), faults, with_customers, brought, ties)
    currency = _currency(root, faults)
    reader = Reader(faults, known, currency, minor_digits(currency), _protected(root, faults))
    terms = root.get("dues")
    reader.holidays = isinstance(terms, Table) and terms.get("holidays") is not None
    digits = root.get("minor_digits")
    if digits is not None:
        reader.exponent = reader.constant(digits, ex.COUNT, 0, 4)
    return reader


def _trigger_names(root: Table) -> tuple[str, ...]:
    triggers = root.get("triggers")
    return tuple(key.text for key, _ in triggers.entries) if isinstance(triggers, Table) else ()


def _currency(root: Table, faults: Faults) -> str:
    node = root.get("currency")
    text = node.text if isinstance(node, Scalar) else ""
    if node is not None and not (len(text) == 3 and text.isascii() and text.isupper()):
        faults.add(node, f"`{quoted(text)}` is not a currency code", "write three capital letters, like `CNY`")
    return text


def _protected(root: Table, faults: Faults) -> tuple[str, ...]:
    node = root.get("protected")
    if node is None:
        return ()
    if not isinstance(node, Listing) or not all(isinstance(item, Scalar) for item in node.items):
        faults.add(node, "`protected` is a list of field names", "write `protected: [age, sex]`")
        return ()
    return tuple(item.text for item in node.items if isinstance(item, Scalar))


def _time_zone(node: Node | None, faults: Faults) -> str:
    text = node.text if isinstance(node, Scalar) else ""
    try:
        zoneinfo.ZoneInfo(text or "-")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        if node is not None:
            way_out = nearest(text, zoneinfo.available_timezones(), "write an IANA name, like `Asia/Shanghai`")
            faults.add(node, f"the time zone `{quoted(text)}` is not known", way_out)
    return text


def _policy(root: Table, reader: Reader, score: Score | None) -> m.Policy:
    def known(name: str) -> Node:
        return root.get(name) or Scalar("", "", root.line, root.column)

    version, honour = root.get("version"), root.get("honour")
    section = root.get("restoration")
    reader.schedules = tuple(key.text for key, _ in restorations.schedules_written(section))
    triggers = sections.read_triggers(known("triggers"), reader)
    restoration, *more = restorations.read_restorations(section, triggers, reader, known("triggers")) or (None,)
    return m.Policy(
        name=reader.title(known("policy")) if root.get("policy") else "",
        version=reader.constant(version, ex.COUNT, 1, 10**9) if version else 1,
        currency=reader.currency,
        exponent=reader.exponent,
        time_zone=_time_zone(root.get("time_zone"), reader.faults),
        kinds=tuple(reader.kinds.values()),
        features=(),
        triggers=triggers,
        score=score,
        restoration=restoration,
        authorise=sections.read_authorise(root.get("authorise"), reader),
        offer=offers.read_offer(root.get("offer"), reader),
        named_offers=offers.read_offers(root, triggers, reader),
        brake=sections.read_brake(root.get("brake"), reader),
        honour_days=reader.constant(honour, ex.DAYS, 0, 3650) if honour else 90,
        protected=reader.protected,
        dues=dues.read_dues(root.get("dues"), root.get("calendar"), reader),
        over_limit=sections.read_draws(root.get("draws"), reader),
        segments=reader.segments,
        further_restorations=tuple(one for one in more if one is not None),
        splits=reader.splits,
        assign=sections.read_assign(root.get("assign"), triggers, reader),
        own_limit=sections.read_taken_up(root.get("events"), reader),
    )
