"""Numbers of what a store keeps for good, so that a later Linekeeper can read and verify what an earlier one wrote.

Each policy version in a store carries both numbers, from the day on which it was brought into force. A change that
makes an old event decide otherwise raises `EDITION`; a change to the text of a decision's record raises
`RECORD_FORMAT`. The code for an older number stays as long as that number is in `EDITIONS` or `RECORD_FORMATS`.

Edition 2: nobody is past due with more than is owed (section 3 of the language reference). In edition 1 unpaid dues
counted whatever the balance was.

Edition 3: a correction names the decisions that were wrong, and no other, and there is one also where their triggers
have been released since (section 7). In earlier editions it named those that had set what it released.
"""

from __future__ import annotations

EDITION = 3  # what the constructs of the policy language mean
RECORD_FORMAT = 1  # how a decision is written as canonical JSON

EDITIONS = frozenset({1, 2, 3})
RECORD_FORMATS = frozenset({1})
