"""Several offers with names: the first that holds is made, one is open at a time, and a no is kept to."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest

from linekeeper.core.dates import epoch_day
from linekeeper.core.errors import PolicyError
from linekeeper.evaluate.late_events import History
from linekeeper.evaluate.version_migration import migrate_account
from linekeeper.kernel.kernel import Kernel
from linekeeper.notice.prose import describe
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_text
from linekeeper.regulation.consents import consents_missing
from linekeeper.regulation.records import shipped_records
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day, unreversed
from tests.oracle.generate import stream
from tests.oracle.nouns import Action, Status
from tests.oracle.oracle import run
from tests.oracle.reader import read
from tests.oracle.story import day, ledger, policy_file, story, written

TEXT = """
triggers:
  late: {when: days_past_due >= 5, cap: 50%, reason: arrears}
  watched: {when: balance > 900 CNY, watch: nearly_full, reason: arrears}
restoration: {first: 100%, step: 10%, every: 1d}
offers:
  prime: {when: on_time_streak >= 2, increase: 20%, up_to: 5_000 CNY, every: 20d, valid: 10d, after_decline: 60d}
  seed: {when: granted = 0 CNY, add: 500 CNY, up_to: 500 CNY, every: 10d, valid: 5d, after_accept: 90d}
  steady:
    when: months_on_book >= 2
    to: {amount: granted + 30 CNY, round: 100 CNY}
    up_to: 1_500 CNY
    every: 30d
    consent: not_needed
    price: dearer
    channel: app
