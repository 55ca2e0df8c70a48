"""The witness: what it must refuse, over the function and over HTTP; and asking several of them."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from linekeeper.journal.log.checkpoint import Checkpoint, open_checkpoint
from linekeeper.journal.log.cosign import Remote, cosignature, quorum
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.note import COSIGNATURE, Note, Signature, SigningKey, Verifier
from linekeeper.journal.log.tree import Tree, consistency_proof, leaf_hash
from linekeeper.journal.log.witness import SIZE_TYPE, Request, Witness, serve
from tests.log.support import LOG_KEY, House, decisions

# c2sp.org/tlog-cosignature and c2sp.org/tlog-witness: the layout of their examples, with keys of our own.
NOW_S = 1_679_315_147
TREE = Tree(leaf_hash(b"entry %d" % number) for number in range(40))
FORK = Tree(leaf_hash(b"forged %d" % number) for number in range(40))


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return make(tmp_path / "w1", "witness.example/w1", b"1" * 32)


def make(folder: Path, name: str, seed: bytes) -> Witness:
    key = SigningKey(name, seed, COSIGNATURE)
    return Witness(key, folder, {LOG_KEY.name: LOG_KEY.verifier}, now=lambda: NOW_S)


def signed(size: int, tree: Tree = TREE, key: SigningKey = LOG_KEY) -> bytes:
    text = Checkpoint(key.name, size, tree.root(size)).text
    return Note(text, (key.sign(text),)).data


def ask(old: int, size: int, tree: Tree = TREE, proof: Sequence[bytes] | None = None) -> bytes:
    if proof is None:
        proof = consistency_proof(old, size, tree.node) if 0 < old <= size else []
    return Request(old, tuple(proof), signed(size, tree)).body


def test_cosigns_what_continues(witness: Witness) -> None:
    for old, size in ((0, 5), (5, 5), (5, 40)):
        answer = witness.add_checkpoint(ask(old, size))
        assert answer.status == 200
        signature = Signature.parse(answer.body.removesuffix("\n"))
        note = Note.parse(signed(size)).with_signatures([signature])
        seen = open_checkpoint(note.data, LOG_KEY.verifier, [witness.key.verifier])
        assert seen.cosigned_at_s == {"witness.example/w1": NOW_S}
        assert witness.last(LOG_KEY.name) == seen.checkpoint


def test_a_request_word_for_word(witness: Witness) -> None:
    body = ask(0, 1)
    assert body.startswith(b"old 0\n\nexample.com/credit-log\n1\n")
    assert Request.parse(body).body == body
    assert Request.parse(ask(5, 40)).body == ask(5, 40)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (ask(7, 40), 409),  # not the size cosigned last
        (ask(0, 40), 409),
        (ask(3, 3), 409),  # a smaller size
        (ask(5, 5, FORK, []), 409),  # the same size, another root
        (ask(5, 40, FORK), 422),  # another history
        (ask(5, 40, TREE, []), 422),
        (ask(5, 40, TREE, [bytes(32)] * 3), 422),
        (ask(5, 3, TREE, []), 400),  # old above new
        (b"", 400),
        (b"old 5\n\nnot a note", 400),
        (b"old 05\n\n" + signed(40), 400),
        (b"old 5\nAAAA=\n\n" + signed(40), 400),
        (b"old 5\n" + b"AAAA\n" * 64 + b"\n" + signed(40), 400),
        (Request(5, (), signed(40, key=SigningKey("other.example/log", b"x" * 32))).body, 404),
        (Request(5, (), signed(40, key=SigningKey(LOG_KEY.name, b"x" * 32))).body, 403),
        (Request(5, (), signed(40).replace(b"\n40\n", b"\n39\n")).body, 403),
    ],
)
def test_refuses(witness: Witness, body: bytes, status: int) -> None:
    assert witness.add_checkpoint(ask(0, 5)).status == 200
    before = witness.last(LOG_KEY.name)
    answer = witness.add_checkpoint(body)
    assert answer.status == status
    assert "—" not in answer.body
    assert witness.last(LOG_KEY.name) == before
    if status == 409:
        assert (answer.body, answer.content_type) == ("5\n", SIZE_TYPE)


def test_a_first_request_takes_no_proof(witness: Witness) -> None:
    assert witness.add_checkpoint(ask(0, 5, proof=[bytes(32)])).status == 422


def test_an_empty_log_has_one_root_only(witness: Witness) -> None:
    text = Checkpoint(LOG_KEY.name, 0, bytes(32)).text
    false = Request(0, (), Note(text, (LOG_KEY.sign(text),)).data).body
    assert witness.add_checkpoint(false).status == 409
    assert witness.add_checkpoint(ask(0, 0)).status == 200


def test_requests_side_by_side_never_roll_back(witness: Witness) -> None:
    """Of many requests from the same old size one wins; the head never becomes smaller."""
    assert witness.add_checkpoint(ask(0, 5)).status == 200
    answers: list[int] = []

    def go(size: int) -> None:
        answers.append(witness.add_checkpoint(ask(5, size)).status)

    threads = [threading.Thread(target=go, args=(size,)) for size in range(6, 30)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(set(answers)) == [200, 409]
    assert answers.count(200) == 1


# ------------------------------------------------------------------ over HTTP


@pytest.fixture
def remotes(tmp_path: Path) -> Iterator[list[Remote]]:
    """Three witnesses behind HTTP, on this machine."""
    running, remotes = [], []
    for number in (1, 2, 3):
        witness = make(tmp_path / f"w{number}", f"witness.example/w{number}", b"%d" % number * 32)
        server = serve(witness)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        remotes.append(Remote(witness.key.verifier, f"http://127.0.0.1:{server.server_port}"))
    yield remotes
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


def absent() -> Remote:
    """A witness at an address where nobody listens."""
    return Remote(SigningKey("witness.example/absent", b"a" * 32, COSIGNATURE).verifier, "http://127.0.0.1:9", 1.0)


def test_the_server_listens_on_this_machine_alone(witness: Witness) -> None:
    with serve(witness) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_published_head_carries_its_cosignatures(house: House, remotes: list[Remote]) -> None:
    for _ in range(3):
        house.add(decisions(300))
        head = house.publish(quorum(remotes, 3))
        seen = open_checkpoint(head.data, LOG_KEY.verifier, [each.verifier for each in remotes])
        assert seen.checkpoint.size == head.checkpoint.size
        assert len(seen.cosigned_at_s) == 3


def test_one_absent_witness_does_not_stop_the_others(house: House, remotes: list[Remote]) -> None:
    house.add(decisions(3))
    house.publish(quorum([*remotes[:2], absent()], 2))
    house.add(decisions(3))
    with pytest.raises(LogError, match=r"2 of 3 witnesses have signed; the witness `witness.example/absent` cannot be"):
        house.publish(quorum([*remotes[:2], absent()], 3))
    published = house.published()
    assert published is not None
    assert published.checkpoint.size == 3
    assert house.publish(quorum(remotes, 3)).checkpoint.size == 6


def test_a_head_that_is_out_already_gets_the_cosignatures_it_lacks(house: House, remotes: list[Remote]) -> None:
    house.add(decisions(3))
    house.publish()
    with pytest.raises(LogError, match="0 of 1 witnesses have signed"):
        house.publish(quorum([absent()], 1))
    for asked, cosigned in ((1, 1), (1, 1), (3, 3), (3, 3)):
        head = house.publish(quorum(remotes[:asked], asked))
        seen = open_checkpoint(head.data, LOG_KEY.verifier, [each.verifier for each in remotes[:cosigned]])
        assert (seen.checkpoint.size, len(seen.cosigned_at_s)) == (3, cosigned)
        assert len(Note.parse(head.data).signatures) == 1 + cosigned
    published = house.published()
    assert published is not None
    assert published.data == head.data
    with house.engine.connect() as connection:
        assert connection.execute(select(house.tables.heads.c.checkpoint)).scalar_one() == head.data
    assert house.publish(quorum([*remotes, absent()], 3)).data == head.data  # three of four is what was asked for


@contextmanager
def answering(*parts: bytes, pause_s: float = 0.0) -> Iterator[Remote]:
    """A witness that sends these bytes whatever it is asked, with a pause after each part."""
    stopped = threading.Event()

    def answer(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    for part in parts:
                        connection.sendall(part)
                        stopped.wait(pause_s)
                    # What is closed with bytes unread is reset, and the answer lost: the body may come after its head.
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_WR)
                        connection.settimeout(1.0)
                        while connection.recv(65_536):
                            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        key = SigningKey("witness.example/odd", b"o" * 32, COSIGNATURE)
        yield Remote(key.verifier, f"http://127.0.0.1:{listener.getsockname()[1]}", 1.0)
        stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"garbage\r\n\r\n", "witness-answer-not-readable"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "witness-answer-not-readable"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "witness-answer-not-readable"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "witness-answer-not-readable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\ncut short", "cosignature-wrong"),
        (b"HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\nmany", "witness-answer-not-readable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nno lines\n", "cosignature-wrong"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "witness-refused"),
        (b"", "witness-not-reached"),
    ],
)
def test_an_answer_that_is_none_is_an_error_with_a_code(answer: bytes, code: str) -> None:
    with answering(answer) as witness, pytest.raises(LogError, match=r"witness `witness.example/odd`") as refused:
        cosignature(witness, signed(8), TREE.node)
    assert refused.value.code == code


@pytest.mark.parametrize("url", ["http://127.0.0.1:port", "http://a..b", "http://[x", "https://"])
def test_an_address_that_is_none_is_an_error_with_a_code(url: str) -> None:
    with pytest.raises(LogError, match=r"address of a witness|cannot be reached"):
        cosignature(Remote(absent().verifier, url, 5.0), signed(8), TREE.node)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"])
def test_a_witness_that_sends_a_byte_now_and_then_holds_nobody(start: bytes) -> None:
    before = time.monotonic()
    with answering(start, *[b"x"] * 200, pause_s=0.2) as witness, pytest.raises(LogError, match="within 1 sec") as slow:
        cosignature(witness, signed(8), TREE.node)
    assert slow.value.code == "witness-too-slow"
    assert "--witness-wait" in str(slow.value)
    assert time.monotonic() - before < 10  # 40 s until its last byte


def test_the_address_that_a_witness_prints_is_taken_as_it_is(remotes: list[Remote]) -> None:
    printed = Remote(remotes[0].verifier, f"{remotes[0].url}/add-checkpoint")
    assert cosignature(printed, signed(8), TREE.node).name == remotes[0].verifier.name


def test_a_fork_is_told_by_the_witness(remotes: list[Remote]) -> None:
    cosignature(remotes[0], signed(8), TREE.node)
    with pytest.raises(ProofError, match="the log has forked"):
        cosignature(remotes[0], signed(8, FORK), FORK.node)
    with pytest.raises(LogError, match=r"refused \(422\)"):
        cosignature(remotes[0], signed(9, FORK), FORK.node)
    with pytest.raises(ProofError, match="another head of 8 leaves"):
        cosignature(remotes[0], signed(7), TREE.node)


def test_a_witness_with_another_key_is_not_believed(remotes: list[Remote]) -> None:
    impostor = Remote(Verifier(remotes[0].verifier.name, remotes[1].verifier.public, COSIGNATURE), remotes[0].url)
    with pytest.raises(ProofError, match="without a valid cosignature"):
        cosignature(impostor, signed(8), TREE.node)


def test_only_addresses_of_the_web_are_asked(tmp_path: Path) -> None:
    (tmp_path / "add-checkpoint").write_text("local file")
    with pytest.raises(LogError, match="no address of a witness"):
        Remote(absent().verifier, tmp_path.as_uri()).ask(Request(0, (), b""))


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [("/elsewhere", "3", 404), ("/add-checkpoint", "99999999", 413), ("/add-checkpoint", "x", 413)],
)
def test_the_server_bounds_what_it_reads(remotes: list[Remote], path: str, length: str, status: int) -> None:
    connection = http.client.HTTPConnection(remotes[0].url.removeprefix("http://"), timeout=5)
    connection.request("POST", path, b"abc", {"Content-Length": length})
    assert connection.getresponse().status == status
    connection.close()
