"""An older store is used once `store upgrade` has run, and not before: opening one migrates and rebuilds nothing."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect, text, update
from typer.testing import CliRunner

import linekeeper as lk
from linekeeper.cli.main import build
from linekeeper.core.errors import StoreError
from linekeeper.engine import upgrade
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.journal import migrations
from linekeeper.journal import store as journal
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, open_store
from tests.engine.conftest import NewStore
from tests.engine.lives import ANY_TIME, borrowers, contents, in_time, policy_of, send

POLICY = policy_of()
NOW = journal.REVISION
STEP = '''"""A step that only these tests have."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0099", "{before}", None, None


def upgrade() -> None:
    op.create_table("added_later", sa.Column("id", sa.Integer, primary_key=True))
'''


@pytest.fixture
def store(new_store: NewStore) -> Store:
    """A store of some borrowers."""
    made = new_store()
    send(Engine(made, POLICY), in_time(borrowers(POLICY, count=4)))
    return made


@pytest.fixture
def newer_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Linekeeper whose schema is one step further."""
    folder = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v0099_added.py").write_text(STEP.format(before=journal.REVISION))
    monkeypatch.setattr(migrations, "__file__", str(folder / "__init__.py"))
    for module in (journal, upgrade):
        monkeypatch.setattr(module, "REVISION", "0099")


def url_of(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


def with_stale_states(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(update(t.accounts).values(state=b"\x01" * 8, layout="of another kernel"))


def code_of(act: object) -> str:
    with pytest.raises(StoreError) as caught:
        act()  # type: ignore[operator]
    assert caught.value.place is not None
    assert f"linekeeper store upgrade --store {caught.value.place}" in str(caught.value)
    assert "://" in caught.value.place
    return caught.value.code


def test_an_older_schema_is_migrated_by_the_command_alone(store: Store, newer_program: None) -> None:
    url, before = url_of(store), contents(store)
    for _ in range(2):
        assert code_of(lambda: open_store(url)) == "store-upgrade-due"
        assert code_of(lambda: lk.open(url)) == "store-upgrade-due"
        assert not inspect(store.engine).has_table("added_later")
    status = upgrade.store_status(url)
    assert (status.schema, status.newest_schema, status.accounts, status.upgrade_due) == (NOW, "0099", None, True)
    assert upgrade.upgrade_store(url) == upgrade.StoreUpgrade(NOW, "0099", 0)
    assert upgrade.upgrade_store(url) == upgrade.StoreUpgrade("0099", "0099", 0)
    assert inspect(store.engine).has_table("added_later")
    assert contents(store) == before
    with closing(open_store(url)) as opened:
        assert verify(opened).same


def test_a_migration_that_fails_leaves_the_schema_as_it_was(store: Store, newer_program: None, tmp_path: Path) -> None:
    step = tmp_path / "migrations" / "versions" / "v0099_added.py"
    step.write_text(step.read_text() + "    raise ZeroDivisionError\n")
    with pytest.raises(ZeroDivisionError):
        upgrade.upgrade_store(url_of(store))
    assert not inspect(store.engine).has_table("added_later")
    assert upgrade.store_status(url_of(store)).schema == NOW


def test_states_of_another_kernel_are_rebuilt_by_the_command_alone(store: Store) -> None:
    """An engine that is open, one that would be opened, and a verification all say what to do, and change nothing."""
    url, before, engine = url_of(store), contents(store), Engine(store, POLICY, clock=ANY_TIME)
    account = str(before["accounts"][0][0])
    with_stale_states(store)
    stale = contents(store)
    reads = (lambda: engine.state_of(account), lambda: engine.authorise(account, 0, 1), lambda: verify(store))
    writes = (lambda: send(engine, in_time(borrowers(POLICY, count=1))[-3:]), lambda: engine.review(40_000))
    for act in (*reads, lambda: Engine(store, POLICY), lambda: lk.open(url)):
        assert code_of(act) == "store-upgrade-due"
    assert contents(store) == stale
    assert code_of(writes[1]) == "store-upgrade-due"
    assert upgrade.store_status(url).stale_states == len(before["accounts"])
    assert upgrade.upgrade_store(url) == upgrade.StoreUpgrade(NOW, NOW, len(before["accounts"]))
    assert not upgrade.upgrade_store(url).changed
    assert contents(store)["decisions"] == before["decisions"]


def test_status_only_reads(store: Store) -> None:
    before = contents(store)
    status = upgrade.store_status(url_of(store))
    assert (status.policy, status.versions, status.upgrade_due) == (POLICY.name, (POLICY.version,), False)
    assert (status.accounts, status.events) == (len(before["accounts"]), len(before["events"]))
    assert contents(store) == before


def test_the_commands(tmp_path: Path) -> None:
    url, run = str(tmp_path / "lines.db"), CliRunner()

    def told(*words: str) -> str:
        outcome = run.invoke(build(), ["store", *words, "--store", url])
        assert outcome.exit_code == 0, outcome.output
        return outcome.output

    with closing(open_store(url)) as store:
        assert "0 accounts" in told("status")  # made, and still without a policy
        send(Engine(store, POLICY), in_time(borrowers(POLICY, count=4)))
        assert "up to date" in told("status")
        assert "nothing was done" in told("upgrade")
        with_stale_states(store)
        assert "4 states were made by another Linekeeper" in told("status")
        assert '"stale_states":4,"upgrade_due":true' in told("status", "--json")
        assert "4 states rebuilt from the events" in told("upgrade")
        assert '"changed":false' in told("upgrade", "--json")
        with store.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for words in ("status", "upgrade"):
        outcome = run.invoke(build(), ["store", words, "--store", url])
        assert isinstance(outcome.exception, StoreError)
        assert outcome.exception.code == "store-newer"
    outcome = run.invoke(build(), ["store", "status", "--store", str(tmp_path / "none.db")])
    assert isinstance(outcome.exception, StoreError)
    assert not (tmp_path / "none.db").exists()
