"""A receipt small enough for paper: packed, deflated, written in digits, drawn as a QR code.

Digits are what a QR code holds most densely (3 1/3 bits each), and they may follow the `#` of an address, so
the code can be a link to the page that verifies it; what follows `#` never leaves the reader's device.

    packed = deflate(u16be length || extra || u64be index || u8 count || hashes || checkpoint)
    digits: each 64 bytes as 155 decimal digits, big-endian; the last n bytes as ceil(n * 8 * log10(2)) digits
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from itertools import groupby

from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.proof import Proof
from linekeeper.journal.log.tree import HASH_BYTES

_BLOCK_BYTES = 64
_PACKED_MAX_BYTES = 1 << 16
DIGITS_MAX = 6_900  # the largest QR code holds 7,089 digits; the rest is for the address
_DIGITS = [math.ceil(count * 8 * math.log10(2)) for count in range(_BLOCK_BYTES + 1)]


def to_digits(data: bytes) -> str:
    """Bytes as decimal digits, three for each ten bits or so.

    >>> to_digits(b"\\x01\\x02")
    '00258'
    >>> from_digits("00258")
    b'\\x01\\x02'
    """
    blocks = (data[at : at + _BLOCK_BYTES] for at in range(0, len(data), _BLOCK_BYTES))
    return "".join(str(int.from_bytes(block, "big")).zfill(_DIGITS[len(block)]) for block in blocks)


def from_digits(digits: str) -> bytes:
    """The bytes that `to_digits` wrote. Raises ProofError where it cannot have."""
    blocks = []
    for at in range(0, len(digits), _DIGITS[-1]):
        block = digits[at : at + _DIGITS[-1]]
        if len(block) not in _DIGITS or not (block.isascii() and block.isdecimal()):
            raise ProofError(
                "the code is not a receipt in digits", code="receipt-not-readable", way_out="scan it again"
            )
        count = _DIGITS.index(len(block))
        if int(block) >> 8 * count:
            raise ProofError("the code's digits are out of range", code="receipt-not-readable", way_out="scan it again")
        blocks.append(int(block).to_bytes(count, "big"))
    return b"".join(blocks)


def compact(receipt: bytes) -> str:
    """A receipt in digits. Raises LogError where it is too long for a QR code."""
    proof = Proof.parse(receipt)
    too_long = LogError(
        "the receipt is too long for a QR code", code="receipt-too-long", way_out="hand out the file instead"
    )
    if len(proof.extra) >= _PACKED_MAX_BYTES:
        raise too_long
    head = len(proof.extra).to_bytes(2, "big") + proof.extra + proof.index.to_bytes(8, "big")
    packed = head + bytes([len(proof.hashes)]) + b"".join(proof.hashes) + proof.checkpoint
    deflate = zlib.compressobj(9, wbits=-15)
    digits = to_digits(deflate.compress(packed) + deflate.flush())
    if len(digits) > DIGITS_MAX:
        raise too_long
    return digits


def expand(digits: str) -> bytes:
    """The receipt, byte for byte, that `compact` was given. Raises ProofError where the digits hold none."""
    inflate = zlib.decompressobj(wbits=-15)
    try:
        packed = inflate.decompress(from_digits(digits), 2 * _PACKED_MAX_BYTES)
    except zlib.error:
        raise ProofError("the code does not unpack", code="receipt-not-readable", way_out="scan it again") from None
    at = 2 + int.from_bytes(packed[:2], "big")
    extra, index = packed[2:at], int.from_bytes(packed[at : at + 8], "big")
    count = int.from_bytes(packed[at + 8 : at + 9], "big")
    start, end = at + 9, at + 9 + count * HASH_BYTES
    hashes = tuple(packed[each : each + HASH_BYTES] for each in range(start, end, HASH_BYTES))
    return Proof(index, hashes, packed[end:], extra).data


def draw(receipt: bytes, page: str = "") -> str:
    """An SVG of the QR code of a receipt; with `page`, a link to the verifying page at that address."""
    import qrcode
    from qrcode.util import MODE_8BIT_BYTE, MODE_NUMBER, QRData

    # A mask breaks up patterns that a reader could mistake. What is packed is like chance and has none under any mask,
    # so the best of the eight, which takes nine times as long to find, reads no better.
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_L, border=4, mask_pattern=0)
    if page:
        code.add_data(QRData(f"{page}#".encode(), mode=MODE_8BIT_BYTE))
    code.add_data(QRData(compact(receipt).encode(), mode=MODE_NUMBER))
    code.make(fit=True)
    return _svg(code.get_matrix())


def _svg(rows: Sequence[Sequence[bool]]) -> str:
    """The dark modules as one path, a box for each run of them in a row."""
    boxes = []
    for y, row in enumerate(rows):
        x = 0
        for dark, run in groupby(row):
            length = len(list(run))
            if dark:
                boxes.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    size = len(rows)
    view = f'viewBox="0 0 {size} {size}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {view}><path d="{"".join(boxes)}"/></svg>'
