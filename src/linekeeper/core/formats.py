"""Numbers of what a store keeps for good, so that a later Linekeeper can read and verify what an earlier one wrote.

Each policy version in a store carries both numbers, from the day on which it was brought into force. A change that
makes an old event decide otherwise raises `EDITION`; a change to the text of a decision's record raises
`RECORD_FORMAT`. The code for an older number stays as long as that number is in `EDITIONS` or `RECORD_FORMATS`.

Edition 2: nobody is past due with more than is owed (section 3 of the language reference). In edition 1 unpaid dues
counted whatever the balance was.
"""

from __future__ import annotations

EDITION = 2  # what the constructs of the policy language mean
RECORD_FORMAT = 1  # how a decision is written as canonical JSON

EDITIONS = frozenset({1, 2})
RECORD_FORMATS = frozenset({1})
