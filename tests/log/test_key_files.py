"""Files and folders of keys: others may not write to them, nor read the private ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from linekeeper.core.errors import FileError
from linekeeper.journal.keeper import new_keeper, open_keeper
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.key_files import read_verifier
from linekeeper.journal.log.note import COSIGNATURE, SigningKey


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The folder of the keys of a log."""
    new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/test")
    open_keeper(tmp_path / "keys").signer.sign(0, b"r" * 32)
    return tmp_path / "keys"


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_of_keys_that_others_may_write_to_is_refused(keys: Path, mode: int) -> None:
    keys.chmod(mode)
    with pytest.raises(LogError, match=f"others may write to `{keys}`.*chmod go-w {keys}") as refused:
        open_keeper(keys)
    assert (refused.value.code, refused.value.place) == ("key-open-to-others", str(keys))
    keys.chmod(0o755)  # that others see which keys there are gives none away
    open_keeper(keys)


@pytest.mark.parametrize("name", ["log.json", "signer.head"])
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_beside_the_keys_that_others_may_write_to_is_refused(keys: Path, name: str, mode: int) -> None:
    (keys / name).chmod(mode)
    with pytest.raises(LogError, match=f"others may write to `{keys / name}`.*chmod go-w") as refused:
        open_keeper(keys).signer.last()
    assert refused.value.code == "key-open-to-others"


@pytest.mark.parametrize("name", ["signer.key", "master.key"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_private_key_that_others_may_read_or_write_is_refused(keys: Path, name: str, mode: int) -> None:
    (keys / name).chmod(mode)
    with pytest.raises(LogError, match=f"chmod 600 {keys / name}") as refused:
        open_keeper(keys)
    assert refused.value.code == "key-not-private"


@pytest.mark.parametrize("name", ["", "log.json", "signer.key", "master.key", "signer.head"])
def test_keys_of_another_user_are_refused(keys: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is root's is taken from root; what is another's is told by its owner, whoever runs the test."""
    path, own = keys / name, os.geteuid()
    plain = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        status = plain(self, follow_symlinks=follow_symlinks)
        return os.stat_result((*status[:4], own + 1 if self == path else own, *status[5:]))

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(LogError, match=f"`{path}` belongs to another user.*chown {own} {path}") as refused:
        open_keeper(keys).signer.last()
    assert refused.value.code == "key-of-another-user"
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    if own == 0:  # the others are root's
        assert open_keeper(keys).signer.last() is not None


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_public_key_that_others_may_write_to_is_refused(keys: Path, mode: int) -> None:
    path = keys.parent / "public" / "log.vkey"
    assert read_verifier(path).name == "example.com/test"
    path.chmod(mode)
    with pytest.raises(LogError, match=f"others may write to `{path}`.*chmod go-w {path}") as refused:
        read_verifier(path)
    assert refused.value.code == "key-open-to-others"


def test_a_public_key_of_the_wrong_kind_is_refused(keys: Path, tmp_path: Path) -> None:
    with pytest.raises(ProofError, match=r"the key of `example.com/test` is not that of a witness"):
        read_verifier(keys.parent / "public" / "log.vkey", COSIGNATURE)
    path = tmp_path / "w.vkey"
    path.write_text(SigningKey("w.example", b"w" * 32, COSIGNATURE).verifier.vkey)
    path.chmod(0o644)
    with pytest.raises(ProofError, match=r"the key of `w.example` is not that of a log"):
        read_verifier(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ProofError):
        read_verifier(path)
    with pytest.raises(FileError):
        read_verifier(tmp_path / "none")
