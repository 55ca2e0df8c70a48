"""What an answer to an offer does, copied to a kernel whose policy has offers with names.

Which offer is made, and by how much it raises the line, is generated: see `emit_offers`.
"""

from __future__ import annotations

from typing import Any

from linekeeper.kernel.drivers import (
    CONSENT_OFFER,
    GRANTED,
    HOUR,
    KIND_CONSENT,
    LIMIT,
    OFFER_END,
    OFFER_LIMIT,
    OFFER_NUMBER,
)

# From here on: names whose real meaning is in the generated source.
OFFER_RESTS = OFFER_DECLINE_DAYS = OFFER_ACCEPT_DAYS = 0
KIND_DECLINE = DECLINE_OFFER = 0


def take_offer(s: Any) -> None:
    """Grant what was offered: a line that is whole follows at once."""
    if s[LIMIT] == s[GRANTED]:
        s[LIMIT] = s[OFFER_LIMIT]
    s[GRANTED] = s[OFFER_LIMIT]
    s[OFFER_END] = 0


def rest_after(s: Any, days: int) -> None:
    """No offer is made for so many days from today on; a longer wait stays."""
    s[OFFER_RESTS] = max(s[OFFER_RESTS], s[HOUR] // 24 + days)


def answer_offer(s: Any, kind: int, x: Any) -> None:
    """The wait that an answer to the open offer begins; a decline closes it."""
    if s[HOUR] // 24 >= s[OFFER_END]:
        return
    if kind == KIND_DECLINE and x[DECLINE_OFFER] == s[OFFER_NUMBER]:
        s[OFFER_END] = 0
        rest_after(s, s[OFFER_DECLINE_DAYS])
    if kind == KIND_CONSENT and x[CONSENT_OFFER] == s[OFFER_NUMBER]:
        rest_after(s, s[OFFER_ACCEPT_DAYS])
