"""The shipped policies say with names what they said without: the kernel is the same, byte for byte."""

from __future__ import annotations

from pathlib import Path

from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text

FOLDER = Path(__file__).parents[2] / "policies"


def test_the_credit_card_with_its_names_written_out() -> None:
    text = (FOLDER / "credit-card.yaml").read_text("utf-8")
    names = ("define: {current: days_past_due < 30}\n", "params: {hold: 30d}\n")
    plain = text
    for name in names:
        assert name in plain
        plain = plain.replace(name, "")
    plain = plain.replace("$hold", "30d")
    for place in ("clear: {}\n", "and {}\n", "while: {}}}\n"):
        plain = plain.replace(place.format("current"), place.format("days_past_due < 30"))
    assert plain != text

    def source(policy: str) -> str:
        return Kernel(load_text(policy, read_card=lambda name: (FOLDER / name).read_bytes())).source

    assert source(plain) == source(text)
