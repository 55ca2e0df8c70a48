"""The sections `offer` and `offers`: increases that may be proposed.

`offer` has one, without a name. `offers` has several with names, in order: the first whose condition holds, and which
would raise what is granted, is made. See section 8 of the language reference.
"""

from __future__ import annotations

from collections.abc import Iterable

from linekeeper.core.bounds import MONEY_MAX, SHARE_CEILING_BP
from linekeeper.policy import model as m
from linekeeper.policy.allowances import check_allow
from linekeeper.policy.checker import DAYS_MAX
from linekeeper.policy.reader import Reader
from linekeeper.policy.sections import Numbers, needed, read_amount
from linekeeper.policy.source import Node, Scalar, Table

OFFER_KEYS = ("when", "increase", "up_to", "every", "valid", "allow")
AMOUNT_KEYS = ("increase", "add", "to")  # of an offer with a name, which has one of them
REST_KEYS = ("after_decline", "after_accept")
CODE_KEYS = ("consent", "channel", "price")
NAMED_OFFER_KEYS = ("when", *AMOUNT_KEYS, "up_to", "every", "valid", *REST_KEYS, *CODE_KEYS, "allow")
CONSENT_WORDS = ("asked", "not_needed")
OFFERS_MAX = 12


def read_offer(node: Node | None, reader: Reader) -> m.Offer | None:
    """The one offer that has no name."""
    if node is None:
        return None
    table = reader.table(node, "`offer`")
    reader.only(table, OFFER_KEYS)
    check_allow(table.get("allow"), reader.faults)
    when, increase, up_to, every, valid = (needed(table, key, reader) for key in OFFER_KEYS[:-1])
    if when is None or increase is None or up_to is None or every is None or valid is None:
        return None
    numbers = Numbers(reader)
    return m.Offer(
        reader.condition(when),
        numbers.of("increase_bp", increase, "share", (1, SHARE_CEILING_BP), min),
        numbers.of("up_to_minor", up_to, "money", (0, MONEY_MAX), min),
        numbers.of("every_days", every, "days", (1, DAYS_MAX), max),
        numbers.of("valid_days", valid, "days", (0, DAYS_MAX), min),
        tuple(numbers.by_segment),
    )


def read_offers(root: Table, triggers: tuple[m.Trigger, ...], reader: Reader) -> tuple[m.Offer, ...]:
    """The offers that have names, in their order."""
    node = root.get("offers")
    if node is None:
        return ()
    if root.get("offer") is not None:
        way_out = "move it into `offers`, under a name of its own"
        reader.faults.add(node, "a policy has `offer` or `offers`, not both", way_out)
    table = reader.table(node, "`offers`")
    if any(key.text in OFFER_KEYS for key, _ in table.entries):
        way_out = "write `offers: {NAME: {when: ..., ...}}`, or `offer:` where there is only one"
        reader.faults.add(table, "each of `offers` has a name", way_out)
        return ()
    if len(table.entries) > OFFERS_MAX:
        reader.faults.add(table, f"there are {len(table.entries)} offers, at most {OFFERS_MAX} are possible")
    taken = {trigger.name: "trigger" for trigger in triggers} | dict.fromkeys(reader.schedules, "schedule")
    taken |= dict.fromkeys(reader.kinds, "kind of event") | dict.fromkeys(reader.segments, "segment")
    taken |= dict.fromkeys(reader.lists, "list") | dict.fromkeys(reader.params, "parameter")
    read = (_named_offer(key, value, taken, reader) for key, value in table.entries)
    return tuple(offer for offer in read if offer is not None)


def _named_offer(key: Scalar, node: Node, taken: dict[str, str], reader: Reader) -> m.Offer | None:
    table = reader.table(node, f"the offer `{key.text}`")
    reader.only(table, NAMED_OFFER_KEYS)
    check_allow(table.get("allow"), reader.faults)
    _check_name(key, taken, reader)
    when, up_to, every = (needed(table, name, reader) for name in ("when", "up_to", "every"))
    asks = _consent(table.get("consent"), reader)
    valid = needed(table, "valid", reader) if asks else table.get("valid")
    if not asks and valid is not None:
        reader.faults.add(valid, "an increase without consent is never open, so `valid` says nothing", "remove it")
    if when is None or up_to is None or every is None or not _has_one_amount(key, table, reader):
        return None
    numbers = Numbers(reader)
    increase, add, to = (table.get(name) for name in AMOUNT_KEYS)
    decline, accept = (table.get(name) for name in REST_KEYS)
    channel, price = table.get("channel"), table.get("price")
    return m.Offer(
        when=reader.condition(when),
        increase_bp=numbers.of("increase_bp", increase, "share", (1, SHARE_CEILING_BP), min) if increase else 0,
        up_to_minor=numbers.of("up_to_minor", up_to, "money", (0, MONEY_MAX), min),
        every_days=numbers.of("every_days", every, "days", (1, DAYS_MAX), max),
        valid_days=numbers.of("valid_days", valid, "days", (0, DAYS_MAX), min),
        name=key.text,
        add_minor=numbers.of("add_minor", add, "money", (1, MONEY_MAX), min) if add else 0,
        to=_amount(to, reader),
        decline_days=numbers.of("decline_days", decline, "days", (0, DAYS_MAX), max),
        accept_days=numbers.of("accept_days", accept, "days", (0, DAYS_MAX), max),
        by_segment=tuple(numbers.by_segment),
        needs_consent=asks,
        channel=reader.name(channel, "the channel") if channel is not None else "",
        price=reader.name(price, "the code of `price`") if price is not None else "",
    )


def _check_name(key: Scalar, taken: dict[str, str], reader: Reader) -> None:
    """An offer's name is its own, so that a decision and a letter say which one is meant."""
    if key.text in taken:
        message = f"the name `{key.text}` is that of a {taken[key.text]} too"
        reader.faults.add(key, message, "give the offer another name")
    else:
        reader.declare(key, "offer")


def _consent(node: Node | None, reader: Reader) -> bool:
    """Whether the borrower is asked, as he is where nothing is said."""
    return node is None or reader.word(node, CONSENT_WORDS) != "not_needed"


def _has_one_amount(key: Scalar, table: Table, reader: Reader) -> bool:
    given = [name for name in AMOUNT_KEYS if table.get(name) is not None]
    if len(given) == 1:
        return True
    what = "says in two ways" if given else "does not say"
    way_out = "write one of `increase: 20%`, `add: 500 CNY` and `to: AMOUNT`".replace("CNY", reader.currency)
    reader.faults.add(key, f"the offer `{key.text}` {what} by how much it raises the line", way_out)
    return False


def _amount(node: Node | None, reader: Reader) -> m.LimitAmount | None:
    amount = read_amount(node, reader)
    if node is not None and amount is not None and amount.follows:
        reader.faults.add(node, "an offer is of one amount, so `follow` says nothing", "remove it")
    return amount


def amounts_of(offers: Iterable[m.Offer]) -> list[m.LimitAmount]:
    """The amounts that are worked out by expression."""
    return [offer.to for offer in offers if offer.to is not None]
