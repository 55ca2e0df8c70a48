"""A client of the service: the routes as methods, answers with types, problems as the errors of the public API."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import msgspec

from linekeeper.cli.answers.accounts import (
    AccountRecord,
    AccountsAnswer,
    DecisionsAnswer,
    ExplainAnswer,
    ListedDecision,
    RoadAnswer,
    ShowAnswer,
)
from linekeeper.cli.answers.events import AuthoriseAnswer, OverrideAnswer
from linekeeper.cli.answers.notices import NoticeAnswer, NoticesListAnswer
from linekeeper.cli.answers.policies import VersionsAnswer
from linekeeper.core import errors
from linekeeper.core.errors import LinekeeperError, StoreError, UsageError
from linekeeper.service.answers import EventsReceivedAnswer, ReadyAnswer
from linekeeper.service.problems import Problem

TRIES = 3  # of a request that can be sent again without being done again
AGAIN_AFTER_S = 0.2  # before the second of them; twice as long before the third
AGAIN_AT = (429, 503)
_KINDS: dict[str, type[LinekeeperError]] = {
    one.kind: one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, LinekeeperError) and one not in (LinekeeperError, errors.PolicyError)
}
AnswerForm = TypeVar("AnswerForm")


class Client:
    """A service at an address, asked with a key. Use it in `with`, or call `close`.

    What only reads is sent again where the service is busy or cannot be reached, and so are events: each request of
    events has a key of idempotency, so that it counts once. Raises LinekeeperError with the code that the service gave,
    or `service-not-reached`.

    >>> from linekeeper import Client
    >>> Client("http://127.0.0.1:7462").address
    'http://127.0.0.1:7462'
    """

    def __init__(self, address: str, key: str | None = None, *, timeout_s: float = 30.0) -> None:
        try:
            import httpx
        except ImportError:
            raise UsageError(
                "a client of the service needs the extra `service`",
                code="extra-missing",
                way_out="install it: `pip install 'linekeeper[service]'`",
            ) from None
        self.address, self._unreached = address.rstrip("/"), httpx.TransportError
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=f"{self.address}/v1/", headers=headers, timeout=timeout_s)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # -------------------------------------------------------------- what acts

    def send(
        self, events: Iterable[Mapping[str, Any]], *, source: str | None = None, idempotency_key: str | None = None
    ) -> EventsReceivedAnswer:
        """Send events, as dictionaries; what became of them, once all of it is durable.

        Without an `idempotency_key` each call has one of its own. `at` may be a `datetime`; money is in minor units.
        """
        headers = {"idempotency-key": idempotency_key or uuid.uuid4().hex, "content-type": "application/json"}
        parameters = {} if source is None else {"source": source}
        body = msgspec.json.encode(list(events))
        data = self._asked("POST", "events", TRIES, params=parameters, content=body, headers=headers)
        return msgspec.json.decode(data, type=EventsReceivedAnswer)

    def authorise(
        self, account: str, amount_minor: int, *, at: str | None = None, draw: str | None = None
    ) -> AuthoriseAnswer:
        """Whether a draw may happen; with an id (`draw`), it does where it may."""
        body = {"account": account, "amount_minor": amount_minor, "at": at, "draw": draw}
        return msgspec.json.decode(self._asked("POST", "authorise", TRIES, json=body), type=AuthoriseAnswer)

    def rule(
        self,
        account: str,
        *,
        until: str,
        why: str,
        trigger: str | None = None,
        cap_bp: int | None = None,
        at: str | None = None,
        id: str | None = None,
    ) -> OverrideAnswer:
        """Waive a trigger, or impose a cap, up to and including a day; in the name of the key's holder."""
        ruling = {"account": account, "until": until, "why": why, "trigger": trigger, "cap_bp": cap_bp, "at": at}
        body = ruling | {"id": id or uuid.uuid4().hex}
        return msgspec.json.decode(self._asked("POST", "rulings", TRIES, json=body), type=OverrideAnswer)

    # -------------------------------------------------------------- what answers

    def accounts(self, status: str | None = None, *, page: int = 100) -> Iterator[AccountRecord]:
        """All accounts in order of their names, those of a status alone where one is named; a page at a time."""
        after: str | None = ""
        while after is not None:
            answer = self._read("accounts", AccountsAnswer, status=status, after=after, limit=page)
            yield from answer.accounts
            after = answer.next_after

    def account(self, name: str) -> ShowAnswer:
        """One account: its line, its features, its decisions."""
        return self._read(f"accounts/{_quoted(name)}", ShowAnswer)

    def recourse(self, account: str, *, day: str | None = None) -> RoadAnswer:
        """The road back of an account."""
        return self._read(f"accounts/{_quoted(account)}/recourse", RoadAnswer, day=day)

    def decisions(self, *, after: int = 0, account: str | None = None, page: int = 100) -> Iterator[ListedDecision]:
        """The decisions after a place, in the order in which they were made, as far as there are any now."""
        while True:
            answer = self._read("decisions", DecisionsAnswer, after=after, account=account, limit=page)
            yield from answer.decisions
            if answer.next_after is None:
                return
            after = answer.next_after

    def explain(self, account: str, number: int) -> ExplainAnswer:
        """One decision taken apart."""
        return self._read(f"accounts/{_quoted(account)}/decisions/{number}", ExplainAnswer)

    def notice(self, account: str, number: int, lang: Literal["zh", "en"] = "en") -> NoticeAnswer:
        """The notice of a decision."""
        return self._read(f"accounts/{_quoted(account)}/decisions/{number}/notice", NoticeAnswer, lang=lang)

    def receipt(self, account: str, number: int) -> str:
        """The receipt of a decision, as `linekeeper receipt verify` reads it."""
        return self._asked("GET", f"accounts/{_quoted(account)}/decisions/{number}/receipt", TRIES).decode()

    def notices(self) -> NoticesListAnswer:
        """Notices that have not gone out, the most urgent first."""
        return self._read("notices", NoticesListAnswer)

    def versions(self) -> VersionsAnswer:
        """The versions of the policy."""
        return self._read("policies", VersionsAnswer)

    def ready(self) -> ReadyAnswer:
        """Whether the service can take events in."""
        return self._read("ready", ReadyAnswer)

    # -------------------------------------------------------------- one request

    def _read(self, path: str, form: type[AnswerForm], **parameters: Any) -> AnswerForm:
        given = {name: value for name, value in parameters.items() if value is not None}
        return msgspec.json.decode(self._asked("GET", path, TRIES, params=given), type=form)

    def _asked(self, method: str, path: str, tries: int, **request: Any) -> bytes:
        for left in reversed(range(tries)):
            try:
                answer = self._http.request(method, path, **request)
            except self._unreached as error:
                if left:
                    time.sleep(AGAIN_AFTER_S * (tries - left))
                    continue
                raise StoreError(
                    f"the service at `{self.address}` cannot be reached: {str(error)[:200].lower() or 'no answer'}",
                    code="service-not-reached",
                    way_out="see that it runs and can be reached, then ask again",
                    place=self.address,
                ) from None
            if answer.status_code in AGAIN_AT and left:
                time.sleep(AGAIN_AFTER_S * (tries - left))
                continue
            break
        if answer.is_success:
            return answer.content
        raise _error_of(answer.content, answer.status_code, self.address)


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _error_of(body: bytes, status: int, address: str) -> LinekeeperError:
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        return StoreError(
            f"what answered at `{address}` with status {status} is no service of Linekeeper",
            code="service-not-reached",
            way_out="check the address",
            place=address,
        )
    kind = _KINDS.get(problem.kind, errors.Refused)
    return kind(
        problem.detail, code=problem.code, place=problem.place, way_out=problem.way_out, details=problem.details
    )
