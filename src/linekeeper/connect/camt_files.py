"""Bank statements in ISO 20022 XML (camt.052, camt.053, camt.054) become raw rows.

One row is one transaction of an entry, or the entry itself where it has no details. What is read of each:

| column | element |
|---|---|
| `statement`, `account`, `currency` | `Id` of the statement; `IBAN` or `Othr/Id` of its account; the amount's `Ccy` |
| `entry` | `AcctSvcrRef`, else `NtryRef` |
| `transaction` | `AcctSvcrRef` of the transaction, else `TxId`, else `EndToEndId` |
| `amount`, `direction`, `reversal` | `Amt`; `CRDT` or `DBIT`; `RvslInd`, absent where it is false |
| `status` | `BOOK`, `PDNG`, `INFO`, from `Sts` or `Sts/Cd` |
| `booked`, `value_date` | `BookgDt`, `ValDt`: a day or a time |
| `code` | `BkTxCd` as `PMNT/RCDT/ESCT`, or the bank's own code |
| `end_to_end`, `mandate`, `debtor`, `creditor`, `debtor_account`, `creditor_account` | references and parties |
| `reference`, `remittance`, `information` | structured creditor reference; free text, joined; `AddtlNtryInf` |
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from linekeeper.connect.layout import FileLayout
from linekeeper.connect.raw_rows import BLOCK_ROWS, RawBlock, RawSource
from linekeeper.core.errors import FileError

PIECE_BYTES = 2**20
CAMT_COLUMNS = (
    "statement", "account", "currency", "entry", "transaction", "amount", "direction", "reversal", "status", "booked",
    "value_date", "code", "end_to_end", "mandate", "debtor", "creditor", "debtor_account", "creditor_account",
    "reference", "remittance", "information",
)  # fmt: skip
_identities = ("AcctSvcrRef", "TxId", "EndToEndId")
_containers = ("Stmt", "Ntfctn", "Rpt")
EntryRow = dict[str, str | None]


class _Entries:
    """Takes the elements of a message as the parser meets them, and keeps one entry at a time as a tree."""

    def __init__(self) -> None:
        self.rows: list[EntryRow] = []
        self.seen = False  # whether this is such a message at all
        self._path: list[str] = []
        self._account: dict[str, str | None] = {}
        self._builder: ET.TreeBuilder | None = None
        self._text = ""

    def doctype(self, *parts: Any) -> None:
        raise ET.ParseError("it declares a document type, which a bank's message never does")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        self._path.append(name)
        self._text = ""
        if name in _containers:
            self.seen, self._account = True, {}
        if name == "Ntry" and self._builder is None and self._path[-2:-1] and self._path[-2] in _containers:
            self._builder = ET.TreeBuilder()
        if self._builder:
            self._builder.start(name, attributes)

    def data(self, text: str) -> None:
        if self._builder:
            self._builder.data(text)
        elif len(self._text) < 1_000:
            self._text += text

    def end(self, tag: str) -> None:
        name = self._path[-1]
        if self._builder:
            self._builder.end(name)
            if name == "Ntry" and self._path[-2] in _containers:
                self.rows += list(_rows_of(self._builder.close(), self._account))
                self._builder = None
        elif self._path[-2:-1] and self._path[-2] in _containers and name == "Id":
            self._account["statement"] = self._text.strip()
        elif self._path[-3:] in (["Acct", "Id", "IBAN"], ["Id", "Othr", "Id"]) and "Acct" in self._path[-4:]:
            self._account.setdefault("account", self._text.strip())
        self._path.pop()

    def close(self) -> None:
        """The parser asks for it at the end."""


def _rows_of(entry: ET.Element, account: dict[str, str | None]) -> Iterator[EntryRow]:
    shared: EntryRow = {
        **account,
        "entry": _text(entry, "AcctSvcrRef") or _text(entry, "NtryRef"),
        "direction": _text(entry, "CdtDbtInd"),
        "reversal": "true" if _text(entry, "RvslInd") in ("true", "1") else None,
        "status": _text(entry, "Sts/Cd") or _text(entry, "Sts"),
        "booked": _text(entry, "BookgDt/Dt") or _text(entry, "BookgDt/DtTm"),
        "value_date": _text(entry, "ValDt/Dt") or _text(entry, "ValDt/DtTm"),
        "information": _text(entry, "AddtlNtryInf"),
        **_money(entry.find("Amt")),
        "code": _code(entry),
    }
    details = entry.findall("NtryDtls/TxDtls")
    if not details:
        yield shared
    for detail in details:
        amount = detail.find("Amt")
        amount = detail.find("AmtDtls/TxAmt/Amt") if amount is None else amount
        if amount is None and len(details) > 1:
            # The entry's amount is that of all its transactions together; each of them would count it once more.
            money: EntryRow = {"amount": None}
        else:
            money = _money(amount)
        direction = _text(detail, "CdtDbtInd")
        own = {"direction": direction} if direction else {}
        yield shared | money | own | _references(detail) | ({"code": _code(detail)} if _code(detail) else {})


def _references(detail: ET.Element) -> EntryRow:
    free = [part.text.strip() for part in detail.findall("RmtInf/Ustrd") if part.text]
    return {
        "transaction": _text(detail, "Refs/AcctSvcrRef")
        or _text(detail, "Refs/TxId")
        or _text(detail, "Refs/EndToEndId"),
        "end_to_end": _text(detail, "Refs/EndToEndId"),
        "mandate": _text(detail, "Refs/MndtId"),
        "debtor": _text(detail, "RltdPties/Dbtr/Nm") or _text(detail, "RltdPties/Dbtr/Pty/Nm"),
        "creditor": _text(detail, "RltdPties/Cdtr/Nm") or _text(detail, "RltdPties/Cdtr/Pty/Nm"),
        "debtor_account": _account_of(detail, "DbtrAcct"),
        "creditor_account": _account_of(detail, "CdtrAcct"),
        "reference": _text(detail, "RmtInf/Strd/CdtrRefInf/Ref"),
        "remittance": " ".join(free) or None,
    }


def _account_of(detail: ET.Element, party: str) -> str | None:
    where = f"RltdPties/{party}/Id"
    return _text(detail, f"{where}/IBAN") or _text(detail, f"{where}/Othr/Id")


def _money(amount: ET.Element | None) -> EntryRow:
    if amount is None:
        return {}
    return {"amount": (amount.text or "").strip() or None, "currency": amount.get("Ccy")}


def _code(element: ET.Element) -> str | None:
    family = [_text(element, f"BkTxCd/Domn/{part}") for part in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
    return "/".join(part for part in family if part) or _text(element, "BkTxCd/Prtry/Cd")


def _text(element: ET.Element, path: str) -> str | None:
    return (element.findtext(path) or "").strip() or None


def read_camt(path: Path, layout: FileLayout) -> RawSource:
    """The entries of a message, one row a transaction; rows are counted from 1."""
    return RawSource(CAMT_COLUMNS, "row", _blocks(path), False)


def _blocks(path: Path) -> Iterator[RawBlock]:
    entries = _Entries()
    parser = ET.XMLParser(target=entries)
    size, done, first = max(path.stat().st_size, 1), 0, 1
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            _fed(parser, piece, path)
            done += len(piece)
            if len(entries.rows) >= BLOCK_ROWS:
                yield _block(entries.rows, first, done / size)
                first += len(entries.rows)
                entries.rows = []
    _fed(parser, b"", path)
    if not entries.seen:
        raise _damaged(path, "it holds no statement, notification or report")
    yield _block(entries.rows, first, 1.0)


def _fed(parser: ET.XMLParser, piece: bytes, path: Path) -> None:
    try:
        if piece:
            parser.feed(piece)
        else:
            parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:  # not XML, not in its own encoding, an unknown encoding
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, reason: str) -> FileError:
    return FileError(
        f"`{path.name}` cannot be read as a camt message: {reason}",
        code="file-not-readable",
        way_out="fetch the file anew",
        place=str(path),
    )


def _block(rows: list[EntryRow], first: int, share: float) -> RawBlock:
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in CAMT_COLUMNS}
    return RawBlock(np.arange(first, first + len(rows)), columns, share=share)
