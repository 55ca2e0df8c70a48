"""Code that finds a value's place among cuts: nested `if`s, a few comparisons deep."""

from __future__ import annotations


def tree(variable: str, below: tuple[int, ...], leaves: list[str], indent: str) -> list[str]:
    """`if` branches that find the leaf of `variable` in a few comparisons; len(leaves) == len(below) + 1."""
    return blocks(variable, below, [[leaf] for leaf in leaves], indent)


def blocks(variable: str, below: tuple[int, ...], leaves: list[list[str]], indent: str) -> list[str]:
    """As `tree`, with a block of lines in each leaf."""
    if not below:
        return [indent + line for line in leaves[0]]
    middle = len(below) // 2
    left = blocks(variable, below[:middle], leaves[: middle + 1], indent + "    ")
    right = blocks(variable, below[middle + 1 :], leaves[middle + 1 :], indent + "    ")
    return [f"{indent}if {variable} < {below[middle]}:", *left, f"{indent}else:", *right]
