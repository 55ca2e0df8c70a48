"""The policy explains itself: words made from the rules, so that text and rule cannot drift apart.

>>> from linekeeper.policy.load import load_text
>>> policy = load_text('''
... policy: tiny
... version: 1
... currency: CNY
... time_zone: Asia/Shanghai
... triggers:
...   late: {when: days_past_due >= 30, suspend: yes, reason: arrears}
... ''')
>>> print(trigger_words(policy, policy.triggers[0]).en)
the time past due is at least 30 days
>>> print(trigger_words(policy, policy.triggers[0]).zh)
逾期时间不低于30天
>>> [section.title for section in describe(policy, "en").sections]
['Ground', 'Triggers', 'New draws', 'Promises']
"""

from __future__ import annotations

from linekeeper.notice.prose.describe import Description, Section, describe
from linekeeper.notice.prose.expression import feature_words, trigger_words

__all__ = ["Description", "Section", "describe", "feature_words", "trigger_words"]
