"""The section `links` of a policy: what may tie and be read, how each fault is named, and what the law bars."""

from __future__ import annotations

from datetime import date

import pytest

from linekeeper.core.dates import epoch_day
from linekeeper.core.errors import PolicyError, Refused
from linekeeper.engine.versions import check_succession
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_text
from linekeeper.regulation.records import shipped_records
from linekeeper.regulation.ties import barred_ties
from tests.customers.linked_lives import POLICY

DAY = epoch_day(date(2026, 12, 1))
SCORE = (
    "score:\n  base: 600\n  ability:\n    ring: {below 1: 0, otherwise: -20}\n  pd: {below 600: 2%, otherwise: 1%}\n"
)


def faults(text: str) -> str:
    with pytest.raises(PolicyError) as raised:
        load_text(text)
    return str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("owed: balance", "owed: limit", "`limit` cannot be published"),
        ("links.sum(owed", "links.sum(late", "`late` is days, and only money adds up"),
        ("links.max(late)", "links.max(debt)", "`debt` is not published"),
        ("links.max(late)", "links.mean(late)", "`links.mean` is not known"),
        ("links.max(late)", "links.max(late, 3)", "which tie is meant is not said"),
        ("links.max(late)", 'links.max(late, kind = "contact")', "`contact` is no tie of this policy"),
        ("links.max(late)", 'links.max(late, kind = "device", 3)', "`links.max` takes 1 or 2 arguments, not 3"),
        ("count(late >= 5", "count(late <= 5", "`late <= 5` cannot be counted"),
        ("employer: {purpose: credit}", "employer: {at_most: 5}", "the tie `employer` has no purpose"),
        ("employer: {purpose: credit}", "friend: {purpose: credit}", "the tie `friend` is not known"),
        ("employer: {purpose: credit}", "employer: {purpose: sales}", "the word `sales` is not known"),
        ("at_most: 3", "at_most: 5_000", "`5_000` does not fit here"),
        ("restoration:", "draws: {over_limit: reject}\nrestoration:", "`links` needs draws that count as they come"),
        (
            "links:\n",
            "customer: {publish: {owed: balance}}\nlinks:\n",
            "`links` and `customer` cannot stand in one policy",
        ),
        ("triggers:", SCORE + "triggers:", "`score` reads `ring`, whose ties are there for `fraud` alone"),
        ("features:", "events: {link: {}}\nfeatures:", "the event kind `link` is built in"),
    ],
)
def test_a_fault_names_what_is_wrong(old: str, new: str, named: str) -> None:
    assert old in POLICY
    assert named in faults(POLICY.replace(old, new))


def test_a_tie_for_credit_may_be_scored() -> None:
    text = POLICY.replace("triggers:", SCORE + "triggers:").replace("purpose: fraud", "purpose: credit")
    assert load_text(text).score is not None


def test_a_policy_without_links_may_have_a_kind_of_that_name() -> None:
    head = "policy: p\nversion: 1\ncurrency: CNY\ntime_zone: UTC\nevents: {link: {new: flag}, linked: {}}\n"
    policy = load_text(head + "triggers: {t: {when: 'count(link, 30d) >= 2', suspend: yes, reason: r}}\n")
    assert (policy.kind("link").built_in, policy.links) == (False, None)


def test_the_formatter_writes_the_measures_in_one_way() -> None:
    text = POLICY.replace('links.count(late >= 5, kind = "device")', 'links.count( late>=5,kind="device" )')
    assert load_text(format_text(text)).features[0].name == load_text(POLICY).features[0].name


@pytest.mark.parametrize(
    ("jurisdiction", "ties", "named"),
    [
        ("EU", "contact: {purpose: credit}", [("contact", "barred", "eu-ccd2-18-data")]),
        ("EU", "contact: {purpose: fraud}", []),
        ("CN", "contact: {purpose: fraud}", [("contact", "consent", "cn-pipl-28-29")]),
        ("CN", "contact: {purpose: fraud, needs: consent}", []),
        ("US", "contact: {purpose: credit}", []),
    ],
)
def test_the_law_bars_ties_by_their_purpose_and_consent(
    jurisdiction: str, ties: str, named: list[tuple[str, str, str]]
) -> None:
    text = POLICY.replace("employer: {purpose: credit}", ties).replace("employer", "contact")
    barred = barred_ties(load_text(text), shipped_records(), jurisdiction, "credit_card", DAY)
    assert [(one.tie, one.why, one.rule) for one in barred] == named


@pytest.mark.parametrize("change", ["fades: 30d", "at_most: 4"])
def test_a_version_keeps_the_ties(change: str) -> None:
    key = change.split(":")[0]
    old = next(part for part in ("fades: 20d", "at_most: 3") if part.startswith(key))
    new = load_text(POLICY.replace("version: 1", "version: 2").replace(old, change))
    with pytest.raises(Refused, match="`links` is not what it is in version 1"):
        check_succession(load_text(POLICY), new)
