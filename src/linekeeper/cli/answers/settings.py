"""The answer about settings: which value each has, and where it comes from."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from linekeeper.cli.answers.style import AnswerPart, CommandAnswer


class SettingRecord(AnswerPart, frozen=True):
    """One setting."""

    name: str
    value: Annotated[str | None, Meta(description="Null where it has none.")]
    origin: Annotated[str | None, Meta(description="The variable or the file that gives it, or `default`.")]


class SettingsAnswer(CommandAnswer, frozen=True, tag="linekeeper/settings/1"):
    """The settings that hold where no option is given."""

    settings: list[SettingRecord]
