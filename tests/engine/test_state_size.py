"""What an account costs in a store: a state is packed, and months that never were cost nothing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sqlalchemy import func, select

from linekeeper.engine.engine import Engine
from linekeeper.engine.run import run_table
from linekeeper.journal import tables as t
from linekeeper.journal.store import open_store
from linekeeper.lab.population import population
from linekeeper.policy.load import load_file
from tests.kernel.conftest import _kernel_cache as _kernel_cache

BYTES_MAX = 2_048


def test_a_state_of_the_loan_policy_takes_2_kb_on_average(tmp_path: Path) -> None:
    with closing(open_store(str(tmp_path / "lines.db"))) as store:
        engine = Engine(store, load_file("policies/consumer-loan.yaml"))
        run_table(engine, population(accounts=60, days=730, seed=1).events, "main")
        with store.reading() as connection:
            length, count = connection.execute(
                select(func.avg(func.length(t.accounts.c.state)), func.count(t.accounts.c.state))
            ).one()
    assert count == 60
    assert length <= BYTES_MAX < engine.kernel.layout.size * 8 / 10
