"""The page of the policy: its versions, each in sentences, and which sentences came and went since the one before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Response

from linekeeper.cli.answers.policies import VersionRecord, version_record
from linekeeper.console.screens import html_page, json_twin, page_reader, screen, writer_for
from linekeeper.core.errors import NotFound
from linekeeper.engine.versions import standings
from linekeeper.notice.prose import describe
from linekeeper.notice.prose.describe import Section
from linekeeper.service.requests import Asked, Word
from linekeeper.service.roles import READS_ACCOUNTS


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """What the page of a version shows, and its twin in JSON: `added` and `dropped` are against the one before."""

    title: str
    digest: str
    versions: list[VersionRecord]
    sections: tuple[Section, ...]
    before: str | None
    added: list[str]
    dropped: list[str]


@screen(["/console/policy", "/console/policy.json"])
def show_policy(request: Asked, version: Word = None) -> Response[Any]:
    """A version of the policy in sentences: the newest, or the one of that digest."""
    reader = page_reader(request, READS_ACCOUNTS)
    engine, lang = reader.service.engine, reader.lang
    with engine.store.reading() as connection:
        versions = [version_record(one) for one in standings(connection)]
    digests = [one.digest for one in versions]
    if version and version not in digests:
        raise NotFound(
            "the store has no version of that digest", code="version-not-known", way_out="see the list of versions"
        )
    place = digests.index(version) if version else len(digests) - 1
    shown = describe(engine.engine_of_version(digests[place]).policy, lang)
    sentences = [sentence for section in shown.sections for sentence in section.lines]
    earlier = list[str]()
    if place:
        former = describe(engine.engine_of_version(digests[place - 1]).policy, lang)
        earlier = [sentence for section in former.sections for sentence in section.lines]
    page = PolicyPage(
        title=shown.title,
        digest=digests[place],
        versions=versions,
        sections=shown.sections,
        before=digests[place - 1] if place else None,
        added=[one for one in sentences if one not in earlier] if place else [],
        dropped=[one for one in earlier if one not in sentences],
    )
    if str(request.url.path).endswith(".json"):
        return json_twin(page)
    return html_page("policy.html", reader, "policy", {"page": page, "write": writer_for(reader)})
