"""Today and the cases: restrictions that wait for a person, released or withheld with a reason."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Response

from linekeeper.cli.answers.events import PendingListAnswer, pending_record
from linekeeper.console.screens import ROOT, form, html_page, json_twin, page_reader, screen, writer_for
from linekeeper.console.signing_in import form_field, redirect_to, signed_fields
from linekeeper.console.today_page import today_screen
from linekeeper.core.errors import UsageError
from linekeeper.engine.pending_restrictions import pending_rows
from linekeeper.engine.rulings import refuse, release
from linekeeper.face.times import day_of
from linekeeper.service.requests import LISTED_AT_MOST, Asked, service_of
from linekeeper.service.roles import READS_ACCOUNTS, RULES, Role, demand_role

CASES_SHOWN = 200


@screen(["/console/today", "/console/today.json"])
def show_today(request: Asked) -> Response[Any]:
    """What waits for a person, what the engine did of late."""
    reader = page_reader(request, READS_ACCOUNTS)
    service = reader.service
    page, values = today_screen(service.engine, service.writer.waiting(), writer_for(reader))
    if str(request.url.path).endswith(".json"):
        return json_twin(page)
    return html_page("today.html", reader, "today", values | {"masks": reader.caller.role is Role.VIEWER})


@screen(["/console/cases", "/console/cases.json"])
def show_cases(request: Asked) -> Response[Any]:
    """Restrictions that wait because the brake held them."""
    reader = page_reader(request, READS_ACCOUNTS)
    engine, writer = reader.service.engine, writer_for(reader)
    with engine.store.reading() as connection:
        rows = pending_rows(connection)
    if str(request.url.path).endswith(".json"):
        records = [pending_record(row) for row in rows]
        return json_twin(PendingListAnswer(currency=engine.policy.currency, restrictions=records))
    values = {
        "rows": [(pending_record(row), writer.because(row.decision)) for row in rows[:CASES_SHOWN]],
        "total": len(rows),
        "write": writer,
        "may_rule": reader.caller.role in RULES,
        "masks": reader.caller.role is Role.VIEWER,
        "done": request.query_params.get("done", ""),
    }
    return html_page("cases.html", reader, "cases", values)


@form("/console/cases")
async def rule_cases(request: Asked) -> Response[Any]:
    """Release or withhold the restrictions that were chosen, as `linekeeper pending` does it."""
    session, fields = await signed_fields(request)
    service = service_of(request)
    caller = session.caller(service)
    demand_role(caller.role, RULES)
    chosen, why, act = fields.get("account", []), form_field(fields, "why"), form_field(fields, "act")
    if not chosen or not why or len(chosen) > LISTED_AT_MOST or act not in ("release", "withhold"):
        raise UsageError(
            "a ruling on restrictions that wait needs accounts and a reason",
            code="argument-missing",
            way_out="choose at least one account, and say why",
        )
    at, by = service.engine.clock.now_ms(), caller.holder
    if act == "release":
        piece = service.write_alone(lambda engine: release(engine, chosen, by=by, why=why, at=at))
    else:
        until = day_of(form_field(fields, "until"))
        piece = service.write_alone(lambda engine: refuse(engine, chosen, until, by=by, why=why, at=at))
    await asyncio.wrap_future(piece)
    return redirect_to(f"{ROOT}/cases?done={act}")


CASES_ROUTES: list[Any] = [show_today, show_cases, rule_cases]
