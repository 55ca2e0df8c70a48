"""Lists of texts, in the policy or in a file beside it, and `device in blocked_devices`: section 2.1 of the reference.

A text field of an event is looked up in a list, and nothing else reads it. A kernel knows a text by its mark, a whole
number that follows from the text alone, so that each version of a policy reads the same events by its own lists.
"""

from __future__ import annotations

from lark import Tree

from linekeeper.core.bounds import TEXT_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.event_fields import check_readable
from linekeeper.policy.parts import PolicyParts
from linekeeper.policy.reader import Reader
from linekeeper.policy.scope import UNIT_WORDS, Checked, Mistyped, Scope
from linekeeper.policy.source import Listing, Node, Scalar, nearest, quoted
from linekeeper.policy.syntax import Branch, render

LISTS_MAX = 20
LIST_WORDS_MAX = 10_000
_COMMENT_SIGN = "#"  # a line of a file that begins with it is no text of the list


def read_lists(node: Node | None, reader: Reader, files: PolicyParts) -> tuple[m.WordList, ...]:
    """The section `lists`: each a list in place, or the name of a file with one text a line."""
    if node is None:
        return ()
    table = reader.table(node, "`lists`")
    if len(table.entries) > LISTS_MAX:
        reader.faults.add(table, f"there are {len(table.entries)} lists, at most {LISTS_MAX} are possible")
        return ()
    lists = []
    for key, value in table.entries:
        if reader.declare(key, "list"):
            lists.append(m.WordList(key.text, _words(key, value, reader, files)))
    reader.lists = tuple(one.name for one in lists)
    reader.list_call = check_listed
    return tuple(lists)


def _words(key: Scalar, node: Node, reader: Reader, files: PolicyParts) -> tuple[str, ...]:
    """The texts of one list, in order; nothing where it has a fault."""
    name = key.text
    if isinstance(node, Listing):
        places = [(item.text if isinstance(item, Scalar) else "", item) for item in node.items]
    else:
        text = files.text_of(node)
        if text is None:
            return ()
        assert isinstance(node, Scalar)
        lines = enumerate(text.split("\n"))
        places = [(line, Scalar("", "", number, 0, node.text)) for number, line in lines if _is_entry(line)]
    words: dict[str, Node] = {}
    for written, place in places:
        word = written.strip()
        if not 0 < len(word) <= TEXT_MAX or not word.isprintable():
            message = f"a text of the list `{name}` has 1 to {TEXT_MAX} characters that can be printed"
            reader.faults.add(place, message, "change it")
        elif word in words:
            reader.faults.add(place, f"`{quoted(word)}` stands twice in the list `{name}`", "remove one")
        words[word] = place
    if not 1 <= len(words) <= LIST_WORDS_MAX:
        message = f"the list `{name}` has {len(words):,} texts, and from 1 to {LIST_WORDS_MAX:,} are possible"
        reader.faults.add(key, message, "write a list, or name a file with one text a line")
    return tuple(sorted(words))


def _is_entry(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(_COMMENT_SIGN)


def check_listed(tree: Branch, scope: Scope) -> Checked:
    """`device in blocked_devices`: false where the event has no such text. Raises Mistyped."""
    item = next(part for part in tree.children if isinstance(part, Tree))
    name = str(tree.children[1])
    if name not in scope.lists:
        raise _mistyped(tree, f"the list `{quoted(name)}` is not known", nearest(name, scope.lists, "declare `lists`"))
    if scope.event is None:
        way_out = "ask for it in a measure, like `count(login where device in blocked_devices, 30d)`"
        raise _mistyped(tree, f"the list `{name}` holds texts of events, and no event is named here", way_out)
    word = str(item.children[0]) if item.data == "name" else ""
    field = next((field for field in scope.event.fields if field.name == word), None)
    if field is None:
        texts = [field.name for field in scope.event.fields if field.unit == ex.TEXT]
        way_out = nearest(word, texts, f"declare it: `{scope.event.name}: {{{word or 'device'}: text}}`")
        raise _mistyped(item, f"`{quoted(render(item))}` is not a text field of `{scope.event.name}`", way_out)
    if field.unit != ex.TEXT:
        what = f"`{word}` is {UNIT_WORDS[field.unit]}, and a list holds texts"
        raise _mistyped(item, what, f"declare it as a text: `{scope.event.name}: {{{word}: text}}`")
    check_readable(item, field, scope, listed=True)
    return Checked(ex.Listed(ex.FieldRef(word, ex.TEXT), name))


def _mistyped(tree: Branch, message: str, way_out: str) -> Mistyped:
    return Mistyped(message, tree.meta.start_pos or 0, way_out)
