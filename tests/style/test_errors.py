"""Every error carries a registered code; the page lists them; a test raises each."""

from __future__ import annotations

import json
import pickle
import re

import pytest

from linekeeper.core.error_codes import ERROR_CODES
from linekeeper.core.errors import Conflict, Fault, NotFound, PolicyError
from tests.style.error_codes import bare_raises, error_classes, faults_of_codes, makings
from tests.style.error_page import PAGE, page
from tests.style.raised_codes import NO_TEST, codes_by_file, file_by_code
from tests.style.repository import ROOT, assert_none, sources

BASE = """
class LinekeeperError(Exception):
    kind = ""
    def __init__(self, message, *, code): ...

class NotFound(LinekeeperError):
    kind = "not-found"

class Lost(NotFound):
    def __init__(self, name):
        super().__init__(name, code="name-lost")
"""
REGISTRY = {"not-found": {"name-lost": "a name is lost; look for it"}}


def test_every_error_is_made_with_a_code_of_its_kind_and_every_code_is_in_use() -> None:
    modules = dict(sources())
    assert_none([*faults_of_codes(modules, ERROR_CODES), *bare_raises(modules)])


def test_all_makings_are_seen() -> None:
    assert len(list(makings(dict(sources())))) > 230
    assert {"KernelFault", "ForkError", "ArtifactError", "Unreadable"} <= set(error_classes(dict(sources())))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("raise NotFound('a')", "an error is made without a code"),
        ("raise NotFound('a', code='name-unheard')", "the code `name-unheard` is not registered under `not-found`"),
        ("raise LinekeeperError('a', code='name-lost')", "the code `name-lost` is not registered under ``"),
        ("raise NotFound('a', code='name-lost' if a else 'b')", "the code `b` is not registered under `not-found`"),
    ],
)
def test_an_error_without_its_code_is_seen(text: str, fault: str) -> None:
    modules = {"base.py": BASE, "use.py": f"raise Lost('b')\n{text}\n"}
    assert [(each.message, each.file, each.line) for each in faults_of_codes(modules, REGISTRY)] == [
        (fault, "use.py", 2)
    ]


def test_a_code_that_no_error_has_is_seen() -> None:
    registry = {"not-found": {**REGISTRY["not-found"], "name-old": "a name is old; drop it"}}
    assert [each.message for each in faults_of_codes({"base.py": BASE}, registry)] == [
        "no error has the code `name-old`"
    ]


def test_an_error_that_is_raised_bare_is_seen() -> None:
    modules = {"base.py": BASE, "use.py": "raise NotFound\n"}
    assert [each.message for each in bare_raises(modules)] == ["`NotFound` is raised without a message"]


def test_codes_are_words_with_hyphens_and_stand_in_the_order_of_the_alphabet() -> None:
    for codes in ERROR_CODES.values():
        assert list(codes) == sorted(codes)
        assert [code for code in codes if not re.fullmatch(r"[a-z]+(-[a-z]+)+", code)] == []


def test_a_code_has_one_kind() -> None:
    codes = [code for codes in ERROR_CODES.values() for code in codes]
    assert len(codes) == len(set(codes))


def test_a_sentence_says_what_a_code_means_and_what_to_do() -> None:
    sentences = [sentence for codes in ERROR_CODES.values() for sentence in codes.values()]
    assert [sentence for sentence in sentences if not re.fullmatch(r"[a-z][^;|]+[^;. ]; [^;|]+[^;. ]", sentence)] == []


def test_the_page_is_made_of_the_registry() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.style.error_page`"


# ------------------------------------------------------------------ codes that tests raise


def test_each_code_is_listed_with_a_file_of_tests_that_raises_it() -> None:
    """That its tests do raise it is checked where they run, in `conftest.py`."""
    registered = {code for codes in ERROR_CODES.values() for code in codes}
    assert set(file_by_code()) == registered, "list the code in `raised_codes.txt`, with a file whose tests raise it"
    assert [file for file in file_by_code().values() if file != NO_TEST and not (ROOT / file).is_file()] == []


def test_no_code_is_without_a_test() -> None:
    assert codes_by_file().get(NO_TEST, set()) == set()


# ------------------------------------------------------------------ an error as an object


def test_an_error_is_text_for_people_and_json_for_programs() -> None:
    error = NotFound("the account `B` is not known", code="account-not-known", way_out="send its `open` event first")
    assert str(error) == "the account `B` is not known; send its `open` event first"
    assert json.loads(json.dumps(error.as_json())) == {
        "error": "account-not-known",
        "kind": "not-found",
        "message": "the account `B` is not known",
        "place": None,
        "way_out": "send its `open` event first",
        "details": {},
    }


def test_the_faults_of_a_policy_are_details() -> None:
    error = PolicyError([Fault("`a` is not known", "p.yaml", 3, 9, "did you mean `b`?")], code="policy-faulty")
    assert str(error) == "p.yaml:3:9: `a` is not known; did you mean `b`?"
    assert (error.place, error.details["faults"][0]["line"]) == ("p.yaml:3:9", 3)


@pytest.mark.parametrize(
    "error",
    [
        Conflict("a", code="offer-not-open", place="b", way_out="c", details={"d": 1}),
        PolicyError([Fault("a", "p.yaml", 1, 2)], code="policy-faulty"),
    ],
)
def test_an_error_crosses_from_a_worker_process_with_all_that_it_holds(error: Conflict | PolicyError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.as_json()) == (type(error), str(error), error.as_json())
