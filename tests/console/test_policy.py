"""The page of the policy: its sentences in both languages, and what differs from the version before."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from linekeeper.console.routes import console_router
from linekeeper.engine.versions import adopt
from linekeeper.journal.store import open_store
from linekeeper.policy.load import load_file
from tests.console.test_pages import entered
from tests.service.running import POLICY, running, store_with_example

FORMER = "days_past_due >= 30, hold: 90d"


def test_versions_stand_in_sentences_and_differences_show(tmp_path: Path) -> None:
    url, text = store_with_example(tmp_path), POLICY.read_text("utf-8")
    assert FORMER in text
    later = tmp_path / "later.yaml"
    later.write_text(text.replace("version: 1", "version: 2").replace(FORMER, FORMER.replace("30", "45")), "utf-8")
    with closing(open_store(url)) as store:
        adopt(store, load_file(later))
    with running(url, pages=[console_router()]) as made, entered(made, "") as browser:
        twin, page = browser.get("/console/policy.json").json(), browser.get("/console/policy")
        assert [one["version"] for one in twin["versions"]] == [1, 2]
        assert twin["title"] in page.text
        assert "in force." in page.text
        assert len(twin["added"]) == len(twin["dropped"]) == 1
        assert "45 days" in twin["added"][0]
        assert "30 days" in twin["dropped"][0]
        first = twin["versions"][0]["digest"]
        former = browser.get("/console/policy.json", params={"version": first}).json()
        assert (former["before"], former["added"], former["dropped"]) == (None, [], [])
        assert twin["dropped"][0] in str(former["sections"])
        assert browser.get("/console/policy", params={"version": "0"}).status_code == 404
    with running(url, pages=[console_router()]) as made, entered(made, "", "zh") as browser:
        assert "45天" in browser.get("/console/policy.json").json()["added"][0]
