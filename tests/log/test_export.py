"""The auditor's folder: its own instructions, followed to the letter, accept it and refuse it altered."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from linekeeper.journal.log.erase import erase
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.export import Export, export, in_period
from linekeeper.journal.log.note import Note, SigningKey
from linekeeper.journal.log.receipt import verify_receipt
from linekeeper.journal.log.signer import Signer
from tests.log.support import LOG_KEY, House, decision, decisions

SOURCES = {"policies/retail.yaml": b"policy: retail\n", "kernel/retail.py": b"def step(): ...\n"}


def write(house: House, folder: Path, positions: list[int], sources: dict[str, bytes] = SOURCES) -> Export:
    head = house.published()
    assert head is not None
    with house.engine.connect() as connection:
        return export(connection, house.tables, house.vault, head, LOG_KEY.verifier, folder, positions, sources)


@pytest.fixture
def folder(house: House, tmp_path: Path) -> Path:
    house.add(decisions(700))
    with house.engine.begin() as connection:
        erase(connection, house.tables, house.vault, "acct-5", 1, "m")
    house.publish()
    folder = tmp_path / "auditor"
    assert write(house, folder, [3, 5, 300, 699]) == Export(3, 1, 6 + 2 + 3 + 3 + 1 + 2 * 3)
    return folder


def block(folder: Path, language: str) -> str:
    """The code that the folder's README tells its reader to run."""
    found = re.search(rf"```{language}\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def run_python(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-c", block(folder, "python")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def run_shell(folder: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("openssl") is None:
        pytest.skip("no OpenSSL: `apt-get install openssl`")
    command = ["sh", "-c", block(folder, "sh")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_what_stands_in_it(folder: Path) -> None:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"README.md", "README.zh.md", "SHA256SUMS", "checkpoint", "log.vkey", "verify.html"} <= names
    assert {"policies/retail.yaml", "kernel/retail.py", "tile/0/000", "tile/1/000.p/2"} <= names
    assert {name for name in names if name.startswith("records")} == {f"records/{n}.json" for n in (3, 300, 699)}
    assert (folder / "records" / "300.json").read_bytes() == decision("acct-6", 300).data
    for path in (folder / "receipts").iterdir():
        assert verify_receipt(path.read_bytes(), LOG_KEY.verifier).index == int(path.stem)


def test_the_sums_are_those_of_the_files(folder: Path) -> None:
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        told, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == told


def test_its_instructions_accept_it(folder: Path) -> None:
    checked = run_python(folder)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "all records are those of the log of example.com/credit-log" in checked.stdout
    signature = run_shell(folder)
    assert signature.returncode == 0
    assert "Signature Verified Successfully" in signature.stdout


def test_openssl_accepts_a_key_with_plus_signs_in_it_and_a_head_that_a_witness_has_signed_too(
    house: House, tmp_path: Path
) -> None:
    """The public key is written as `name+hash+base64`, and base64 has plus signs of its own."""
    keys = (SigningKey(LOG_KEY.name, bytes([number]) * 32) for number in range(256))
    key = next(key for key in keys if key.verifier.vkey.count("+") > 2)
    witness = SigningKey("witness.example", b"w" * 32)
    house = replace(house, signer=Signer(key, house.signer.head))
    house.add(decisions(3))
    head = house.publish(lambda data, _: [witness.sign(Note.parse(data).text)])
    folder = tmp_path / "auditor"
    with house.engine.connect() as connection:
        export(connection, house.tables, house.vault, head, key.verifier, folder, [1], SOURCES)
    assert (folder / "checkpoint").read_text("utf-8").count("\n— ") == 2
    assert "Signature Verified Successfully" in run_shell(folder).stdout


def alter(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    "change",
    [
        alter("records/300.json", b"decrease", b"increase"),
        alter("checkpoint", b"\n701\n", b"\n700\n"),
        alter("tile/entries/000", b"\x00\x22\x01\x01", b"\x00\x22\x01\x02"),
        lambda folder: (folder / "tile/entries/001").unlink(),
    ],
)
def test_its_instructions_refuse_it_altered(folder: Path, change: Callable[[Path], None]) -> None:
    change(folder)
    assert run_python(folder).returncode != 0


@pytest.mark.parametrize(("old", "new"), [(b"\n701\n", b"\n700\n"), (b"example.com", b"example.org")])
def test_openssl_refuses_an_altered_checkpoint(folder: Path, old: bytes, new: bytes) -> None:
    alter("checkpoint", old, new)(folder)
    assert run_shell(folder).returncode != 0


def test_a_period(house: House) -> None:
    house.add(decisions(30))
    head = house.publish()
    house.add(decisions(1, 30))
    with house.engine.connect() as connection:
        start = 1_760_000_000_000
        found = in_period(connection, house.tables, house.vault, head, start + 5 * 60_000, start + 9 * 60_000)
        assert list(found) == [5, 6, 7, 8]


def test_never_into_a_folder_in_use(house: House, folder: Path) -> None:
    with pytest.raises(LogError, match="is not empty"):
        write(house, folder, [3])


@pytest.mark.parametrize("name", ["../outside", "/outside", "", "policies/../../outside"])
def test_never_out_of_the_folder(house: House, tmp_path: Path, name: str) -> None:
    house.add(decisions(1))
    house.publish()
    with pytest.raises(LogError, match="does not name a file inside"):
        write(house, tmp_path / "auditor", [0], {name: b""})
    assert not (tmp_path / "outside").exists()
