"""Answers about the log: its heads, its receipts, its witnesses, and what was erased."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from linekeeper.cli.answers.style import AnswerPart, CommandAnswer, UnreadableAccounts

MasterName = Annotated[str, Meta(description="It is written beside each key that the master wraps.")]
MasterPlace = Annotated[str, Meta(description="As `log.json` has it: `file:NAME` is a file beside it.")]


class LogMaster(AnswerPart, frozen=True):
    """A master key that is at hand, or that wraps a key of the store."""

    master: MasterName
    place: Annotated[str | None, Meta(description="As `log.json` has it; null where it is not at hand.")]
    keys: Annotated[int, Meta(description="How many keys of the store it wraps.")]


class LogInitAnswer(CommandAnswer, frozen=True, tag="linekeeper/log-init/1"):
    """A new log."""

    keys: str
    folder: str
    vkey: Annotated[str, Meta(description="The log's public key.")]


class LogPublishAnswer(CommandAnswer, frozen=True, tag="linekeeper/log-publish/1"):
    """A published head; with `--every`, one line for each (JSON Lines)."""

    origin: str
    size: int
    root: Annotated[str, Meta(description="In hex.")]


class LogStatusAnswer(CommandAnswer, frozen=True, tag="linekeeper/log-status/1"):
    """Whether the log follows from the store, and its keys open. `leaves` to `heads` are null where it does not."""

    same: bool
    leaves: int | None
    published: int | None
    heads: int | None
    difference: str | None
    error: Annotated[str | None, Meta(description="The code of the difference.")]
    masters: list[LogMaster]
    unreadable_accounts: UnreadableAccounts
    unreadable_leaves: int


class LogRotateAnswer(CommandAnswer, frozen=True, tag="linekeeper/log-rotate/1"):
    """How many keys were wrapped under the new master key. Keys that do not open stay as they were."""

    keys: int
    master: MasterName
    place: MasterPlace
    unreadable_accounts: UnreadableAccounts


class LogRotateFinishAnswer(CommandAnswer, frozen=True, tag="linekeeper/log-rotate-finish/1"):
    """That all keys of the store open with the newest master key, and which others may be destroyed."""

    keys: int
    master: MasterName
    place: MasterPlace
    free: Annotated[list[str], Meta(description="Places of master keys on which nothing of the store hangs.")]


class LogExportAnswer(CommandAnswer, frozen=True, tag="linekeeper/log-export/1"):
    """What a folder for an auditor holds."""

    output: str
    records: int
    erased: int
    files: int
    unreadable_accounts: UnreadableAccounts
    unreadable_leaves: int


class WitnessAnswer(CommandAnswer, frozen=True, tag="linekeeper/witness/1"):
    """Where a witness listens, until it is ended."""

    vkey_file: str
    url: str


class ReceiptMakeAnswer(CommandAnswer, frozen=True, tag="linekeeper/receipt-make/1"):
    """The receipt of a decision."""

    decision: str
    output: str
    qr: str | None


class ReceiptVerifyAnswer(CommandAnswer, frozen=True, tag="linekeeper/receipt-verify/1"):
    """Whether a receipt holds. What only a receipt that holds has is null otherwise."""

    holds: bool
    leaf: int | None
    size: int | None
    origin: str | None
    record: Annotated[str | None, Meta(description="The decision as it is hashed: canonical JSON.")]
    why: str | None
    error: Annotated[str | None, Meta(description="The code of what does not hold.")]


class ReceiptCheckAnswer(CommandAnswer, frozen=True, tag="linekeeper/receipt-check-all/1"):
    """How many receipts hold, and how many with one bit flipped were refused."""

    receipts: int
    accepted: int
    flipped: int
    flipped_refused: int
    unreadable_accounts: UnreadableAccounts
    unreadable_leaves: int


class EraseAnswer(CommandAnswer, frozen=True, tag="linekeeper/erase/1"):
    """An erased borrower."""

    account: str
    leaf: Annotated[
        int | None,
        Meta(description="The leaf that says so; null where it was erased before, and the files were scrubbed now."),
    ]
    leaves_closed: Annotated[int, Meta(description="How many leaves open no more by this.")]
