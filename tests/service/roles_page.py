"""The page that says which role may ask for what, made of the routes: `python -m tests.service.roles_page`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from linekeeper.service.app import ROUTES
from linekeeper.service.roles import EVERYONE, Role

PAGE = Path("docs/reference/service-roles.md")
HEAD = """# Roles of the service

Who may ask for what. A key has one role (`linekeeper key add --role`). Where the store has no keys, only the machine
itself can ask, and may do everything. Routes under *everyone* need no key. This page is made of the routes, and a test
asks for each of them in each role.

"""


class Declared(NamedTuple):
    """A route: its method, its path as OpenAPI writes it, and the roles that may ask for it."""

    method: str
    path: str
    roles: frozenset[Role] | None


def declared_routes() -> Iterator[Declared]:
    """All routes of the service, by path."""
    found: list[Declared] = []
    for handler in ROUTES:
        for path in handler.paths:
            plain = "/".join(part.partition(":")[0] + "}" if ":" in part else part for part in path.split("/"))
            method: Any = next(iter(handler.http_methods - {"HEAD", "OPTIONS"}))
            found.append(Declared(str(getattr(method, "value", method)), plain, handler.opt["roles"]))
    yield from sorted(found, key=lambda one: (one.path, one.method))


def roles_page() -> str:
    """The page."""
    names = [role.value for role in Role]
    lines = [f"| route | everyone | {' | '.join(names)} |", f"|---|{':-:|' * (len(names) + 1)}"]
    for one in declared_routes():
        allowed = [one.roles is EVERYONE, *(one.roles is EVERYONE or role in (one.roles or ()) for role in Role)]
        lines.append(f"| `{one.method} {one.path}` | {' | '.join('yes' if each else '' for each in allowed)} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(roles_page(), "utf-8")
