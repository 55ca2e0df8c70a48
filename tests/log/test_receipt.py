"""Receipts as files and as QR codes: they verify offline, and nothing in them can be altered."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linekeeper.journal.log.audit import ReceiptCheck, accepts, check_receipts, flip
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.note import COSIGNATURE, Note, Signature, SigningKey, Verifier
from linekeeper.journal.log.proof import Proof
from linekeeper.journal.log.publish import Cosign
from linekeeper.journal.log.qr import compact, draw, expand, from_digits, to_digits
from linekeeper.journal.log.receipt import verify_receipt
from linekeeper.journal.log.tree import Nodes
from tests.log.support import LOG_KEY, House, decision, decisions, fits, forged_receipt

WITNESS = SigningKey("witness.example/w", b"w" * 32, COSIGNATURE)


def witnessed() -> Cosign:
    """A witness at hand, without HTTP."""

    def cosign(data: bytes, nodes: Nodes) -> list[Signature]:
        return [WITNESS.cosign(Note.parse(data).text, 1_700_000_000)]

    return cosign


def test_a_receipt_proves_its_record(filled: House) -> None:
    for position, data in enumerate(filled.receipts(range(700))):
        receipt = verify_receipt(data, LOG_KEY.verifier)
        assert receipt.index == position
        assert receipt.opened.kind is RecordKind.DECISION
        assert receipt.opened.data == decisions(1, position)[0].data
        assert receipt.seen.checkpoint.size == 700


def test_every_single_bit_of_one_receipt_counts(house: House) -> None:
    house.add(decisions(3))
    house.publish()
    [data] = house.receipts([1])
    for bit in range(8 * len(data)):
        assert not accepts(flip(data, bit), LOG_KEY.verifier)


@settings(max_examples=300)
@given(st.integers(0, 699), st.data())
def test_any_flipped_bit_of_any_receipt_is_refused(filled: House, position: int, data: st.DataObject) -> None:
    [receipt] = filled.receipts([position])
    assert accepts(receipt, LOG_KEY.verifier)
    assert not accepts(flip(receipt, data.draw(st.integers(0, 8 * len(receipt) - 1))), LOG_KEY.verifier)


def test_a_receipt_with_a_witness_demands_the_witness(house: House) -> None:
    house.add(decisions(3))
    house.publish(witnessed())
    [data] = house.receipts([1])
    assert verify_receipt(data, LOG_KEY.verifier, [WITNESS.verifier]).seen.cosigned_at_s == {
        WITNESS.name: 1_700_000_000
    }
    for bit in range(0, 8 * len(data), 5):
        with pytest.raises(ProofError):
            verify_receipt(flip(data, bit), LOG_KEY.verifier, [WITNESS.verifier])


def test_another_logs_key_proves_nothing(filled: House) -> None:
    [data] = filled.receipts([1])
    for key in (SigningKey("other.example/log", LOG_KEY.seed), SigningKey(LOG_KEY.name, b"x" * 32)):
        assert not accepts(data, key.verifier)


def test_a_record_of_the_same_log_cannot_take_anothers_place(filled: House) -> None:
    first, second = (Proof.parse(data) for data in filled.receipts([1, 2]))
    forged = Proof(first.index, first.hashes, first.checkpoint, second.extra)
    assert not accepts(forged.data, LOG_KEY.verifier)


@pytest.mark.parametrize("extra", [b"", b"\x01\x01" + bytes(31), b"\x02\x01" + bytes(40), b"\x01\x63" + bytes(40)])
def test_a_proof_without_a_record_is_no_receipt(filled: House, extra: bytes) -> None:
    [data] = filled.receipts([1])
    proof = Proof.parse(data)
    with pytest.raises(ProofError, match="does not hold a record"):
        verify_receipt(Proof(proof.index, proof.hashes, proof.checkpoint, extra).data, LOG_KEY.verifier)


def test_a_forged_receipt_under_a_weak_key_is_refused() -> None:
    """The library of signatures takes the all-zero key and the forgery; the reader of the key does not."""
    vkey, data = forged_receipt(bytes(32))
    note = Note.parse(Proof.parse(data).checkpoint)
    assert fits(bytes(32), note.text.encode(), note.signatures[0].blob)
    with pytest.raises(ProofError) as refused:
        verify_receipt(data, Verifier.parse(vkey))
    assert refused.value.code == "verifier-key-weak"


def test_not_yet_published(house: House) -> None:
    house.add(decisions(3))
    house.publish()
    house.add(decisions(1))
    with pytest.raises(LogError, match="leaf 3 is not published yet, only 3 are"):
        house.receipts([3])


def test_old_receipts_hold_as_the_log_grows(house: House) -> None:
    house.add(decisions(3))
    house.publish()
    old = house.receipts(range(3))
    house.add(decisions(500))
    house.publish()
    assert all(accepts(data, LOG_KEY.verifier) for data in old + house.receipts(range(3)))


def test_checking_all_receipts(filled: House) -> None:
    head = filled.published()
    assert head is not None
    with filled.engine.connect() as connection:
        tally = check_receipts(
            connection, filled.tables, filled.vault, head, LOG_KEY.verifier, range(700), seed=20_260_101
        )
    assert tally == ReceiptCheck(700, 700, 700, 700)


def test_checking_all_receipts_of_a_cosigned_log(house: House) -> None:
    """A signature of a key that was not given proves nothing; so a bit of it proves nothing either."""
    house.add(decisions(200))
    head = house.publish(witnessed())
    others = SigningKey("witness.example/other", b"o" * 32, COSIGNATURE)
    with house.engine.connect() as connection:
        arguments = (connection, house.tables, house.vault, head, LOG_KEY.verifier, range(200))
        for seed in range(3):
            assert check_receipts(*arguments, seed=seed) == ReceiptCheck(200, 200, 200, 200)
            assert check_receipts(*arguments, seed, [WITNESS.verifier]) == ReceiptCheck(200, 200, 200, 200)
        assert check_receipts(*arguments, 1, [WITNESS.verifier, others.verifier]) == ReceiptCheck(200, 0, 200, 200)


def test_receipts_of_an_altered_log_are_not_accepted(house: House) -> None:
    house.add(decisions(30))
    head = house.publish()
    stranger = Verifier(LOG_KEY.name, SigningKey(LOG_KEY.name, b"x" * 32).verifier.public)
    with house.engine.connect() as connection:
        tally = check_receipts(connection, house.tables, house.vault, head, stranger, range(30))
    assert tally == ReceiptCheck(30, 0, 0, 0)


# ------------------------------------------------------------------ QR codes


@given(st.binary(max_size=300))
def test_digits_and_back(data: bytes) -> None:
    digits = to_digits(data)
    assert from_digits(digits) == data
    assert len(digits) <= 2.43 * len(data) + 1


@pytest.mark.parametrize("digits", ["1", "12a", "999", "٣٤٥", "9" * 155])
def test_other_digits_are_refused(digits: str) -> None:
    with pytest.raises(ProofError):
        from_digits(digits)


@given(st.text("0123456789", max_size=700))
def test_random_digits_never_pass(digits: str) -> None:
    try:
        data = expand(digits)
    except ProofError:
        return
    assert not accepts(data, LOG_KEY.verifier)


def test_a_receipt_comes_back_byte_for_byte(filled: House) -> None:
    for data in filled.receipts(range(0, 700, 50)):
        assert expand(compact(data)) == data


def test_the_code_is_drawn(filled: House) -> None:
    [data] = filled.receipts([5])
    drawn = draw(data, "https://lender.example/verify.html")
    assert drawn.startswith("<svg")
    side = re.search(r'viewBox="0 0 (\d+)', drawn)
    assert side is not None
    assert int(side[1]) <= 133 + 8  # version 29 at most: 133 modules and the margin
    assert drawn != draw(data)


def test_a_long_record_is_handed_out_as_a_file(house: House) -> None:
    noise = json.dumps([number * 7919**3 % 10_000_019 for number in range(1_500)]).encode()
    house.add(
        [Record(RecordKind.DECISION, "A", noise), Record(RecordKind.DECISION, "A", bytes(70_000)), decision("A", 1)]
    )
    house.publish()
    for data in house.receipts([0, 1]):
        assert accepts(data, LOG_KEY.verifier)
        with pytest.raises(LogError, match="hand out the file"):
            draw(data)
