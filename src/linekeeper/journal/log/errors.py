"""Errors of the log, worded so that a person can act on them."""

from __future__ import annotations

from linekeeper.core.errors import LogError as LogError


class ProofError(LogError):
    """A proof, signature, commitment or tile that does not hold; what it claims must not be believed."""


class ForkError(LogError):
    """A head that does not continue the head signed before it: it is shorter, or its leaves are others."""
