"""A log with everything it needs in one folder, and records to put into it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine, MetaData, create_engine, event

from linekeeper.journal.log.append import append
from linekeeper.journal.log.audit import Audit, audit
from linekeeper.journal.log.checkpoint import Checkpoint
from linekeeper.journal.log.entry import Opened, Record, RecordKind
from linekeeper.journal.log.masters import LocalMaster
from linekeeper.journal.log.note import ED25519, Note, Signature, SigningKey, key_id, to_base64
from linekeeper.journal.log.proof import Proof
from linekeeper.journal.log.publish import Cosign, Published, publish, published
from linekeeper.journal.log.read import opened
from linekeeper.journal.log.receipt import make_receipt
from linekeeper.journal.log.signer import Signer
from linekeeper.journal.log.tables import LogTables, define
from linekeeper.journal.log.tree import leaf_hash
from linekeeper.journal.log.vault import Vault

Synchronous = Literal["FULL", "NORMAL"]
ORIGIN = "example.com/credit-log"
MASTER = LocalMaster(b"m" * 32)
LOG_KEY = SigningKey(ORIGIN, b"s" * 32)


@dataclass(frozen=True)
class House:
    """A store, its keys, and the folder it publishes to."""

    engine: Engine
    tables: LogTables
    vault: Vault
    signer: Signer
    folder: Path

    def add(self, records: Sequence[Record]) -> int:
        with self.engine.begin() as connection:
            return append(connection, self.tables, self.vault, records)

    def publish(self, cosign: Cosign | None = None, *, whole: bool = True) -> Published:
        return publish(self.engine, self.tables, self.folder, self.signer, cosign, whole=whole)

    def published(self) -> Published | None:
        return published(self.folder, self.signer.verifier)

    def audit(self) -> Audit:
        with self.engine.connect() as connection:
            return audit(connection, self.tables, self.published())

    def receipts(self, positions: Iterable[int]) -> list[bytes]:
        head = self.published()
        assert head is not None
        with self.engine.connect() as connection:
            found = opened(connection, self.tables, self.vault, positions)
            return [make_receipt(head, position, record) for position, record in found if isinstance(record, Opened)]


def open_house(folder: Path, url: str | None = None, synchronous: Synchronous = "FULL") -> House:
    """The log in `folder`, made where it is absent. `url` names another database than `folder`'s own SQLite file."""
    folder.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url or f"sqlite:///{folder / 'store.db'}")
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def prepare(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")

    schema = MetaData()
    tables = define(schema)
    schema.create_all(engine)
    return House(engine, tables, Vault([MASTER]), Signer(LOG_KEY, folder / "signer" / "head"), folder / "public")


def decision(account: str, number: int, note: str = "") -> Record:
    """A small decision record."""
    body: dict[str, Any] = {
        "account": account,
        "action": "decrease",
        "after": {"granted": 500_000, "limit": 250_000, "status": "reduced"},
        "at": 1_760_000_000_000 + number * 60_000,
        "before": {"granted": 500_000, "limit": 500_000, "status": "active"},
        "currency": "CNY",
        "note": note,
        "policy": "retail 3",
        "reasons": [{"code": "arrears"}, {"code": "utilisation"}],
        "seq": number,
    }
    return Record(RecordKind.DECISION, account, rfc8785.dumps(body))


def decisions(count: int, start: int = 0, accounts: int = 7) -> list[Record]:
    """`count` decisions over a few accounts, numbered from `start`."""
    return [decision(f"acct-{number % accounts}", number) for number in range(start, start + count)]


def forged_receipt(public: bytes) -> tuple[str, bytes]:
    """A weak key's vkey, and a receipt that needs no private key: its signature is the neutral point and nothing else.

    It fits wherever the sum on the curve comes out, which with a point of small order it does for one text in eight at
    worst. So the record is counted up until it does.
    """
    identity = key_id(ORIGIN, ED25519, public)
    vkey = f"{ORIGIN}+{identity.hex()}+{to_base64(bytes([ED25519]) + public)}"
    signature = b"\x01" + bytes(63)  # R is the neutral point, S is 0
    for number in range(200):
        record = Opened(RecordKind.DECISION, bytes(32), b'{"forged":%d}' % number)
        text = Checkpoint(ORIGIN, 1, leaf_hash(record.entry)).text
        if fits(public, text.encode(), signature):
            break
    note = Note(text, (Signature(ORIGIN, identity, signature),))
    return vkey, Proof(0, (), note.data, bytes((1, record.kind)) + record.salt + record.data).data


def fits(public: bytes, text: bytes, signature: bytes) -> bool:
    """Whether the library of signatures itself takes a signature, whatever the key is."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except InvalidSignature:
        return False
    return True
