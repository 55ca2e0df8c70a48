"""The examples of the page on the service, run in their order against a service."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.running import Running, running, store_with_example

PAGE = Path("docs/guides/service.md").read_text("utf-8")
WRITTEN = "http://127.0.0.1:7462"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(store_with_example(tmp_path_factory.mktemp("page"))) as made:
        yield made


def test_the_examples_with_curl_are_answered(served: Running) -> None:
    blocks = re.findall(r"(?s)```bash\n(.*?)```", PAGE)
    commands = [one for block in blocks for one in block.replace("\\\n", "").splitlines()]
    assert len(commands) == 7
    for command in commands:
        done = subprocess.run(["bash", "-c", command.replace(WRITTEN, served.url)], capture_output=True, check=True)
        answer = json.loads(done.stdout)
        assert answer["schema"].startswith("linekeeper/"), (command, answer)
    assert served.http.get("/v1/accounts/A-2002").json()["balance_minor"] == 25_000


def test_the_example_in_python_runs(served: Running) -> None:
    (block,) = re.findall(r"(?s)```python\n(.*?)```", PAGE)
    exec(compile(block.replace(WRITTEN, served.url), "service.md", "exec"), {})
