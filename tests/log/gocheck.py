"""Building and running the check program in `go/`, which is written with Go's own log code alone."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent / "go" / "check.go"


@dataclass(frozen=True)
class GoCheck:
    """The built program, for the log of one public key."""

    binary: Path
    vkey: str

    def log(self, folder: Path) -> subprocess.CompletedProcess[str]:
        """Hold every entry of a published log against its tiles and its signed root."""
        return self._run(["log", self.vkey, str(folder)])

    def rederive(self, folder: Path) -> subprocess.CompletedProcess[str]:
        """Derive the root from the entries alone; prints the size and the seconds it took."""
        return self._run(["rederive", self.vkey, str(folder)])

    def accepted(self, receipts: Iterable[bytes]) -> list[bool]:
        """Which of these receipts Go accepts."""
        lines = "".join(base64.b64encode(receipt).decode() + "\n" for receipt in receipts)
        done = self._run(["receipts", self.vkey], lines)
        done.check_returncode()
        return [line == "1" for line in done.stdout.split()]

    def _run(self, arguments: list[str], lines: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.binary, *arguments], input=lines, capture_output=True, text=True, timeout=300)


def build(go: str, folder: Path, vkey: str) -> GoCheck:
    """Build the program into `folder`, from Debian's sources of golang.org/x/mod."""
    binary = folder / "check"
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(folder / "cache")}
    subprocess.run([go, "build", "-o", binary, SOURCE], check=True, env=environment, timeout=300)
    return GoCheck(binary, vkey)
