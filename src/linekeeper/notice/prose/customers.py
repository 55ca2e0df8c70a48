"""What all accounts of a customer come to, in words."""

from __future__ import annotations

import re

from linekeeper.policy.expression import DAYS
from linekeeper.policy.functions import FACTS
from linekeeper.policy.model import Policy
from linekeeper.texts.language import Language

_MEASURE = re.compile(r"customer\.(sum|max|count)\((\w+)(?: >= (.+))?\)")


def is_of_customer(name: str) -> bool:
    """Whether a value that a policy has not named is one of all accounts of a customer."""
    return _MEASURE.fullmatch(name) is not None


def of_customer(name: str, policy: Policy, language: Language) -> str | None:
    """The value as a noun; None where it is none of a customer."""
    parts = _MEASURE.fullmatch(name)
    if parts is None or policy.customer is None:
        return None
    fact = FACTS[dict(policy.customer.publish)[parts[2]]]
    what, least = language.translate(fact.words), parts[3] or ""
    if fact.unit == DAYS and least.isdigit():
        least = language.span(int(least))
    if parts[1] == "sum":
        return language.translate("{what} on all accounts of the customer together", what=what)
    if parts[1] == "max":
        return language.translate("{what} on the customer's worst account", what=what)
    return language.translate(
        "the number of the customer's accounts on which {what} is at least {least}", what=what, least=least
    )
