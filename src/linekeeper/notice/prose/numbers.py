"""Numbers and amounts of a policy's rules in words."""

from __future__ import annotations

from collections.abc import Callable

from linekeeper.notice.prose.expression import ExpressionRenderer
from linekeeper.policy import model as m


def money_words(renderer: ExpressionRenderer, minor: int) -> str:
    """An amount of the policy's currency."""
    return renderer.language.money(minor, renderer.policy.currency, renderer.policy.exponent)


def number_words(
    rule: m.Trigger | m.Restoration | m.Offer, place: str, words: Callable[[int], str], renderer: ExpressionRenderer
) -> str:
    """A number of a rule in words; where it differs by segment, that of each."""
    language, values = renderer.language, dict(rule.by_segment).get(place)
    if values is None:
        return words(getattr(rule, place))
    policy = renderer.policy
    named = ((" ".join(map(language.quote, policy.cell_words(cell))), values[cell.number]) for cell in policy.cells)
    each = [language.translate("{segment}: {number}", segment=name, number=words(value)) for name, value in named]
    listed = language.translate("; ").join(each)
    if policy.splits:
        return language.translate("(by segment and arm: {listed})", listed=listed)
    return language.translate("(by segment: {listed})", listed=listed)


def amount_words(limit: m.LimitAmount, renderer: ExpressionRenderer) -> str:
    """An amount, and how it is rounded."""
    translate, amount = renderer.language.translate, renderer.noun(limit.value)
    if limit.round_minor:
        step = money_words(renderer, limit.round_minor)
        amount = (
            translate("{amount}, rounded down to {step}", amount=amount, step=step)
            if limit.down
            else translate("{amount}, rounded up to {step}", amount=amount, step=step)
        )
    if limit.floor_minor:
        amount = translate(
            "{amount}, but at least {floor}", amount=amount, floor=money_words(renderer, limit.floor_minor)
        )
    return amount
