"""Commitments, sealing, master keys."""

from __future__ import annotations

import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.journal.log.entry import ENTRY_BYTES, RECORD_MAX_BYTES, Opened, Record, RecordKind, commit, kind_of
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.masters import LocalMaster, load_master, new_master
from linekeeper.journal.log.vault import Vault

OLD, NEW = LocalMaster(b"o" * 32), LocalMaster(b"n" * 32)


class Service:
    """A key management service that counts its calls."""

    name = "kms:alias/linekeeper"

    def __init__(self) -> None:
        self.calls = 0

    def wrap(self, key: bytes) -> bytes:
        return bytes(byte ^ 0x5A for byte in key)

    def unwrap(self, wrapped: bytes) -> bytes:
        self.calls += 1
        return self.wrap(wrapped)


def sealed(vault: Vault, wrapped: bytes, record: Record) -> tuple[bytes, bytes]:
    [pair] = vault.seal([record], [vault.cipher(vault.master.name, wrapped)])
    return pair


def test_an_entry_is_version_kind_and_commitment() -> None:
    # HMAC-SHA256 of RFC 4231, test case 2, as the commitment's own known answer: key "Jefe".
    entry = commit(RecordKind.RULING, b"Jefe", b"what do ya want for nothing?")
    assert entry.hex() == "0104" + "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert kind_of(entry) is RecordKind.RULING


@pytest.mark.parametrize("entry", [b"", b"\x01\x01", b"\x02\x01" + bytes(32), b"\x01\x63" + bytes(32), bytes(34)])
def test_foreign_entries_are_refused(entry: bytes) -> None:
    with pytest.raises(ProofError):
        kind_of(entry)


@given(st.sampled_from(RecordKind), st.binary(max_size=300))
def test_what_was_sealed_opens(kind: RecordKind, data: bytes) -> None:
    vault = Vault([OLD])
    key = vault.new_key()
    entry, box = sealed(vault, key, Record(kind, "A", data))
    opened = vault.open(entry, box, vault.cipher(OLD.name, key))
    assert (opened.kind, opened.data, len(entry)) == (kind, data, ENTRY_BYTES)
    assert entry[2:] == hmac.digest(opened.salt, data, "sha256")


def test_equal_records_have_nothing_in_common() -> None:
    vault = Vault([OLD])
    key = vault.new_key()
    boxes = [sealed(vault, key, Record(RecordKind.DECISION, "A", b"same")) for _ in range(2)]
    assert boxes[0][0][2:] != boxes[1][0][2:]
    assert boxes[0][1] != boxes[1][1]
    assert b"same" not in boxes[0][1]


@given(st.integers(0, 8 * 70 - 1))
def test_any_flipped_bit_of_a_sealed_record_is_refused(bit: int) -> None:
    vault = Vault([OLD])
    key = vault.new_key()
    entry, box = sealed(vault, key, Record(RecordKind.DECISION, "A", b"0123456789"))
    assert len(box) == 70
    altered = bytearray(box)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProofError, match="does not open"):
        vault.open(entry, bytes(altered), vault.cipher(OLD.name, key))


def test_records_of_one_borrower_cannot_be_exchanged() -> None:
    vault = Vault([OLD])
    key = vault.new_key()
    first = sealed(vault, key, Record(RecordKind.DECISION, "A", b"first"))
    second = sealed(vault, key, Record(RecordKind.DECISION, "A", b"second"))
    with pytest.raises(ProofError, match="exchanged"):
        vault.open(first[0], second[1], vault.cipher(OLD.name, key))


def test_another_borrowers_key_opens_nothing() -> None:
    vault = Vault([OLD])
    entry, box = sealed(vault, vault.new_key(), Record(RecordKind.DECISION, "A", b"record"))
    with pytest.raises(ProofError):
        vault.open(entry, box, vault.cipher(OLD.name, vault.new_key()))


def test_a_record_has_a_bound() -> None:
    vault = Vault([OLD])
    with pytest.raises(LogError, match="at most 1 MiB"):
        sealed(vault, vault.new_key(), Record(RecordKind.DECISION, "A", bytes(RECORD_MAX_BYTES + 1)))


def test_a_record_opened_gives_its_entry_again() -> None:
    assert Opened(RecordKind.DECISION, bytes(32), b"x").entry == commit(RecordKind.DECISION, bytes(32), b"x")


# ------------------------------------------------------------------ masters


def test_old_keys_open_under_the_old_master_and_are_rewrapped_under_the_new() -> None:
    wrapped = Vault([OLD]).new_key()
    both = Vault([NEW, OLD])
    again = both.rewrap(OLD.name, wrapped)
    entry, box = sealed(Vault([OLD]), wrapped, Record(RecordKind.DECISION, "A", b"record"))
    only_new = Vault([NEW])
    assert only_new.open(entry, box, only_new.cipher(NEW.name, again)).data == b"record"
    with pytest.raises(LogError, match="is not at hand"):
        only_new.cipher(OLD.name, wrapped)
    with pytest.raises(LogError, match="does not open with the master key"):
        only_new.cipher(NEW.name, wrapped)


def test_a_service_is_asked_once_a_key_within_the_bound() -> None:
    service = Service()
    vault = Vault([service], ciphers_max=2)
    keys = [vault.new_key() for _ in range(3)]
    for _ in range(5):
        vault.cipher(service.name, keys[0])
    assert service.calls == 1
    vault.cipher(service.name, keys[1])
    vault.cipher(service.name, keys[2])  # the first one is forgotten
    vault.cipher(service.name, keys[0])
    assert service.calls == 4


def test_a_vault_needs_a_master() -> None:
    with pytest.raises(LogError, match="there is no master key"):
        Vault([])


def test_master_key_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    master = new_master(path)
    assert load_master(f"file:{path}") == master
    with pytest.raises(LogError, match="already holds a key"):
        new_master(path)
    path.chmod(0o644)
    with pytest.raises(LogError, match="chmod 600"):
        load_master(f"file:{path}")


def test_master_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEKEEPER_TEST_MASTER", "6e" * 32)
    assert load_master("env:LINEKEEPER_TEST_MASTER") == NEW


@pytest.mark.parametrize("text", ["", "6e" * 31, "6e" * 33, "not hex"])
def test_false_master_keys_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEKEEPER_TEST_MASTER", text)
    with pytest.raises(LogError, match="64 hex digits"):
        load_master("env:LINEKEEPER_TEST_MASTER")


def test_absent_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="there is no master key at"):
        load_master(f"file:{tmp_path / 'absent'}")
    with pytest.raises(LogError, match="`vault:x` is no place"):
        load_master("vault:x")


def test_a_master_does_not_show_itself() -> None:
    assert "nnnn" not in repr(NEW)
