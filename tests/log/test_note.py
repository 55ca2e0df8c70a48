"""Signed notes and checkpoints: the specifications' own examples, and everything that must be refused."""

from __future__ import annotations

import base64
from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.journal.log.checkpoint import Checkpoint, from_decimal, open_checkpoint
from linekeeper.journal.log.errors import ProofError
from linekeeper.journal.log.note import COSIGNATURE, ED25519, Note, SigningKey, Verifier, open_note
from linekeeper.journal.log.proof import Proof

# c2sp.org/signed-note, section "Verifier keys".
SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
# golang.org/x/mod/sumdb/note, the package's example.
GO_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()

LOG = SigningKey("example.com/log", b"l" * 32)
WITNESS = SigningKey("witness.example/w", b"w" * 32, COSIGNATURE)
OTHER = SigningKey("other.example/key", b"o" * 32)
HEAD = Checkpoint("example.com/log", 12_345, bytes(range(32)))
SIGNED = Note(HEAD.text, (LOG.sign(HEAD.text), WITNESS.cosign(HEAD.text, 1_700_000_000))).data


def test_the_specifications_note() -> None:
    assert open_note(SPEC_NOTE, [Verifier.parse(SPEC_VKEY)]) == "This is an example message.\n"
    assert Verifier.parse(SPEC_VKEY).vkey == SPEC_VKEY
    assert Note.parse(SPEC_NOTE).data == SPEC_NOTE


def test_gos_key_signs_gos_note() -> None:
    key = SigningKey.parse(GO_SKEY)
    text = Note.parse(GO_NOTE).text
    assert (key.skey, key.verifier.vkey) == (GO_SKEY, GO_VKEY)
    assert Note(text, (key.sign(text),)).data == GO_NOTE


@given(st.integers(0, 8 * len(SPEC_NOTE) - 1))
def test_any_flipped_bit_of_a_note_is_refused(bit: int) -> None:
    altered = bytearray(SPEC_NOTE)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProofError):
        open_note(bytes(altered), [Verifier.parse(SPEC_VKEY)])


def test_unknown_signatures_are_ignored_and_known_ones_must_hold() -> None:
    text = "a\n"
    both = Note(text, (OTHER.sign(text), LOG.sign(text)))
    assert open_note(both.data, [LOG.verifier]) == text
    forged = Note(text, (OTHER.sign("b\n"), LOG.sign(text)))
    assert open_note(forged.data, [LOG.verifier]) == text
    with pytest.raises(ProofError, match=r"`other.example/key` does not fit"):
        open_note(forged.data, [LOG.verifier, OTHER.verifier])


def test_a_key_that_shares_a_name_is_another_key() -> None:
    twin = SigningKey(LOG.name, b"t" * 32)
    note = Note("a\n", (twin.sign("a\n"),))
    with pytest.raises(ProofError, match="not signed by"):
        open_note(note.data, [LOG.verifier])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no signatures\n",
        b"text\n\n",
        b"text\n\nnot a signature\n",
        "text\n\n— name\n".encode(),
        "text\n\n— name AAAA\n".encode(),  # no more than half a key ID
        "text\n\n— na+me AAAAAAAA\n".encode(),
        "text\n\n— name AAAAAAAA".encode(),  # no last newline
        "text\n\n— name AAAAAAB=\n".encode(),  # base64 with stray bits
        "te\rxt\n\n— name AAAAAAAA\n".encode(),
        b"\xff\n\n\xe2\x80\x94 name AAAAAAAA\n",
        ("text\n\n" + "— name AAAAAAAA\n" * 101).encode(),
        b"x" * (1 << 20) + "\n\n— name AAAAAAAA\n".encode(),
    ],
)
def test_malformed_notes_are_refused(data: bytes) -> None:
    with pytest.raises(ProofError):
        Note.parse(data)


@pytest.mark.parametrize(
    "vkey",
    ["", "name", "name+00000000+", SPEC_VKEY.replace("530d903a", "530d903b"), SPEC_VKEY[:-4], f"a {SPEC_VKEY}"],
)
def test_false_keys_are_refused(vkey: str) -> None:
    with pytest.raises(ProofError):
        Verifier.parse(vkey)


# Every spelling of a point of small order, and of points whose y is not below the field's prime (RFC 8032, 5.1.3).
FIELD = 2**255 - 19
WEAK_KEYS = [
    "00" * 32,  # order 4
    "00" * 31 + "80",
    "01" + "00" * 31,  # the neutral point
    "01" + "00" * 30 + "80",
    "ec" + "ff" * 30 + "7f",  # order 2
    "ec" + "ff" * 31,
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  # order 8
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    *((FIELD + y).to_bytes(32, "little").hex() for y in range(19)),
    *((FIELD + y + (1 << 255)).to_bytes(32, "little").hex() for y in range(19)),
]


def vkey_of(public: bytes, kind: int, name: str = LOG.name) -> str:
    """A vkey written by hand, so that nothing refuses the key before the reader does."""
    identity = sha256(name.encode() + b"\n" + bytes([kind]) + public).hexdigest()[:8]
    return f"{name}+{identity}+{base64.b64encode(bytes([kind]) + public).decode()}"


@pytest.mark.parametrize("kind", [ED25519, COSIGNATURE])
@pytest.mark.parametrize("public", WEAK_KEYS)
def test_a_key_under_which_anybody_can_sign_is_refused(public: str, kind: int) -> None:
    for read in (Verifier.parse, lambda _: Verifier(LOG.name, bytes.fromhex(public), kind)):
        with pytest.raises(ProofError, match="is weak") as refused:
            read(vkey_of(bytes.fromhex(public), kind))
        assert refused.value.code == "verifier-key-weak"


