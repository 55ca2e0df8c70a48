"""The warnings that `check` gives: a code for each, how much it weighs, and what it says.

A policy with warnings is valid and decides as it is written. A warning that is meant so is silenced in its place, with
the reason: `allow: {cap_100: "the regulator wants the count"}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal as OneOf
from typing import NamedTuple

Severity = OneOf["warning", "note"]


class WarningCode(NamedTuple):
    """How much a warning weighs, and what it says. A note is about what is superfluous, a warning about decisions."""

    severity: Severity
    meaning: str


WARNING_CODES: Mapping[str, WarningCode] = {
    "never_true": WarningCode("warning", "a condition, or a part of one, can never hold"),
    "always_true": WarningCode("warning", "a condition, or a part of one, always holds"),
    "adds_nothing": WarningCode("note", "a part of a condition, or a trigger, is implied by another"),
    "release_never": WarningCode("warning", "a latch that is set is never released"),
    "release_needs": WarningCode("warning", "a latch is never released where a kind of event is not sent"),
    "cap_100": WarningCode("note", "a trigger with a cap of 100 % restricts nothing"),
    "short_month_window": WarningCode("warning", "a window of one or two months loses a whole month at its end"),
    "moved_by_cut": WarningCode("warning", "a restriction of the line itself can make a condition hold"),
    "utilisation_feedback": WarningCode("warning", "a cut of the limit raises what is measured against it"),
    "no_wording": WarningCode("note", "no text of its own comes with the product for a reason"),
    "raw_names": WarningCode("note", "letters would show names of the policy as they are written"),
    "unused_feature": WarningCode("note", "no rule and no score reads a feature"),
    "unused_kind": WarningCode("note", "no measure reads a kind of event that the policy declares"),
    "unused_field": WarningCode("note", "no measure reads a field that the policy declares"),
    "allow_unneeded": WarningCode("note", "a warning is silenced that is not given"),
}
