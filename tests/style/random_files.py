"""Five modules picked at random, to be read aloud; no sentence should need a second reading.

Run `python -m tests.style.random_files --seed 7`.
"""

from __future__ import annotations

import argparse
import random

from tests.style.repository import sources


def pick(files: list[str], seed: int, count: int = 5) -> list[str]:
    """So many files, the same ones for the same seed.

    >>> pick(["a.py", "b.py", "c.py"], seed=1, count=2)
    ['a.py', 'c.py']
    """
    return sorted(random.Random(seed).sample(files, count))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Names five modules to be read aloud.")
    parser.add_argument("--seed", type=int, default=0)
    print("\n".join(pick([file for file, text in sources() if text.strip()], parser.parse_args().seed)))
