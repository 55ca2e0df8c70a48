"""Words of one rule in both languages, for a reason that has no wording of its own."""

from __future__ import annotations

from linekeeper.notice.prose.expression import Teller
from linekeeper.notice.prose.vocabulary import Vocabulary, shipped_vocabulary
from linekeeper.policy.expression import Ref
from linekeeper.policy.model import AuthoriseRule, Policy, Trigger
from linekeeper.texts.language import Text, language


def trigger_words(policy: Policy, trigger: Trigger | AuthoriseRule, vocabulary: Vocabulary | None = None) -> Text:
    """What sets the trigger (or denies the draw), as a clause: "the time past due is at least 30 days"."""
    rule = trigger.when if isinstance(trigger, Trigger) else trigger.deny
    words = vocabulary or shipped_vocabulary()
    chinese, english = (Teller(policy, language(lang), words, by_name=False) for lang in ("zh", "en"))
    return Text(zh=chinese.clause(rule), en=english.clause(rule))


def feature_words(policy: Policy, name: str, vocabulary: Vocabulary | None = None) -> Text:
    """What the feature measures, as a noun: "the number of draws in the last 7 days"."""
    words = vocabulary or shipped_vocabulary()
    chinese, english = (Teller(policy, language(lang), words, by_name=False) for lang in ("zh", "en"))
    return Text(zh=chinese.noun(Ref(name)), en=english.noun(Ref(name)))
