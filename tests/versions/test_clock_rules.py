"""The rules of a time zone change: a store keeps the days that it had, and a new version brings the new rules.

Mexico gave up summer time in October 2022. The edition 2022a of the time zone database does not know it yet.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import linekeeper as lk
from linekeeper.engine.engine import Engine
from linekeeper.engine.versions import adopt
from linekeeper.journal.keeper import new_keeper, open_keeper
from linekeeper.journal.store import open_store
from linekeeper.kernel.calendar import calendar
from linekeeper.policy.load import load_text

ZONE = "America/Mexico_City"
# That zone's file in the edition 2022a of the tz database, which is in the public domain.
FILE_OF_2022A = """
VFppZjIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAAEAAAAAAAAAVFppZjIAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAbAAAABQAAABT/////pbbocP////+v8m7g/////7ZmVmD/////t0PSYP////+4DDZg/////7j9hvD/////xd6w
YP/////GlzRQ/////8lV8eD/////yerdUP/////PAsbg/////8+3VlD/////2pkV4P/////bdoPQAAAAADFndgAAAAAAMnMIcAAA
AAAzR1gAAAAAADRS6nAAAAAANSc6AAAAAAA2MsxwAAAAADcHHAAAAAAAOBvo8AAAAAA45v4AAAAAADn7yvAAAAAAOvUEgAAAAAA7
tsLwAAAAADyv/IABAgECAQIDAgMCBAIDAgMCAwIDAgMCAwIDAgP//6MMAAD//52QAAT//6ugAAj//7mwAQz//7mwARBMTVQATVNU
AENTVABDRFQAQ1dUAApDU1Q2Q0RULE00LjEuMCxNMTAuNS4wCg==
"""
TEXT = f"""policy: card
version: 1
currency: MXN
time_zone: {ZONE}
triggers:
  arrears: {{when: days_past_due >= 3, suspend: yes, reason: arrears}}
  enquiries: {{when: 'count(enquiry, 2d) >= 2', cap: 50%, reason: rapid}}
events:
  enquiry: {{}}
restoration: {{first: 50%, step: 25%, every: 7d}}
"""
CHANGED_AT = "2022-10-30"
UNTIL = "2023-08-01"
PROGRAM = """
import json, sys
from pathlib import Path
import linekeeper as lk
from linekeeper.engine.engine import Engine
from linekeeper.journal.keeper import open_keeper
from linekeeper.journal.store import decision_records, open_store
from linekeeper.policy.load import load_text

given = json.load(sys.stdin)
engine = lk.Engine(Engine(open_store(given["store"]), load_text(given["text"]), open_keeper(Path(given["keys"]))))
engine.receive(given["events"])
engine.review(given["until"])
with engine._engine.store.reading() as connection:
    print(json.dumps([bytes(row[2]).decode() for row in decision_records(connection)]))
"""


def events() -> list[dict[str, Any]]:
    """Half an hour after midnight by one set of rules is half an hour before it by the other."""
    rows: list[dict[str, Any]] = []
    for account, month in (("before", "2022-07"), ("after", "2023-07")):
        rows.append({"account": account, "kind": "open", "at": f"{month}-01T18:00:00Z", "limit": 100_000})
        for day in (10, 11, 20, 21):
            hour = "05:30" if day in (11, 20) else "18:00"
            rows.append({"account": account, "kind": "enquiry", "at": f"{month}-{day}T{hour}:00Z"})
    return [{"id": str(number), **row} for number, row in enumerate(rows)]


def decided(folder: Path, zones: Path | None) -> list[dict[str, Any]]:
    """What a store decides in a process that has those rules; it is begun with its log in that folder."""
    new_keeper(folder / "keys", folder / "public", "example.com/lines")
    given = {"store": str(folder / "lines.db"), "keys": str(folder / "keys"), "text": TEXT}
    given |= {"events": events(), "until": UNTIL}
    rules = {} if zones is None else {"PYTHONTZPATH": str(zones)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(given),
        env=os.environ | rules,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(record) for record in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Of the former rules, of those of today, and the former rules themselves."""
    before, today, zones = (tmp_path_factory.mktemp(name) for name in ("before", "today", "zones"))
    (zones / "America").mkdir()
    (zones / ZONE).write_bytes(base64.b64decode(FILE_OF_2022A))
    return before, today, zones


def test_a_store_of_former_rules_keeps_its_days(folders: tuple[Path, Path, Path]) -> None:
    before, today, zones = folders
    former, new = decided(before, zones), decided(today, None)
    own = [[record for record in some if record["account"] == "before"] for some in (former, new)]
    assert own[0] == own[1] != []
    assert former != new  # the rules decide something here

    store, keeper = open_store(str(before / "lines.db")), open_keeper(before / "keys")
    with closing(store):
        engine = lk.Engine(Engine(store, load_text(TEXT), keeper))
        assert engine.verify().same
        assert engine._engine.kernel.calendar.utc_offsets() != calendar(ZONE).utc_offsets()

        adopt(store, load_text(TEXT.replace("version: 1", "version: 2")), keeper)
        engine = lk.Engine(Engine(store, None, keeper))
        clock, known = engine._engine.kernel.calendar, calendar(ZONE)
        july = [1_657_432_800_000, 1_688_968_800_000]  # of 2022 and 2023: both keep the days that they had
        assert [clock.hour(at) - known.hour(at) for at in july] == [0, 1]
        assert clock.hour(4_086_000_000_000) == known.hour(4_086_000_000_000)  # from now on the new rules count
        later = {"id": "later", "account": "before", "kind": "enquiry", "at": "2026-07-10T05:30:00Z"}
        engine.receive([later])
        assert engine.verify().same
