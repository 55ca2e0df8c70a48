"""A policy with other triggers, to measure by: made from its own text, so that everything else stays as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ruamel.yaml import YAML

from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy


def with_other_triggers(policy: Policy, change: Callable[[dict[str, Any]], None], place: str) -> Policy:
    """The policy after `change` on its `triggers` as YAML holds them; `place` names the variant in an error.

    Raises LinekeeperError where the changed text is no policy.
    """
    body = YAML(typ="safe", pure=True).load(policy.source)
    change(body["triggers"])
    card = policy.card
    text = json.dumps(body, ensure_ascii=False)  # JSON is YAML, and quotes every key
    return load_text(text, place, (lambda _: card) if card is not None else None)
