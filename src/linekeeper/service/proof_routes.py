"""What proves: receipts of decisions, and the public files of the log as a web server would serve them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import Response
from litestar.params import PathParameter

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, read_bounded
from linekeeper.core.errors import NotFound
from linekeeper.engine.engine import Engine
from linekeeper.journal.keeper import Keeper
from linekeeper.journal.log.publish import CHECKPOINT, PUBLIC_KEY
from linekeeper.service.accounts_routes import DECISION_PATH
from linekeeper.service.requests import AccountInPath, Asked, NumberInPath, name_in_path, service_of
from linekeeper.service.roles import EVERYONE, READS_ACCOUNTS
from linekeeper.service.routing import reading

TILE_BYTES_MAX = 256 * (2 + 65_535)
TileLevel = Annotated[str, PathParameter(description="`0` to `63`, or `entries`.", pattern="^(entries|[0-9]{1,2})$")]
TileIndex = Annotated[
    str, PathParameter(description="In groups of three digits, as tlog-tiles writes it, with `.p/` and a width.")
]
_INDEX = re.compile(r"/?(x[0-9]{3}/){0,6}[0-9]{3}(\.p/[0-9]{1,3})?")


@reading(f"{DECISION_PATH}/receipt", READS_ACCOUNTS, media_type="text/plain")
def show_receipt(request: Asked, account: AccountInPath, number: NumberInPath) -> str:
    """The receipt of a decision: the proof that it stands in the published log. It holds the whole record."""
    engine = service_of(request).engine
    return required_keeper(engine).receipt(engine.store, name_in_path(account), number).decode("utf-8")


@reading("/v1/log/checkpoint", EVERYONE, media_type="text/plain")
def show_checkpoint(request: Asked) -> str:
    """The signed head of the log."""
    return required_keeper(service_of(request).engine).head().data.decode("utf-8")


@reading("/v1/log/log.vkey", EVERYONE, media_type="text/plain")
def show_log_key(request: Asked) -> str:
    """The public key of the log."""
    keeper = required_keeper(service_of(request).engine)
    return read_bounded(keeper.folder / PUBLIC_KEY, SETTINGS_BYTES_MAX).decode("utf-8")


@reading("/v1/log/tile/{level:str}/{index:path}", EVERYONE, media_type="application/octet-stream")
def show_tile(request: Asked, level: TileLevel, index: TileIndex) -> Response[bytes]:
    """A tile of the log (C2SP tlog-tiles). It holds hashes and commitments, and names nobody."""
    keeper, place = required_keeper(service_of(request).engine), str(index)
    path = keeper.folder / "tile" / level / place.lstrip("/")
    if _INDEX.fullmatch(place) is None or not path.is_file():
        raise NotFound("the log has no such tile", code="tile-not-known", way_out=f"see `{CHECKPOINT}` for its size")
    return Response(read_bounded(path, TILE_BYTES_MAX), media_type="application/octet-stream")


def required_keeper(engine: Engine) -> Keeper:
    """The log of the store. Raises NotFound where this service was not given its keys."""
    if engine.keeper is None:
        raise NotFound(
            "the service has no log",
            code="service-without-log",
            way_out="start it with the `--keys` of the store's log",
        )
    return engine.keeper


PROOF_ROUTES: list[Any] = [show_receipt, show_checkpoint, show_log_key, show_tile]