"""
POLICY = written(TEXT)


@story(POLICY, until="2024-05-25")
def test_a_no_is_kept_to() -> None:
    """`prime` holds from the second due on that was paid on time, and stands first. It is declined on 10 February: no
    offer of any kind for 60 days, so until 10 April. Then it is made again, and lapses after 20 April. Its `every` ends
    on 30 April: the third one is accepted, and the next comes 20 days after that one was made.

    2024-01-01 09:00  open limit=1000
    2024-01-05 09:00  due amount=100 due_on=2024-01-31
    2024-01-06 09:00  repay amount=100
    2024-02-05 09:00  due amount=100 due_on=2024-02-28
    2024-02-06 09:00  repay amount=100
    => 2024-02-06 09h: offer, 1000.00 of 1000.00, active, offer 1: 1200.00 []
    2024-02-10 09:00  decline offer=1
    2024-02-11 09:00  consent offer=1
    => 2024-04-10 morning: offer, 1000.00 of 1000.00, active, offer 2: 1200.00 []
    => 2024-04-30 morning: offer, 1000.00 of 1000.00, active, offer 3: 1200.00 []
    2024-05-02 09:00  decline offer=2
    2024-05-02 10:00  consent offer=3
    => 2024-05-02 10h: increase, 1200.00 of 1200.00, active []
    => 2024-05-20 morning: offer, 1200.00 of 1200.00, active, offer 4: 1440.00 []
    """


@story(POLICY, until="2024-06-10")
def test_a_line_of_nothing_grows_by_an_amount_and_later_by_an_expression() -> None:
    """`seed` offers 500 to a line of 0. Accepted on 2 January, there is none for 90 days: until 1 April. From then on
    `steady` sets 530, rounded up to 600, at once, and 30 days later 630, rounded up to 700.

    2024-01-01 09:00  open limit=0
    => 2024-01-01 09h: offer, 0.00 of 0.00, active, offer 1: 500.00 []
    2024-01-02 09:00  consent offer=1
    => 2024-01-02 09h: increase, 500.00 of 500.00, active []
    => 2024-04-01 morning: increase, 600.00 of 600.00, active, offer 2: 600.00 []
    => 2024-05-01 morning: increase, 700.00 of 700.00, active, offer 3: 700.00 []
    => 2024-05-31 morning: increase, 800.00 of 800.00, active, offer 4: 800.00 []
    """


# ------------------------------------------------------------------ laws


@pytest.mark.parametrize("seed", range(8))
def test_the_laws_of_offers_hold_on_generated_lives(seed: int) -> None:
    """Never above the top, never while restricted, never two at once, never again before the end of the wait."""
    program = load_text(policy_file(TEXT))
    terms = {offer.name: offer for offer in program.offers}
    events = unreversed(stream(program, seed))
    until = last_day(program, events) + 200
    expected = run(read(program.source), events, until)
    kernel = Kernel(program)
    assert differences(program, expected, *in_bulk(kernel, [events], until, compiled=seed == 0)[0]) == []
    rulings, _ = by_arrival(kernel, events, until)
    made = [one for one in rulings if one.offered is not None]
    for one in made:
        assert one.offered is not None
        assert one.before.granted < one.offered <= terms[one.offer_name].up_to_minor
        assert one.before.status == Status.ACTIVE
        assert "late" not in one.set_after
        assert (one.action == Action.INCREASE) == (one.offer_name == "steady")
    for one, later in pairwise(made):
        assert later.day >= one.day + terms[one.offer_name].every_days
        assert later.day > one.day + terms[one.offer_name].valid_days  # here `every` is longer than `valid`


@pytest.mark.parametrize("seed", range(3))
def test_late_events_and_reversals_agree(seed: int) -> None:
    program = load_text(policy_file(TEXT))
    events = stream(program, seed, late=True, reversals=2)
    until = last_day(program, events) + 60
    assert (
        differences(program, run(read(program.source), events, until), *by_arrival(Kernel(program), events, until))
        == []
    )


@pytest.mark.parametrize("answer", ["decline", "consent"])
def test_no_offer_comes_back_before_the_end_of_its_wait(answer: str) -> None:
    """Whatever the day of the answer is: the day before the wait ends nothing is offered, and on that day it is."""
    waits = TEXT.replace("after_decline: 60d", "after_decline: 60d, after_accept: 60d")
    policy = written(
        waits.replace("  steady:", "  steady_later:").replace("months_on_book >= 2", "months_on_book >= 90")
    )
    for of_month in (6, 10, 16):
        told = f"""
        2024-01-01 09:00  open limit=1000
        2024-01-05 09:00  due amount=100 due_on=2024-01-31
        2024-01-06 09:00  repay amount=100
        2024-02-05 09:00  due amount=100 due_on=2024-02-28
        2024-02-06 09:00  repay amount=100
        2024-02-{of_month:02} 10:00  {answer} offer=1
        """
        until = day(f"2024-02-{of_month:02}") + 60
        before = [one for one in run(policy, ledger(policy, told), until - 1).rulings if one.offered]
        after = [one for one in run(policy, ledger(policy, told), until).rulings if one.offered]
        assert (len(before), len(after)) == (1, 2)
        assert after[-1].day == until


def test_where_names_follow_an_offer_without_one_its_wait_goes_on() -> None:
    """Made on day 90 with `every: 90d`: under the next version no offer comes before day 180, and it stays open."""
    head = "triggers: {late: {when: days_past_due >= 5, suspend: yes, reason: arrears}}\n"
    before = "offer: {when: true, increase: 20%, up_to: 9_000 CNY, every: 90d, valid: 30d}\n"
    after = "offers: {more: {when: true, add: 5 CNY, up_to: 9_000 CNY, every: 7d, valid: 7d}}\n"
    old, new = (Kernel(load_text(policy_file(head + offers))) for offers in (before, after))
    state, slots = old.new_state(), old.layout.slots
    for name, value in {"HOUR": 2_400, "OFFER_NUMBER": 3, "OFFER_DAY": 90, "OFFER_END": 121}.items():
        state[slots[name]] = value
    migrate_account(old, new, state, History(), 101)
    carried = [state[new.layout.slots[name]] for name in ("OFFER_NUMBER", "OFFER_END", "OFFER_RESTS")]
    assert carried == [3, 121, 180]


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize(
    ("offers", "fault"),
    [
        (
            "late: {when: true, increase: 5%, up_to: 9 CNY, every: 1d, valid: 1d}",
            "the name `late` is that of a trigger too",
        ),
        ("draw: {when: true, increase: 5%, up_to: 9 CNY, every: 1d, valid: 1d}", "that of a kind of event too"),
        ("paid: {when: true, increase: 5%, up_to: 9 CNY, every: 1d, valid: 1d}", "that of a feature too"),
        ("more: {when: true, up_to: 9 CNY, every: 1d, valid: 1d}", "does not say by how much it raises the line"),
        ("more: {when: true, increase: 5%, add: 5 CNY, up_to: 9 CNY, every: 1d, valid: 1d}", "says in two ways"),
        ("more: {when: true, increase: 5%, up_to: 9 CNY, every: 1d}", "the key `valid` is missing"),
        ("more: {when: true, add: 5 CNY, up_to: 9 CNY, every: 1d, valid: 1d, consent: not_needed}", "is never open"),
        ("more: {when: true, add: 5 CNY, up_to: 9 CNY, every: 1d, valid: 1d, consent: maybe}", "`maybe`"),
        ("when: true", "each of `offers` has a name"),
    ],
)
def test_what_an_offer_cannot_be(offers: str, fault: str) -> None:
    head = "features: {paid: count(repay, 30d)}\n"
    head += "triggers: {late: {when: days_past_due >= 5, suspend: yes, reason: arrears}}\n"
    with pytest.raises(PolicyError) as caught:
        load_text(policy_file(f"{head}offers:\n  {offers}\n"))
    assert fault in str(caught.value)


def test_a_policy_has_one_offer_without_a_name_or_several_with_names() -> None:
    both = TEXT + "offer: {when: true, increase: 20%, up_to: 9 CNY, every: 1d, valid: 1d}\n"
    with pytest.raises(PolicyError, match="`offer` or `offers`, not both"):
        load_text(policy_file(both))


def test_the_formatter_writes_their_conditions_and_amounts_in_one_way() -> None:
    loose = TEXT.replace("granted + 30 CNY", "granted+30 CNY").replace("granted = 0 CNY", "granted=0 CNY")
    assert format_text(policy_file(loose)).strip() == format_text(policy_file(TEXT)).strip()


def test_sentences_name_each_offer_in_both_languages() -> None:
    program = load_text(policy_file(TEXT))
    english, chinese = (str(describe(program, lang)) for lang in ("en", "zh"))
    for words in (
        "“prime”: when",
        "CNY 500",
        "After it was declined, none comes for 60 days",
        "The borrower is not asked",
    ):
        assert words.replace("CNY ", "") in english.replace("CN¥", "").replace("CNY ", "").replace("\xa0", "")
    assert "被谢绝后60天内不再邀请" in chinese
    assert "无需借款人同意" in chinese


def test_where_the_law_asks_for_consent_an_increase_without_it_is_named() -> None:
    program, today = load_text(policy_file(TEXT)), epoch_day(date(2026, 12, 1))
    found = [one.offer for one in consents_missing(program, shipped_records(), "EU", "credit_card", today)]
    assert found == ["steady"]
    assert list(consents_missing(program, shipped_records(), "CN", "consumer_loan", today)) == []
