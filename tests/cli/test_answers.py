"""Every command answers with `--json` in the form that its committed schema says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from typer.main import get_command

from linekeeper.cli.answers.catalogue import ANSWERS, all_answers, name_of, schema_of_answer, tag_of
from linekeeper.cli.main import app, build
from tests.cli.every_answer import Answer, every_answer
from tests.cli.json_page import EXAMPLES, PAGE, SCHEMAS, schema_files, table

NEVER = 1 << 40  # how the kernel writes a day that never comes
build()


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[str]:
    """The words of every command that does something."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(words)
    for name, one in (below or {}).items():
        yield from leaves(one, (*words, name))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Answer]]:
    """What every command answered."""
    return every_answer(tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def validators() -> dict[str, Draft202012Validator]:
    """The committed schemas, by the form that they describe."""
    schemas = [json.loads(path.read_text("utf-8")) for path in SCHEMAS.glob("*.json")]
    for schema in schemas:
        Draft202012Validator.check_schema(schema)
    return {schema["title"]: Draft202012Validator(schema) for schema in schemas}


def test_every_command_has_an_answer_with_a_schema() -> None:
    assert set(leaves(get_command(app))) == set(ANSWERS)


def test_the_committed_schemas_are_those_of_the_answers() -> None:
    committed = {path.name: path.read_text("utf-8") for path in SCHEMAS.iterdir()}
    assert committed == schema_files(), "run `python -m tests.cli.json_page`"


def test_every_command_answers_as_its_schema_says(
    answers: dict[str, list[Answer]], validators: dict[str, Draft202012Validator]
) -> None:
    forms = {words: {tag_of(answer) for answer in listed} for words, listed in ANSWERS.items()}
    assert set(answers) == {*ANSWERS, "error", "rejected-row"}
    for words, several in answers.items():
        for answer in several:
            validators[answer["schema"]].validate(answer)
        if words in forms:
            assert {answer["schema"] for answer in several} == forms[words], words


def test_days_instants_and_money_are_written_in_one_style(answers: dict[str, list[Answer]]) -> None:
    for words, several in answers.items():
        for key, value in (part for answer in several for part in parts(answer)):
            assert value != NEVER, (words, key)
            assert isinstance(value, bool) or not isinstance(value, int) or abs(value) < 2**53, (words, key)
            if isinstance(value, int) and re.search(r"(limit|granted|balance|amount|interest)$", key):
                raise AssertionError((words, key))
            if value is not None and re.fullmatch(r"day|since|until|next_review|honoured_until|\w+_on", key):
                assert date.fromisoformat(value), (words, key)
            if value is not None and re.fullmatch(r"at|now|\w+_at", key):
                assert datetime.fromisoformat(value).tzinfo, (words, key)


def parts(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its key; names of a policy or an event, and sentences, are left out."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in ("values", "json_schema", "details", "sub_scores", "rendered", "fields"):
                yield from parts(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from parts(item, key)
    else:
        yield key, value


def test_an_answer_with_money_names_its_currency(answers: dict[str, list[Answer]]) -> None:
    for words, several in answers.items():
        for answer in several:
            money = [key for key, _ in parts(answer) if key.endswith("_minor")]
            assert not money or re.fullmatch("[A-Z]{3}", answer["currency"]), words


@pytest.mark.parametrize("answer", all_answers(), ids=name_of)
def test_a_schema_knows_all_keys_and_needs_them(answer: Any) -> None:
    schema = schema_of_answer(answer)
    objects = [one for one in [schema, *schema["$defs"].values()] if "properties" in one]
    assert all(one["additionalProperties"] is False for one in objects)
    assert all(one["required"] == list(one["properties"]) for one in objects)
    assert next(iter(schema["properties"])) == "schema"
    assert schema["description"]


def test_a_key_too_many_or_too_few_is_seen(
    answers: dict[str, list[Answer]], validators: dict[str, Draft202012Validator]
) -> None:
    shown = answers["show"][0]
    validator = validators[shown["schema"]]
    for wrong in (shown | {"limit": 1}, {**shown, "limit_minor": "1"}, {k: shown[k] for k in shown if k != "now"}):
        with pytest.raises(ValidationError):
            validator.validate(wrong)


def test_the_page_shows_one_valid_example_of_each(validators: dict[str, Draft202012Validator]) -> None:
    text = PAGE.read_text("utf-8")
    assert table() in text, "run `python -m tests.cli.json_page`"
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text.split(EXAMPLES)[1], re.S)]
    assert [example["schema"] for example in examples] == [tag_of(answer) for answer in all_answers()]
    for example in examples:
        validators[example["schema"]].validate(example)


def test_ids_of_schemas_are_names_of_commands_or_of_what_they_write() -> None:
    names = [name_of(answer) for answer in all_answers()]
    assert len(names) == len(set(names))
    for words, answers_of_command in ANSWERS.items():
        assert name_of(answers_of_command[0]) == words.replace(" ", "-")
