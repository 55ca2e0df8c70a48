"""How the service itself is: whether it answers, whether it can write, its figures, its policy, its codes."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response
from litestar.params import PathParameter
from sqlalchemy import select

import linekeeper
from linekeeper.cli.answers.policies import VersionsAnswer, version_record
from linekeeper.core.error_codes import ERROR_CODES
from linekeeper.core.errors import NotFound
from linekeeper.engine.versions import standings
from linekeeper.journal import tables as t
from linekeeper.service.answers import HealthAnswer, PolicyTextAnswer, ProblemTypeAnswer, ReadyAnswer
from linekeeper.service.group_commit import WAITING_MAX
from linekeeper.service.metrics import METRICS_TYPE
from linekeeper.service.requests import Asked, service_of
from linekeeper.service.roles import EVERYONE, READS_ACCOUNTS, READS_FIGURES
from linekeeper.service.routing import reading

DigestInPath = Annotated[str, PathParameter(description="SHA-256 of the version, in hex.", max_length=64)]
CodeInPath = Annotated[str, PathParameter(description="The code of an error.", max_length=64)]


@reading("/v1/health", EVERYONE, sync_to_thread=False)
def show_health() -> HealthAnswer:
    """That the service answers."""
    return HealthAnswer(version=linekeeper.__version__)


@reading("/v1/ready", EVERYONE)
def show_ready(request: Asked) -> Response[ReadyAnswer]:
    """Whether the service can take events in; status 503 where it cannot."""
    service = service_of(request)
    with service.engine.store.reading() as connection:
        connection.execute(select(t.policies.c.digest).limit(1)).all()
    waiting = service.writer.waiting()
    ready = waiting < WAITING_MAX // 2
    policy = service.engine.policy
    answer = ReadyAnswer(ready=ready, policy=policy.name, policy_version=policy.version, waiting=waiting)
    return Response(answer, status_code=200 if ready else 503)


@reading("/v1/metrics", READS_FIGURES, sync_to_thread=False, media_type="text/plain")
def show_metrics(request: Asked) -> Response[str]:
    """Figures in the text format of Prometheus."""
    service = service_of(request)
    return Response(service.metrics.text(service.writer), media_type=METRICS_TYPE)


@reading("/v1/policies", READS_ACCOUNTS)
def list_versions(request: Asked) -> VersionsAnswer:
    """The versions of the policy, oldest first, and how many accounts are under each."""
    with service_of(request).engine.store.reading() as connection:
        return VersionsAnswer(versions=[version_record(one) for one in standings(connection)])


@reading("/v1/policies/{digest:str}", READS_ACCOUNTS)
def show_version(request: Asked, digest: DigestInPath) -> PolicyTextAnswer:
    """The text of a version of the policy."""
    p = t.policies.c
    with service_of(request).engine.store.reading() as connection:
        row = connection.execute(select(p.name, p.version, p.text).where(p.digest == digest)).first()
    if row is None:
        raise NotFound(
            "the store has no version of that digest",
            code="version-not-known",
            way_out="see `/v1/policies`",
        )
    return PolicyTextAnswer(policy=row.name, version=row.version, digest=digest, text=row.text)


@reading("/v1/problems/{code:str}", EVERYONE, sync_to_thread=False)
def show_problem_type(code: CodeInPath) -> ProblemTypeAnswer:
    """What a code of an error means, and what to do about it."""
    for kind, codes in ERROR_CODES.items():
        if code in codes:
            meaning, _, way_out = codes[code].partition("; ")
            return ProblemTypeAnswer(code=code, kind=kind, meaning=meaning, way_out=way_out)
    raise NotFound("there is no such code", code="code-not-known", way_out="see the page on errors")


OPERATIONS_ROUTES: list[Any] = [
    show_health,
    show_ready,
    show_metrics,
    list_versions,
    show_version,
    show_problem_type,
]
