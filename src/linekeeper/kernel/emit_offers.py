"""Code that proposes an increase: the one offer of a policy, or the first of several that holds.

What an answer to an offer does is the same in every kernel: see `kernel/offers.py`.
"""

from __future__ import annotations

from linekeeper.kernel.constants import NamedExpressionCompiler, offer_key
from linekeeper.kernel.emit_line import LineEmitter
from linekeeper.kernel.lines import bare, indented, note
from linekeeper.policy import model as m


class OfferEmitter:
    """Emits `propose_offer`, with the names and the compiler of the line."""

    def __init__(self, line: LineEmitter) -> None:
        self.line, self.policy, self.constants = line, line.policy, line.constants

    def propose_offer(self) -> str:
        """An increase, where the policy has offers."""
        lines = [
            "def propose_offer(s, out):",
            '    """Propose an increase where the policy says so: its limit, else 0."""',
        ]
        if not self.policy.offers:
            return "\n".join([*lines, "    return 0"])
        lines += [*self._without_offers(), "    day = s[HOUR] // 24"]
        if self.policy.named_offers:
            return "\n".join([*lines, *indented(self._first_offer())])
        offer, compiler = self.policy.offers[0], self.line.compiler()
        every = self.constants.of("offer", "every")
        test = compiler.condition(offer.when)
        return "\n".join(
            [
                *lines,
                f"    if day < s[OFFER_END] or (s[OFFER_NUMBER] > 0 and day < s[OFFER_DAY] + {every}):",
                "        return 0",
                *indented([*self.line.read([offer.when]), *compiler.lines]),
                f"    if not {test}:",
                "        return 0",
                *indented(self._raised(offer, compiler)),
                "    if proposed <= s[GRANTED]:",
                "        return 0",
                "    s[OFFER_NUMBER] += 1",
                "    s[OFFER_LIMIT] = proposed",
                "    s[OFFER_DAY] = day",
                f"    s[OFFER_END] = day + {self.constants.of('offer', 'valid')} + 1",
                "    return proposed",
            ]
        )

    def _first_offer(self) -> list[str]:
        """Of offers with names: the first whose condition holds, and which would raise what is granted."""
        compiler = self.line.compiler()
        restricting = sum(1 << place for place, one in enumerate(self.policy.triggers) if one.restricts)
        asked = [expr for offer in self.policy.offers for expr in (offer.when, offer.to.value if offer.to else None)]
        lines = [
            f"if day < s[OFFER_END] or day < s[OFFER_RESTS] or s[MASK] & {restricting}:",
            "    return 0",
            *self.line.read(asked),
        ]
        for place, offer in enumerate(self.policy.offers):
            compiler.lines.clear()
            test = compiler.condition(offer.when)
            lines += [note(offer.name), *compiler.lines]
            compiler.lines.clear()
            lines += [f"if {bare(test)}:", *indented(self._raised(offer, compiler))]
            lines += ["    if proposed > s[GRANTED]:", *indented(self._made(place, offer), 2)]
        return [*lines, "return 0"]

    def _raised(self, offer: m.Offer, compiler: NamedExpressionCompiler) -> list[str]:
        """What the granted line would become."""
        owner = offer_key(offer)
        up_to = self.constants.of(owner, "up_to") if offer.up_to_minor or offer.by_segment or not offer.name else "0"
        if offer.to is not None:
            return [*self.line.amount_lines(offer.to, owner, compiler), f"proposed = min(most, {up_to})"]
        if offer.add_minor:
            return [f"proposed = min(s[GRANTED] + {self.constants.of(owner, 'add')}, {up_to})"]
        return [f"proposed = min(s[GRANTED] + share_of(s[GRANTED], {self.constants.of(owner, 'increase')}), {up_to})"]

    def _made(self, place: int, offer: m.Offer) -> list[str]:
        """Make it: open until the borrower answers, or granted at once where he need not be asked."""
        owner = offer_key(offer)

        def days(key: str, name: str) -> str:
            is_given = getattr(offer, name) or name in dict(offer.by_segment)
            return self.constants.of(owner, key) if is_given else "0"

        lines = [
            f"out[O_OFFER_PLACE] = {place}",
            "s[OFFER_NUMBER] += 1",
            "s[OFFER_LIMIT] = proposed",
            "s[OFFER_DAY] = day",
            f"s[OFFER_RESTS] = day + {days('every', 'every_days')}",
            f"s[OFFER_DECLINE_DAYS] = {days('after_decline', 'decline_days')}",
            f"s[OFFER_ACCEPT_DAYS] = {days('after_accept', 'accept_days')}",
        ]
        if offer.needs_consent:
            lines.append(f"s[OFFER_END] = day + {days('valid', 'valid_days')} + 1")
        else:
            lines += ["take_offer(s)", "rest_after(s, s[OFFER_ACCEPT_DAYS])"]
        return [*lines, "return proposed"]

    def _without_offers(self) -> list[str]:
        """Nobody who wishes for less himself is offered more, nor anybody to whom less is announced."""
        tests = ["s[OWN_WISH] > 0"] if self.policy.own_limit else []
        tests += ["s[ANNOUNCED] > 0"] if self.policy.decides_in_stages else []
        return [f"    if {' or '.join(tests)}:", "        return 0"] if tests else []
