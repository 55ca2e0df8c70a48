"""The section `customer` of a policy: what may be published and read, and how each fault is named."""

from __future__ import annotations

import pytest

from linekeeper.core.errors import PolicyError
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_text
from tests.customers.lives import POLICY


def faults(text: str) -> str:
    with pytest.raises(PolicyError) as raised:
        load_text(text)
    return str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("owed: balance", "owed: limit", "`limit` cannot be published"),
        ("customer.sum(owed)", "customer.sum(late)", "`late` is days, and only money adds up"),
        ("customer.sum(owed)", "customer.sum(debt)", "`debt` is not published"),
        ("customer.sum(owed)", "customer.mean(owed)", "`customer.mean` is not known"),
        ("customer.count(late >= 10)", "customer.count(late)", "`late` cannot be counted"),
        ("customer.count(late >= 10)", "customer.count(late <= 10)", "`late <= 10` cannot be counted"),
        ("customer.count(late >= 10)", "customer.count(late >= 0)", "`0` is no number above 0"),
        ("restoration:", "draws: {over_limit: reject}\nrestoration:", "`customer` needs draws that count as they come"),
        ("late: days_past_due}", "late: days_past_due}\n  ceiling: 5", "`5` is a count, not money"),
        ("features:", "events: {customer: {}}\nfeatures:", "the event kind `customer` is built in"),
    ],
)
def test_a_fault_names_what_is_wrong(old: str, new: str, named: str) -> None:
    assert old in POLICY
    assert named in faults(POLICY.replace(old, new))


def test_without_the_section_nothing_is_known_of_a_customer() -> None:
    text = POLICY.replace("customer:\n  publish: {owed: balance, late: days_past_due}\n", "")
    assert "`customer.sum` is not known here" in faults(text)


def test_a_policy_without_customers_may_have_a_kind_of_that_name() -> None:
    head = "policy: p\nversion: 1\ncurrency: CNY\ntime_zone: UTC\nevents: {customer: {new: flag}}\n"
    policy = load_text(head + "triggers: {t: {when: 'count(customer, 30d) >= 2', suspend: yes, reason: r}}\n")
    assert (policy.kind("customer").built_in, policy.customer) == (False, None)


def test_the_formatter_writes_the_measures_in_one_way() -> None:
    text = POLICY.replace("customer.count(late >= 10) >= 2", "customer.count( late>=10 )>=2")
    assert format_text(text).strip() == format_text(POLICY).strip()
