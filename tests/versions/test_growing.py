"""A feed grows: a later version of the policy knows kinds of events, and fields, that the version before did not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linekeeper.cli.main import build
from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import Event
from linekeeper.engine.derive import rebuild_states
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.engine.versions import adopt, check_succession
from linekeeper.journal.keeper import erase_borrower, new_keeper
from linekeeper.policy.load import load_text
from tests.engine.conftest import NewStore
from tests.engine.lives import contents, send
from tests.versions.test_stories import DAY, MILD, event, late_payer, lines

GROWN = MILD.replace("version: 1", "version: 2").replace(
    "  enquiry: {}\n", "  enquiry: {loans: count?}\n  payday_loan: {amount: money}\n"
)
GROWN = GROWN.replace("features: {", "features: {borrowed_60d: 'sum(payday_loan.amount, 60d)', ").replace(
    "restoration:",
    "  borrowing: {when: borrowed_60d >= 800 CNY or last(enquiry.loans) >= 4, cap: 70%, hold: 90d,"
    " reason: credit_seeking}\nrestoration:",
)
WITHOUT_ASKING = GROWN.replace(" or last(enquiry.loans) >= 4", "").replace("count(enquiry, 30d)", "count(draw, 30d)")


def grown(engine: Engine) -> Engine:
    """The same store from the moment on at which the version came into force that knows more of the feed."""
    policy = load_text(GROWN)
    adopt(engine.store, policy, engine.keeper)
    return Engine(engine.store, policy, engine.keeper)


def test_what_the_former_version_does_not_know_counts_once_the_account_migrates(new_store: NewStore) -> None:
    """`a` stays under version 1 until day 51, by its promise. The loan of day 30 is none of that version's affairs; it
    stands in the journal, and on the morning of day 52 version 2 counts it. `b` migrates on day 26 and is restricted by
    the same loan at once."""
    engine = grown(late_payer(new_store()))
    engine.review(26)
    send(engine, [event("a", "repay", 26, amount=5_000)])
    loans = [event(name, "payday_loan", 30, amount=80_000) for name in ("a", "b")]
    assert send(engine, loans).events == 2
    assert lines(engine, "b") == [(30, "decrease", 70_000, "2")]
    engine.review(52)
    assert lines(engine, "a") == [
        (21, "decrease", 50_000, "1"),
        (31, "restore", 60_000, "1"),
        (41, "restore", 100_000, "1"),
        (52, "decrease", 70_000, "2"),
    ]
    assert verify(engine.store).same
    before = contents(engine.store)
    rebuild_states(engine.store)
    assert contents(engine.store) == before


def test_a_new_field_is_missing_in_the_events_of_before(new_store: NewStore) -> None:
    store = new_store()
    old = Engine(store, load_text(MILD))
    send(old, [event("a", "open", 10, limit=100_000), event("a", "enquiry", 11)])
    engine = grown(old)
    engine.review(12)
    assert lines(engine, "a") == []
    send(engine, [event("a", "enquiry", 50, loans=4)])
    assert lines(engine, "a") == [(50, "decrease", 70_000, "2")]
    assert verify(store).same


def test_a_late_fact_corrects_across_the_border(new_store: NewStore) -> None:
    """The bill of day 20 was paid on day 19; that is told on day 60, under version 2. The loan holds at 70 %."""
    engine = grown(late_payer(new_store()))
    send(engine, [event("a", "payday_loan", 30, amount=80_000)])
    engine.review(60)
    assert lines(engine, "a") == [(21, "decrease", 50_000, "1"), (60, "keep", 50_000, "2")]
    send(engine, [event("a", "repay", 19, amount=5_000)])
    assert lines(engine, "a")[-1] == (60, "correct", 70_000, "2")
    assert verify(engine.store).same


def test_a_reversed_event_of_a_new_kind_leaves_the_version_before_untouched(new_store: NewStore) -> None:
    engine = grown(late_payer(new_store()))
    loan = event("a", "payday_loan", 30, amount=80_000)
    send(engine, [loan])
    send(engine, [Event("undo", "a", "reversal", 31 * DAY, {"of": loan.id})])
    engine.review(60)
    assert lines(engine, "a") == [(21, "decrease", 50_000, "1")]
    assert verify(engine.store).same


def test_erasure_goes_on_after_the_border(new_store: NewStore, tmp_path: Path) -> None:
    keeper = new_keeper(tmp_path / "keys", tmp_path / "log", "log.example")
    old = Engine(new_store(), load_text(MILD), keeper)
    send(old, [event("a", "open", 10, limit=100_000), event("b", "open", 10, limit=100_000)])
    engine = grown(old)
    engine.review(12)
    send(engine, [event("a", "payday_loan", 13, amount=80_000), event("b", "payday_loan", 13, amount=80_000)])
    erase_borrower(engine.store, keeper, "a", 14 * DAY)
    assert not engine.is_known("a")
    assert lines(engine, "b") == [(13, "decrease", 70_000, "2")]
    assert verify(engine.store).same


def test_rows_that_were_rejected_may_be_sent_again(tmp_path: Path) -> None:
    """Version 1 rejects the row of a kind that it does not know; after the adoption the same file gives that event."""

    def run(*words: str) -> dict[str, object]:
        result = CliRunner().invoke(build(), [*words, "--json"])
        assert result.exit_code == 0, result.output
        answer: dict[str, object] = json.loads(result.stdout)
        return answer

    store, files = str(tmp_path / "lines.db"), {"mild.yaml": MILD, "grown.yaml": GROWN}
    at = '"at": "2024-01-1'
    files["events.jsonl"] = (
        f'{{"id": "1", "account": "a", "kind": "open", {at}0T12:00:00Z", "limit": 1000}}\n'
        f'{{"id": "2", "account": "a", "kind": "payday_loan", {at}1T12:00:00Z", "amount": 800}}\n'
    )
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    events = str(tmp_path / "events.jsonl")
    first = run("run", str(tmp_path / "mild.yaml"), events, "--store", store)
    assert (first["events"], first["rejected"]) == (1, 1)
    run("adopt", str(tmp_path / "grown.yaml"), "--store", store)
    run("review", "--until", "2024-01-11", "--store", store)
    again = run("run", str(tmp_path / "grown.yaml"), events, "--store", store)
    assert (again["events"], again["repeats"], again["rejected"]) == (1, 1, 0)
    assert run("verify", "--store", store)["same"] is True


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "  enquiry: {loans: count?}\n",
            "",
            "the event kind `enquiry` of version 1 is not in its place; keep it there",
        ),
        (
            "  enquiry: {loans: count?}\n  payday_loan: {amount: money}\n",
            "  payday_loan: {amount: money}\n  enquiry: {loans: count?}\n",
            "the event kind `enquiry` of version 1 is not in its place; keep it there",
        ),
        ("loans: count?", "loans: count", "the field `loans` of `enquiry` is new, and events of before do not have it"),
        (
            "  payday_loan",
            "  hardship: {code: [illness]}\n  payday_loan",
            "the text `code` of `hardship` is a list of words here, which it was not",
        ),
    ],
)
def test_what_does_not_only_add_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(LinekeeperError) as error:
        check_succession(load_text(MILD), load_text(WITHOUT_ASKING.replace(old, new)))
    assert str(error.value).startswith(said)
    assert error.value.code == "version-cannot-follow"


@pytest.mark.parametrize("new", ["loans: days?", 'loans: ["one", "two", "?"]', "lent: count?, loans: count?"])
def test_a_field_stays_what_it_is(new: str) -> None:
    later = WITHOUT_ASKING.replace("version: 2", "version: 3").replace("loans: count?", new)
    with pytest.raises(LinekeeperError, match="the field `loans` of `enquiry` is not what it is in version 2"):
        check_succession(load_text(WITHOUT_ASKING), load_text(later))
