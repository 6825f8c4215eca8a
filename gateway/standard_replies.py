"""`replies.yaml` as canned replies: every id is there once, every field is known."""

import difflib
from string import Formatter

from gateway.standard_reading import Node, version_of
from router.canned_replies import FIELDS, CannedReply, Replies, fields_of
from router.languages import tag_of

LONGEST_ID = 40
LONGEST_TITLE = 75
"""Characters: a title is the label of a button."""
LONGEST_TEXT = 3000


def replies(node: Node) -> Replies:
    """The section `replies`; what is wrong is noted with its place."""
    parts = node.mapping(("version", "items"), ("shop",))
    shop = {tag: each.text() for tag, each in parts["shop"].entries().items()} if "shop" in parts else {}
    found: dict[str, CannedReply] = {}
    for each in parts["items"].items() if "items" in parts else ():
        reply = _reply(each, shop)
        if reply is None:
            continue
        if reply.id in found:
            each.child("id").wrong("this reply is here twice; keep one")
        found[reply.id] = reply
    return Replies(version=version_of(parts), shop=shop, items=tuple(found.values()))


def _reply(node: Node, shop: dict[str, str]) -> CannedReply | None:
    keys = node.mapping(("id", "title", "texts"), ("topics",))
    if not {"id", "title", "texts"} <= keys.keys():
        return None
    name, title = keys["id"].text(), keys["title"].text().strip()
    if len(name) > LONGEST_ID or not name.replace("-", "").replace("_", "").isalnum() or name != name.lower():
        keys["id"].wrong(f"must be small letters, digits, - and _, at most {LONGEST_ID}")
    if not 0 < len(title) <= LONGEST_TITLE:
        keys["title"].wrong(f"must have 1 to {LONGEST_TITLE} characters, has {len(title)}")
    texts = {tag: _text(each, tag, shop) for tag, each in keys["texts"].entries().items()}
    if not texts:
        keys["texts"].wrong("give the text in at least one language")
        return None
    topics = keys["topics"].texts() if "topics" in keys else ()
    return CannedReply(id=name, title=title, topics=topics, texts=texts)


def _text(node: Node, tag: str, shop: dict[str, str]) -> str:
    text = node.text().strip()
    if tag_of(tag) != tag:
        near = tag_of(tag)
        node.wrong(f"{tag} is no language tag{f'; did you mean {near}?' if near else ' like zh-CN or en'}")
    if not 0 < len(text) <= LONGEST_TEXT:
        node.wrong(f"must have 1 to {LONGEST_TEXT} characters, has {len(text)}")
    try:
        named = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(text) if name is not None]
    except ValueError as error:
        node.wrong(f"has braces that do not match: {error}")
        return text
    for name, spec, conversion in named:
        if name not in FIELDS or spec or conversion:
            near = next(iter(difflib.get_close_matches(name, FIELDS, 1)), None)
            node.wrong(
                f"there is no field {{{name}}}"
                + (f"; did you mean {{{near}}}?" if near else f"; the fields are {', '.join(FIELDS)}")
            )
    if "shop" in fields_of(text) and not shop.get(tag):
        node.wrong(f"{{shop}} is in the text for {tag}, but shop has no {tag}")
    return text
