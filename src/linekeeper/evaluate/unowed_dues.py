"""Unpaid dues above all that an account owes: the lender's own figures contradict each other. Pure.

The dues are demanded of nobody, as far as they are above what is owed (section 3 of the language reference); but the
lender should know, for a payment or a reversal was not sent, or the balance is wrong.
"""

from __future__ import annotations

import numpy as np

from linekeeper.core.bounds import DUES_MAX
from linekeeper.evaluate.event_batch import Ints
from linekeeper.kernel.kernel import Kernel


def with_unowed_dues(kernel: Kernel, states: Ints) -> np.ndarray:
    """Of the states of some accounts, one a row: which have them. None has under an edition that knows no bound."""
    slots, first = kernel.layout.slots, kernel.layout.dues
    if kernel.edition == 1:
        return np.zeros(len(states), dtype=bool)
    unpaid = states[:, first + 1 : first + 2 * DUES_MAX : 2]
    counted = np.arange(DUES_MAX) < states[:, [slots["DUES"]]]
    owed = np.maximum(states[:, slots["BALANCE"]], 0)
    above: np.ndarray = (states[:, slots["OWED_KNOWN"]] != 0) & ((unpaid * counted).sum(axis=1) > owed)
    return above
