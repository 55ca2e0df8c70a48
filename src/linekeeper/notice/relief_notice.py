"""The letter about a moratorium: what stands still, what comes after, and that nobody has to do anything."""

from __future__ import annotations

from linekeeper.texts.language import Lang, language


def relief_notice(first_day: int, last_day: int, account: str, lender: str, lang: Lang) -> str:
    """The letter as plain text; days since 1970-01-01, `account` as the borrower knows it.

    >>> print(relief_notice(20_575, 20_604, "··01", "Example Bank", "en").splitlines()[0])
    Your payments can wait until 31 May 2026
    """
    words = language(lang)
    translate, first, last, after = words.translate, *map(words.day, (first_day, last_day, last_day + 1))
    paragraphs = (
        translate("Your payments can wait until {last}", last=last),
        translate("We are giving you time: from {first} to {last}, the days do not count.", first=first, last=last),
        translate("What is overdue today does not become more overdue in this time."),
        translate("A payment that falls due in this time is now due on {last}.", last=last),
        translate("This is help. It is not counted against you, and it does not lower your limit."),
        translate(
            "From {after} on, days count again. What was overdue before goes on from where it stood.", after=after
        ),
        translate("You need not do anything. If you would rather pay earlier, you can, at any time."),
        translate("Account {account}. {lender}", account=account, lender=lender),
    )
    return "\n\n".join(paragraphs) + "\n"
