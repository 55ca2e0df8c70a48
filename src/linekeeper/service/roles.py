"""The roles that a key can have, and what each of them may ask for."""

from __future__ import annotations

from enum import StrEnum

from linekeeper.core.errors import Refused


class Role(StrEnum):
    """Who asks. `system` is a feed or a core system: it sends events and asks about draws, and reads no account."""

    VIEWER = "viewer"
    AGENT = "agent"
    ANALYST = "analyst"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMIN = "admin"
    SYSTEM = "system"


EVERYONE: frozenset[Role] | None = None  # no key is asked for
READS_ACCOUNTS = frozenset(Role) - {Role.SYSTEM}
SENDS_EVENTS = frozenset({Role.SYSTEM, Role.ADMIN})
ASKS_DRAWS = frozenset({Role.SYSTEM, Role.AGENT, Role.ADMIN})
SENDS_NOTICES = frozenset({Role.SYSTEM, Role.AGENT, Role.ADMIN})
RULES = frozenset({Role.APPROVER, Role.ADMIN})
READS_FIGURES = frozenset({Role.SYSTEM, Role.AUDITOR, Role.ADMIN})


def demand_role(role: Role, allowed: frozenset[Role]) -> None:
    """Raises Refused where a role may not ask for something.

    >>> demand_role(Role.VIEWER, RULES)
    Traceback (most recent call last):
    linekeeper.core.errors.Refused: the role `viewer` may not ask for this; use a key of one of admin, approver
    """
    if role not in allowed:
        raise Refused(
            f"the role `{role}` may not ask for this",
            code="role-not-allowed",
            way_out=f"use a key of one of {', '.join(sorted(allowed))}",
            details={"role": role.value},
        )
