"""What can go wrong with the log, said so that a person can act on it."""

from __future__ import annotations

from linekeeper.core.errors import LinekeeperError


class LogError(LinekeeperError):
    """A fault of the log: a file that cannot be read, a store behind its log, a key that is absent."""


class ProofError(LogError):
    """A proof, signature, commitment or tile that does not hold. Nothing it claims may be believed."""


class ForkError(LogError):
    """A head that does not continue the head signed before it: backwards, or another history."""
