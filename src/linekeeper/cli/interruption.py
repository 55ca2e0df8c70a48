"""What is kept of a command that Ctrl-C ends."""

from __future__ import annotations

INTERRUPTED = 130  # the exit code: 128 and the number of the signal
_BATCHES = "every batch that was committed is kept, and nothing of the one in hand; the same command goes on from there"
_RULINGS = "what was committed is kept and whole, all else is undone; see what holds before you give it again"
_LOG = "what was committed or published is kept; the same command does the rest"
_FILES = "the store is as it was; a file that was being written is not whole, and the same command writes it anew"
_NOTHING = "nothing was changed"

KEPT = {
    **dict.fromkeys(("run", "review"), _BATCHES),
    **dict.fromkeys(("adopt", "pending", "override", "consent", "notices", "store"), _RULINGS),
    **dict.fromkeys(("log", "erase"), _LOG),
    "demo": "what was made so far stays in its folder; the same command begins anew",
    **dict.fromkeys(
        ("import", "contract", "replay", "snapshot", "fit", "forecast", "kernel", "fmt", "receipt"), _FILES
    ),
    "witness": "the heads that it has seen are kept in its folder",
}  # by command; all others change nothing


def what_is_kept(command: str | None) -> str:
    """What is kept of a command that was interrupted, in a sentence.

    >>> what_is_kept("show")
    'nothing was changed'
    """
    return KEPT.get(command or "", _NOTHING)
