"""Former words of commands, read beside the present ones for one version. No help shows them."""

from __future__ import annotations

from collections.abc import Sequence

FORMER_COMMANDS = {"held": "pending", "outbox": "notices"}
_OF_EVENTS = {"--set-aside": "--rejected", "--columns": "--mapping"}
FORMER_OPTIONS: dict[str, dict[str, str]] = {
    "run": _OF_EVENTS,
    "replay": _OF_EVENTS,
    "import": {"--out": "--output"},
    "snapshot": {"--at": "--day"},
    "clock": {"--on": "--day"},
    "log export": {"--since": "--from"},
    "forecast": {"--listed": "--limit"},
    "receipt check-all": {"--most": "--limit"},
    "road": {"--sample": "--limit"},
}  # the command: its former options, each with the present one


def present_words(args: Sequence[str]) -> list[str]:
    """A command line in present words: the command itself, and its options wherever they stand before `--`.

    >>> present_words(["held", "list"]), present_words(["run", "--set-aside=FILE", "--", "--set-aside"])
    (['pending', 'list'], ['run', '--rejected=FILE', '--', '--set-aside'])
    """
    words = [*args]
    if words:
        words[0] = FORMER_COMMANDS.get(words[0], words[0])
    options = {**FORMER_OPTIONS.get(" ".join(words[:1]), {}), **FORMER_OPTIONS.get(" ".join(words[:2]), {})}
    end = words.index("--") if "--" in words else len(words)
    for place, word in enumerate(words[:end]):
        option, equals, value = word.partition("=")
        words[place] = options.get(option, option) + equals + value
    return words
