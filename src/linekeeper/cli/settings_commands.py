"""settings: what holds where no option is given."""

from __future__ import annotations

import typer

from linekeeper.cli.options import JsonOption
from linekeeper.cli.output import data_text, print_answer, print_line
from linekeeper.cli.settings import DEFAULTS, FILE, setting, tolerance_hours


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("settings")(list_settings)


def list_settings(json: JsonOption = False) -> None:
    """What holds where no option is given, and whether the environment or linekeeper.toml says so."""
    from linekeeper.cli.answers.settings import SettingRecord, SettingsAnswer

    tolerance_hours()  # raises where what is set would be refused by every command that needs it
    settings = [setting(name) for name in DEFAULTS]
    if json:
        records = [SettingRecord(name=one.name, value=one.value, origin=one.origin or "default") for one in settings]
        print_answer(SettingsAnswer(settings=records))
        return
    for one in settings:
        value = "-" if one.value is None else one.value
        print_line(data_text(f"{one.name:<14}{value}  ({one.origin or 'default'})"))
    print_line(f"an option goes before a variable, a variable before {FILE}")
