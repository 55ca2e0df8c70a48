"""The signer: it signs a head of the log only if that head continues the one that it signed last.

Its last head is a file of its own, best on another disk or machine than the store. A store that is restored from a
backup then cannot make the log contradict a head that was already signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, read_bounded
from linekeeper.journal.log import durable
from linekeeper.journal.log.checkpoint import Checkpoint, open_checkpoint
from linekeeper.journal.log.errors import ForkError, LogError, ProofError
from linekeeper.journal.log.key_files import demand_own, demand_private, write_new_key
from linekeeper.journal.log.note import ED25519, Note, SigningKey, Verifier
from linekeeper.journal.log.tree import verify_consistency


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key and the file that holds the last head it signed. The key's name is the log's origin."""

    key: SigningKey
    head: Path

    @property
    def verifier(self) -> Verifier:
        return self.key.verifier

    def last(self) -> Checkpoint | None:
        """The last head signed; None where nothing was signed yet. Raises ProofError where the file does not say it."""
        try:
            demand_own(self.head)
            return open_checkpoint(self.head.read_bytes(), self.verifier).checkpoint
        except FileNotFoundError:
            return None
        except OSError as error:
            reason, lent = f"cannot be opened ({error.strerror})", False
            way_out = "let the account that publishes read it; it is a file of its own"
        except ProofError as error:
            # A fault of form, or a whole head under another key: somebody else's, which says nothing of this log.
            lent = error.code in ("signature-missing", "checkpoint-of-another-log")
            reason = f"is not of the log `{self.key.name}`" if lent else "is damaged or was altered"
            way_out = "put the log's own there: copy the newest published `checkpoint`, once nobody holds a newer one"
        raise ProofError(
            f"the signer's last head `{self.head}` {reason}",
            code="signer-head-of-another-log" if lent else "signer-head-not-readable",
            way_out=way_out,
            place=str(self.head),
        )

    def sign(self, size: int, root: bytes, consistency: Sequence[bytes] = ()) -> bytes:
        """The signed checkpoint (size, root), once `consistency` shows that it continues the last head.

        The new head is durable before the signature is given away. Raises ForkError for a smaller size, for another
        root at the same size, and for a proof that does not hold.
        """
        # Under the lock from the reading of the last head on: two processes that read the same head could each sign
        # another continuation of it, and the log would have forked.
        with durable.locked(self.head.with_name(f".{self.head.name}.lock"), "the signer is busy; try again"):
            last = self.last()
            if last is not None and last.size:
                self._demand_continuation(last, size, root, consistency)
            checkpoint = Checkpoint(self.key.name, size, root)
            signed = Note(checkpoint.text, (self.key.sign(checkpoint.text),)).data
            if checkpoint != last:
                durable.write(self.head, signed)
            return signed

    def _demand_continuation(self, last: Checkpoint, size: int, root: bytes, proof: Sequence[bytes]) -> None:
        if size < last.size:
            raise ForkError(
                f"the log has {size} leaves but `{self.key.name}` has signed {last.size}; the store is older than"
                " what was published: restore its newest state, or start a new log under another name",
                code="store-behind-log",
                details={"leaves": size, "signed": last.size},
            )
        if not verify_consistency(last.size, size, proof, last.root, root):
            raise ForkError(
                f"the log of {size} leaves does not continue the {last.size} that `{self.key.name}` has signed;"
                " entries were altered: keep both and find out which",
                code="log-forked",
                details={"leaves": size, "signed": last.size},
            )


_KEY_LOST = "put it back from its safe copy; without one, begin a new log under another name: `linekeeper log init`"


def load_key(path: Path) -> SigningKey:
    """The signing key in a file that its owner alone may read.

    Raises LogError where it is absent, open to others or none, FileError where it cannot be read.
    """
    if not path.exists():
        raise LogError(
            f"there is no signing key at `{path}`", code="signing-key-missing", way_out=_KEY_LOST, place=str(path)
        )
    demand_private(path)
    try:
        return SigningKey.parse(read_bounded(path, SETTINGS_BYTES_MAX).decode("utf-8", "replace"))
    except ProofError as error:
        raise error.of_file(path, f"`{path}` cannot be used: {error.message}", _KEY_LOST) from None


def new_key(path: Path, name: str, kind: int = ED25519) -> SigningKey:
    """Make a signing key (of a log, or with `COSIGNATURE` of a witness) and keep it at `path`.

    Only the owner can read the file. Raises LogError where a file exists there: it is never replaced.
    """
    key = SigningKey.generate(name, kind)
    write_new_key(path, f"{key.skey}\n")
    return key
