"""Errors that a person can act on: what is wrong in backticks, the place, the way out; and a code for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from linekeeper.core.characters import one_line

MESSAGE_MAX = 4_000  # characters: whatever a user wrote and the message quotes, it stays readable
FAULTS_MAX, FAULTS_SHOWN_MAX = 200, 20  # of one file: those that are kept, and those that stand in the message


def _shortened(message: str) -> str:
    return message if len(message) <= MESSAGE_MAX else f"{message[: MESSAGE_MAX - 3]}..."


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in a file: a lower-case sentence, where it stands (1-based), and the way out.

    >>> print(Fault("`lmit` is not known here", "p.yaml", 3, 9, "did you mean `limit`?"))
    p.yaml:3:9: `lmit` is not known here; did you mean `limit`?
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    way_out: str = ""

    @property
    def place(self) -> str:
        """The file with line and column, as far as they are known."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return one_line(f"{place}{self.message}" + (f"; {self.way_out}" if self.way_out else ""))


class LinekeeperError(Exception):
    """The base of every error that is shown to a person. Its subclasses differ by what the caller can do about it.

    `code` is stable and stands in `error_codes`; `message` and `way_out` are for people and may be worded anew;
    `place` names a file, a store or a row; `details` holds values by name, as JSON has them.

    >>> error = NotFound("the account `B` is not known", code="account-not-known", details={"account": "B"})
    >>> str(error), error.code, error.kind, error.details["account"]
    ('the account `B` is not known', 'account-not-known', 'not-found', 'B')
    """

    kind: ClassVar[str] = ""
    has_lines: ClassVar[bool] = False  # whether its message is a list of faults, one a line

    def __init__(
        self,
        message: str,
        *,
        code: str,
        place: str | None = None,
        way_out: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        message = _shortened(message if self.has_lines else one_line(message))
        way_out = _shortened(one_line(way_out)) if way_out else way_out
        super().__init__(f"{message}; {way_out}" if way_out else message)
        self.message, self.code, self.place, self.way_out = message, code, place, way_out
        self.details = dict(details or {})

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross from worker processes, and a code has to arrive with them."""
        return _remade, (type(self), self.args, self.__dict__)

    def of_file(self, path: object, message: str, way_out: str | None = None) -> Self:
        """The same error where the file is known that it came from, and a message that names it.

        >>> error = FileError("it is no card", code="scorecard-not-readable").of_file("c.json", "`c.json` is no card")
        >>> str(error), error.code, error.place
        ('`c.json` is no card', 'scorecard-not-readable', 'c.json')
        """
        way_out = way_out or self.way_out
        return type(self)(message, code=self.code, place=str(path), way_out=way_out, details=self.details)

    def as_json(self) -> dict[str, Any]:
        """The error as a program reads it.

        >>> UsageError("`x` is not a day", code="day-not-readable", way_out="write it like 2024-05-31").as_json()
        {'error': 'day-not-readable', 'kind': 'usage', 'message': '`x` is not a day', 'place': None,
        'way_out': 'write it like 2024-05-31', 'details': {}}
        """
        return {
            "error": self.code,
            "kind": self.kind,
            "message": self.message,
            "place": self.place,
            "way_out": self.way_out,
            "details": self.details,
        }


def _remade(kind: type[LinekeeperError], args: tuple[Any, ...], fields: dict[str, Any]) -> LinekeeperError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class UsageError(LinekeeperError):
    """What was asked cannot be read or lacks something. Ask again, as the way out says."""

    kind = "usage"


def demand_text(what: str, given: str) -> None:
    """Raises UsageError where a text holds bytes that are not UTF-8: no store and no answer could hold it."""
    try:
        given.encode()
    except UnicodeEncodeError:
        shown = given.encode(errors="replace").decode()
        raise UsageError(
            f"{what} is not in UTF-8: `{shown[:40]}`",
            code="argument-not-readable",
            way_out="write it in UTF-8; a file may need another name",
        ) from None


def demand_choice(what: str, given: str | None, choices: Iterable[str]) -> None:
    """Raises UsageError where a word is given that is none of the choices; `what` says what it should be.

    >>> demand_choice("status", "gone", ["active", "closed"])
    Traceback (most recent call last):
    linekeeper.core.errors.UsageError: `gone` is no status; use one of active, closed
    """
    known = list(choices)
    if given is not None and given not in known:
        raise UsageError(
            f"`{given[:60]}` is no {what}",
            code="choice-not-known",
            way_out=f"use one of {', '.join(known)}",
            details={"given": given[:60]},
        )


class FileError(LinekeeperError):
    """A file or folder is absent, cannot be read, or does not hold what it should. Mend the file or name another."""

    kind = "file"


def file_error(error: OSError, path: object = None) -> FileError:
    """What the system says about a file, as an error with a code. The system does not name a file that is full.

    `path` names the file where the error itself may not.

    >>> print(file_error(FileNotFoundError(2, "No such file or directory", "p.yaml")))
    there is no file `p.yaml`
    >>> print(file_error(IsADirectoryError(21, "Is a directory"), "docs"))
    `docs` is a folder; name a file in it
    >>> print(file_error(OSError(28, "No space left on device")))
    the output cannot be written: no space left on device
    """
    named = str(path or error.filename or "")
    reason = (str(error.strerror or error).splitlines() or ["it does not say why"])[0].lower()
    if not named:
        return FileError(f"the output cannot be written: {reason}", code="output-not-writable")
    if isinstance(error, FileNotFoundError):
        return FileError(f"there is no file `{named}`", code="file-missing", place=named)
    if isinstance(error, IsADirectoryError):
        return FileError(f"`{named}` is a folder", code="file-is-folder", way_out="name a file in it", place=named)
    return FileError(f"`{named}` cannot be used: {reason}", code="file-not-usable", place=named)


def port_error(error: OSError, port: int) -> UsageError:
    """What the system says about a port that cannot be listened on, as an error with a code.

    >>> print(port_error(OSError(98, "Address already in use"), 7461))
    the port 7461 cannot be listened on: address already in use; name another one, or 0 for any that is free
    """
    return UsageError(
        f"the port {port} cannot be listened on: {str(error.strerror or error).lower()}",
        code="port-not-usable",
        way_out="name another one, or 0 for any that is free",
        details={"port": port},
    )


class PolicyError(LinekeeperError):
    """A policy file has faults, all of which are in `faults`. Mend the policy."""

    kind = "policy"
    has_lines = True

    def __init__(self, faults: list[Fault], *, code: str, place: str | None = None) -> None:
        first = faults[0] if faults else Fault("")
        if len(faults) > FAULTS_MAX:
            more = Fault(f"{len(faults) - FAULTS_MAX} more faults follow", first.file, way_out="mend these first")
            faults = [*faults[:FAULTS_MAX], more]
        self.faults = faults
        shown = [str(fault) for fault in faults[:FAULTS_SHOWN_MAX]]
        if len(faults) > FAULTS_SHOWN_MAX:
            shown.append(f"{first.file}: and so on; `linekeeper check` names each")
        super().__init__(
            "\n".join(shown),
            code=code,
            place=place or first.place or None,
            details={"faults": [asdict(fault) for fault in faults]},
        )


class EventRejected(LinekeeperError):
    """An event does not keep to the policy's kinds, or its id was used before. Mend the event and send it again."""

    kind = "event-rejected"


class NotFound(LinekeeperError):
    """What was named does not exist. List what does, and name that."""

    kind = "not-found"


class Conflict(LinekeeperError):
    """The store is in another state than the caller took it to be in. Look again, then decide anew."""

    kind = "conflict"


class Refused(LinekeeperError):
    """A rule or the data forbid what was asked. Asking again does not help; something else must change."""

    kind = "refused"


class StoreError(LinekeeperError):
    """A store cannot be opened or read. Its operator must act."""

    kind = "store"


class LogError(LinekeeperError):
    """The log, its keys or its witnesses: something is absent, cannot be read or does not hold. Its keeper must act."""

    kind = "log"


class NoticeError(LinekeeperError):
    """A notice cannot be written, since something that it must have is absent or not fit to be shown."""

    kind = "notice"


class ProgramFault(LinekeeperError):
    """What no line of the program foresaw, at the command line. Report it, with the report that the message names."""

    kind = "program"


class KernelError(LinekeeperError):
    """A kernel cannot be compiled, was called wrongly, or ended early. The program is at fault: report it."""

    kind = "kernel"