def test_the_weak_keys_are_all_points_of_small_order() -> None:
    """Their order is found by adding them up on the curve, which shares nothing with the list in the code."""
    orders = Counter(order_of(int.from_bytes(bytes.fromhex(each), "little")) for each in WEAK_KEYS[:10])
    assert orders == {1: 2, 2: 2, 4: 2, 8: 4}  # each of the points of order 1 and 2 also with the sign that it has not


def order_of(encoded: int) -> int:
    """The order of a point of the curve -x² + y² = 1 + dx²y², where it is at most eight."""
    d, y, sign = -121665 * pow(121666, -1, FIELD) % FIELD, encoded % 2**255, encoded >> 255
    square = (y * y - 1) * pow(d * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if x * x % FIELD != square:
        x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
    assert x * x % FIELD == square
    start = here = (x if x % 2 == sign else -x % FIELD, y)
    for order in range(1, 9):
        if here == (0, 1):
            return order
        product = d * here[0] * start[0] * here[1] * start[1]
        here = (
            (here[0] * start[1] + here[1] * start[0]) * pow(1 + product, -1, FIELD) % FIELD,
            (here[1] * start[1] + here[0] * start[0]) * pow(1 - product, -1, FIELD) % FIELD,
        )
    raise AssertionError("the order is above eight")


@pytest.mark.parametrize("skey", ["", "PRIVATE+KEY+x", GO_SKEY[:-4], GO_SKEY.replace("c74f20a3", "c74f20a4")])
def test_a_false_signing_key_is_refused_without_being_told(skey: str) -> None:
    with pytest.raises(ProofError) as caught:
        SigningKey.parse(skey)
    assert "AYEKFALV" not in str(caught.value)


def test_a_signing_key_does_not_show_itself() -> None:
    assert LOG.seed.decode() not in repr(LOG)


# ------------------------------------------------------------------ checkpoints


def test_checkpoint_with_cosignature() -> None:
    seen = open_checkpoint(SIGNED, LOG.verifier, [WITNESS.verifier])
    assert seen.checkpoint == HEAD
    assert seen.cosigned_at_s == {"witness.example/w": 1_700_000_000}
    assert seen.unknown == ()


def test_a_cosignature_of_an_unknown_witness_proves_nothing() -> None:
    assert open_checkpoint(SIGNED, LOG.verifier).unknown == ("witness.example/w",)


def test_every_named_witness_must_have_cosigned() -> None:
    absent = SigningKey("witness.example/absent", b"a" * 32, COSIGNATURE)
    with pytest.raises(ProofError, match="has not cosigned"):
        open_checkpoint(SIGNED, LOG.verifier, [WITNESS.verifier, absent.verifier])


def test_a_plain_signature_is_no_cosignature() -> None:
    plain = SigningKey(WITNESS.name, WITNESS.seed)
    data = Note(HEAD.text, (LOG.sign(HEAD.text), plain.sign(HEAD.text))).data
    with pytest.raises(ProofError, match="has not cosigned"):
        open_checkpoint(data, LOG.verifier, [plain.verifier])


@given(st.integers(0, 8 * len(SIGNED) - 1))
def test_any_flipped_bit_of_a_checkpoint_is_refused(bit: int) -> None:
    altered = bytearray(SIGNED)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProofError):
        open_checkpoint(bytes(altered), LOG.verifier, [WITNESS.verifier])


def test_the_origin_must_be_the_keys_name() -> None:
    text = Checkpoint("example.com/another", 1, bytes(32)).text
    with pytest.raises(ProofError, match=r"the checkpoint is of `example.com/another`"):
        open_checkpoint(Note(text, (LOG.sign(text),)).data, LOG.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n5\n",
        "\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "origin\n05\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "origin\n-5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "origin\n٥\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "origin\n5\nAAAA\n",
        "origin\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nextension\n",
    ],
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(ProofError):
        Checkpoint.parse(text)


@pytest.mark.parametrize("text", ["", "00", "+1", "1 ", "1_0", str(1 << 63), "9" * 30])
def test_malformed_sizes_are_refused(text: str) -> None:
    with pytest.raises(ProofError):
        from_decimal(text)


def test_the_largest_size_is_read() -> None:
    assert from_decimal(str((1 << 63) - 1)) == (1 << 63) - 1


# ------------------------------------------------------------------ proofs as files


def test_proof_file_word_for_word() -> None:
    proof = Proof(7, (bytes(32), b"\xff" * 32), b"example.com/log\n...", b"hi")
    assert proof.data == (
        b"c2sp.org/tlog-proof@v1\nextra aGk=\nindex 7\n"
        b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n//////////////////////////////////////////8=\n\n"
        b"example.com/log\n..."
    )
    assert Proof.parse(proof.data) == proof


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"c2sp.org/tlog-proof@v1\n\ncheckpoint",
        b"c2sp.org/tlog-proof@v2\nindex 1\n\ncheckpoint",
        b"c2sp.org/tlog-proof@v1\nindex 01\n\ncheckpoint",
        b"c2sp.org/tlog-proof@v1\nextra \nindex 1\n\ncheckpoint",
        b"c2sp.org/tlog-proof@v1\nextra aGk\nindex 1\n\ncheckpoint",
        b"c2sp.org/tlog-proof@v1\nindex 1\nextra aGk=\n\ncheckpoint",
        b"c2sp.org/tlog-proof@v1\nindex 1" + b"\nAAAA" * 64 + b"\n\ncheckpoint",
        b"\xff\nindex 1\n\ncheckpoint",
    ],
)
def test_malformed_proofs_are_refused(data: bytes) -> None:
    with pytest.raises(ProofError):
        Proof.parse(data)
