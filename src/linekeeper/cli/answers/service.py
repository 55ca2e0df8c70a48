"""Answers about a service and the keys with which it is used."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from linekeeper.cli.answers.style import AnswerPart, CommandAnswer, Instant


class ServeAnswer(CommandAnswer, frozen=True, tag="linekeeper/serve/1"):
    """Where a service listens. It goes on serving."""

    url: Annotated[str, Meta(description="Its routes begin with `/v1`.")]
    keys_needed: Annotated[bool, Meta(description="False where the store has no keys: then only this machine can ask.")]


class AccessKeyRecord(AnswerPart, frozen=True):
    """A key of the service, without its secret. Instants are in UTC."""

    id: str
    holder: str
    role: str
    state: Annotated[str, Meta(description="valid, expired or revoked.")]
    made_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


class KeyAddAnswer(CommandAnswer, frozen=True, tag="linekeeper/key-add/1"):
    """A new key. Its secret is in no other answer."""

    key: AccessKeyRecord
    secret: Annotated[str, Meta(description="What is sent as `Authorization: Bearer ...`.")]


class KeyListAnswer(CommandAnswer, frozen=True, tag="linekeeper/key-list/1"):
    """All keys of the service, the oldest first."""

    keys: list[AccessKeyRecord]


class KeyRevokeAnswer(CommandAnswer, frozen=True, tag="linekeeper/key-revoke/1"):
    """A key that is ended."""

    key: AccessKeyRecord
