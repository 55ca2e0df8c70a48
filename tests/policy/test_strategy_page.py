"""Every policy snippet of the page "From your strategy to this language" is checked as a policy that has it.

The snippets of one row stand together: a section such as `tables: {...}` becomes part of a small policy, keys of a rule
(`cap: $arrears_cap`) part of the rule that has them, and what is left must be an expression or a word of the language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from linekeeper.core.errors import PolicyError
from linekeeper.policy.functions import FACTS, FUNCTIONS, MEASURES
from linekeeper.policy.load import KEYS, load_text
from linekeeper.policy.offers import AMOUNT_KEYS, NAMED_OFFER_KEYS
from linekeeper.policy.restorations import SCHEDULE_KEYS
from linekeeper.policy.sections import TRIGGER_KEYS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guides" / "from-your-strategy.md").read_text("utf-8")
ROWS = {int(row[0]): row[1] for row in re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, re.MULTILINE)}
FILES = {"lists/blocked-devices.txt": "8f3a\n", "tables/branches.csv": "branch,then\nnorth,1\n-,2\n"}
FILES["parts/arrears.yaml"] = "define: {behind: past_due > 0 CNY}\n"
# Words that are no keys of a section: kinds that are built in or taken up, and the hit policies of tables.
OTHER_WORDS = {"override", "grant", "own_limit", "decline", "hour", "sum", "hit"}
BASE: dict[str, Any] = {
    "policy": "page",
    "version": "1",
    "currency": "CNY",
    "time_zone": "Asia/Shanghai",
    "events": {
        "income": {"amount": "money"},
        "purchase": {"amount": "money", "category": ["food", "travel", "gaming"]},
        "branch_named": {"branch": ["north", "south"]},
        "login": {"device": "text"},
    },
    "features": {
        "income": "last(income.amount)",
        "draws_7d": "count(draw, 7d)",
        "branch": "last(branch_named.branch)",
        "x": "count(draw, 30d)",
        "y": "count(draw, 60d)",
        "used": "percent(balance, granted)",
    },
    "segments": {"new": "months_on_book < 3", "prime": "on_time_streak >= 6", "standard": "otherwise"},
    "params": {
        "arrears_cap": {"new": "0%", "otherwise": "50%"},
        "increase": "20%",
        "rung": "5000 CNY",
        "hold": "30d",
        "step": "20%",
        "most": "5000 CNY",
        "late": "30d",
    },
    "define": {"settled": "past_due = 0 CNY"},
    "score": {"base": "600", "ability": {"used": {"below 50%": "10", "otherwise": "0"}}},
    "triggers": {
        "rapid_draws": {"when": "draws_7d > 5", "cap": "50%", "reason": "rapid_borrowing"},
        "probed": {"when": "balance > 5 CNY", "reason": "arrears"},
    },
    "restoration": {"first": "50%", "step": "20%", "every": "30d"},
    "offer": {"when": "settled", "increase": "20%", "up_to": "9000 CNY", "every": "90d", "valid": "30d"},
}


def snippets(row: str) -> list[str]:
    return re.findall(r"`([^`]+)`", row)


def as_mapping(snippet: str) -> dict[str, Any] | None:
    """The snippet as keys with values, or nothing where it is an expression or a word."""
    if not re.match(r"[a-z_]+: ", snippet):
        return None
    try:
        value = YAML(typ="base", pure=True).load(snippet)
    except YAMLError:
        return None
    return dict(value)


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Sections that have names in them are joined; the others are replaced."""
    joined = ("events", "features", "params", "define", "triggers", "tables", "lists")
    return base | {
        key: {**base.get(key, {}), **value} if key in joined and isinstance(value, dict) else value
        for key, value in more.items()
    }


def policy_of_row(row: str) -> dict[str, Any]:
    """The small policy with all that the row's snippets put into it."""
    policy: dict[str, Any] = json.loads(json.dumps(BASE))
    for mapping in filter(None, map(as_mapping, snippets(row))):
        for key, value in mapping.items():
            if key in KEYS:
                policy = merged(policy, {key: value})
                if key == "offers":
                    policy.pop("offer", None)
            elif key in ("hit", "csv"):
                table = policy.setdefault("tables", {}).setdefault("probed_table", {"hit": "first"})
                table[key] = value
            elif key in NAMED_OFFER_KEYS and key not in ("when", "price"):
                if "offer" in policy:
                    policy["offers"] = {"probed_offer": policy.pop("offer")}
                one = policy["offers"].setdefault("probed_offer", dict(BASE["offer"]))
                if key in AMOUNT_KEYS:  # one at a time
                    one = {part: said for part, said in one.items() if part not in AMOUNT_KEYS}
                policy["offers"]["probed_offer"] = one | {key: value}
            elif key in SCHEDULE_KEYS and "first" in policy["restoration"]:
                policy["restoration"][key] = value
            else:
                assert key in TRIGGER_KEYS, f"`{key}` is no key of the language"
                policy["triggers"]["probed"][key] = value
    for table in policy.get("tables", {}).values():
        if "csv" not in table and "rows" not in table:
            table["rows"] = [{"when": "draws_7d > 3", "then": "3"}, {"then": "6"}]
            table["rows"] = table["rows"][1:] if table["hit"] == "only" else table["rows"]
    probed = policy["triggers"]["probed"]
    if not {"cap", "limit", "suspend", "close", "watch", "contact", "price"} & probed.keys():
        probed["cap"] = "60%"
    return policy


def checks(policy: dict[str, Any]) -> bool:
    try:
        load_text(json.dumps(policy, ensure_ascii=False), read_part=FILES.__getitem__)
    except PolicyError:
        return False
    return True


def placed(policy: dict[str, Any], text: str) -> Iterator[dict[str, Any]]:
    """The policy with an expression in each of the places where one may stand."""
    yield merged(policy, {"features": {"probed_value": text}})
    condition = {"when": text, "cap": "50%", "reason": "arrears"}
    yield merged(policy, {"triggers": {"probed_condition": condition}})
    yield merged(policy, {"authorise": {"probed_rule": {"deny": text, "reason": "arrears"}}})
    yield merged(policy, {"features": {"probed_value": f"count(draw {text}, 30d)"}})


def is_known(word: str) -> bool:
    known = {*KEYS, *FUNCTIONS, *MEASURES, *FACTS, *TRIGGER_KEYS, *NAMED_OFFER_KEYS, *SCHEDULE_KEYS, *OTHER_WORDS}
    return word in known


@pytest.mark.parametrize("number", sorted(ROWS))
def test_each_snippet_of_the_row_is_taken(number: int) -> None:
    row = ROWS[number]
    policy = policy_of_row(row)
    load_text(json.dumps(policy, ensure_ascii=False), read_part=FILES.__getitem__)
    for snippet in snippets(row):
        if as_mapping(snippet) is not None or snippet.startswith("linekeeper ") or is_known(snippet):
            continue
        if "/" in snippet and " " not in snippet:
            assert (ROOT / snippet).exists(), snippet
            continue
        assert any(map(checks, placed(policy, snippet))), f"row {number}: `{snippet}` is taken nowhere"


def test_a_snippet_that_is_wrong_is_seen() -> None:
    """The test can fail: of each sort of snippet one that the language does not have."""
    with pytest.raises(PolicyError):
        load_text(json.dumps(policy_of_row("`tables: {pace: {hit: best, rows: [{then: 6}]}}`")))
    with pytest.raises(AssertionError, match="`capp` is no key"):
        policy_of_row("`capp: 50%`")
    assert not any(map(checks, placed(policy_of_row(""), "count(nothing, 30d)")))
