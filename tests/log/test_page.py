"""The verifying page in a browser: it agrees with the library on what is genuine, in both languages, offline."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable

import pytest

from linekeeper.journal.log.page import page
from linekeeper.journal.log.qr import compact
from tests.log.support import LOG_KEY, House, forged_receipt
from tests.log.test_note import WEAK_KEYS

Browse = Callable[[bytes, str], str]
pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def browse(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Browse:
    """Open a page from disk with what follows its address; the page as it then stands."""
    folder = tmp_path_factory.mktemp("browser")
    switches = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--virtual-time-budget=20000",
        "--dump-dom",
    ]

    def open_page(content: bytes, query: str) -> str:
        path = folder / "page.html"
        path.write_bytes(content)
        command = [chromium_path, *switches, f"--user-data-dir={folder / 'profile'}", f"{path.as_uri()}{query}"]
        return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout.decode()

    return open_page


def shown(dom: str) -> tuple[str, str]:
    """The class of the result and its heading."""
    found = re.search(r'<section id="result" [^>]*class="(\w*)".*?<h2 id="verdict">(.*?)</h2>', dom, re.DOTALL)
    assert found is not None
    return found[1], found[2]


@pytest.mark.parametrize(
    ("language", "verdict", "fact"), [("en", "✓ Genuine", "Limit decreased"), ("zh", "✓ 真实", "下调额度")]
)
def test_a_receipt_in_the_address(browse: Browse, filled: House, language: str, verdict: str, fact: str) -> None:
    [receipt] = filled.receipts([444])
    dom = browse(page(LOG_KEY.verifier), f"?lang={language}#{compact(receipt)}")
    assert shown(dom) == ("genuine", verdict)
    assert fact in dom
    assert "acct-3" in dom


def test_an_altered_receipt_in_the_address(browse: Browse, filled: House) -> None:
    [receipt] = filled.receipts([444])
    altered = receipt.replace(b"index 444", b"index 445")
    dom = browse(page(LOG_KEY.verifier), f"?lang=en#{compact(altered)}")
    assert shown(dom) == ("refused", "✗ Not proven")
    assert "acct-3" not in dom


def test_without_a_key_nothing_is_believed(browse: Browse, filled: House) -> None:
    [receipt] = filled.receipts([444])
    dom = browse(page(), f"?lang=en#{compact(receipt)}")
    assert shown(dom)[0] == "refused"
    assert "Enter the log's public key" in dom.partition("<script>")[0]


@pytest.mark.parametrize("public", [WEAK_KEYS[0], WEAK_KEYS[3], WEAK_KEYS[6], WEAK_KEYS[9], WEAK_KEYS[11]])
def test_a_key_under_which_anybody_can_sign_is_refused(browse: Browse, public: str) -> None:
    """The receipt is forged: its signature fits under this key without any private one, where a browser takes it."""
    vkey, receipt = forged_receipt(bytes.fromhex(public))
    dom = browse(page().replace(b'data-vkey=""', f'data-vkey="{vkey}"'.encode()), f"?lang=en#{compact(receipt)}")
    assert shown(dom)[0] == "refused"
    assert "Anybody can sign under this public key" in dom.partition("<script>")[0]


def test_every_kind_of_alteration_is_refused(browse: Browse, filled: House) -> None:
    """One receipt whole, with each of 600 bits flipped, and under two other keys, in one visit."""
    [receipt] = filled.receipts([444])
    trials = json.dumps(
        {
            "receipt": base64.b64encode(receipt).decode(),
            "bits": list(range(0, 8 * len(receipt), 8 * len(receipt) // 600)),
            "vkey": LOG_KEY.verifier.vkey,
            "others": [
                "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
                LOG_KEY.verifier.vkey[:-2],
            ],
        }
    )
    script = """<script>(async () => {
      const trials = TRIALS, bytes = Uint8Array.from(atob(trials.receipt), char => char.charCodeAt(0));
      const accepts = async (data, vkey) => {
        try { await checkReceipt(decodeText(data), vkey); return 1; }
        catch (error) { if (error instanceof Fault) return 0; throw error; }
      };
      let flipped = 0;
      for (const bit of trials.bits) {
        const altered = bytes.slice();
        altered[bit >> 3] ^= 1 << (bit & 7);
        flipped += await accepts(altered, trials.vkey);
      }
      let others = 0;
      for (const vkey of trials.others) others += await accepts(bytes, vkey);
      document.body.dataset.tally = [await accepts(bytes, trials.vkey), flipped, others, trials.bits.length].join(" ");
    })()</script></body>""".replace("TRIALS", trials)
    dom = browse(page().replace(b"</body>", script.encode()), "")
    found = re.search(r'data-tally="(\d+) (\d+) (\d+) (\d+)"', dom)
    assert found is not None
    whole, flipped, others, bits = map(int, found.groups())
    assert (whole, flipped, others) == (1, 0, 0)
    assert bits >= 600


def test_the_page_needs_no_network() -> None:
    text = page().decode()
    assert "default-src 'none'" in text
    assert not re.findall(r"""(?:src|href)=["']|url\(|https?://|fetch\(|XMLHttpRequest|import\(""", text)
