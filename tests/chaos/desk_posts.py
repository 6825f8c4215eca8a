"""What people write in desk threads, each made from what it is meant to be: never by asking the rules."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

Blocks = list[dict[str, Any]]

SECRET, ANSWER = "SECRET", "ANSWER"
"""What no customer may ever see, and what one customer must see."""

MARKS = ("//", "note:", "\N{LOCK}", "\N{CLOSED LOCK WITH KEY}", "\N{LOCK WITH INK PEN}")
NAMES = (":lock:", ":closed_lock_with_key:", ":lock_with_ink_pen:")
UNSEEN = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u061c\u180e\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2066\u2067\u2068\u2069\u206a\ufe0f\ufe00\u115f\u1160\u3164\uffa0\u2800\ufffc\U000e0020\U000e007f\U000e0100"
)
LEADS = ("\u2022 ", "\u2014 ", ".", "*", "(", "#", "\N{WAVING HAND SIGN} ", "@here ", "#lost-parcels: ", "@bob, ")
"""What may stand before the mark of a note without hiding it."""
CALLED = ("<@U0BOB>", "<@U0BOB>,", "<!here>", "<!subteam^S1|@leads>:", "<#C0LOST|lost-parcels>")
BLANKS = (" ", "  ", "\t", "\n", "\n\n", "\u00a0", "\u3000", "\u2003", "\u2028", "\u205f", " \n \u200b")
LOOK_ALIKES = (
    *("/ ", "\\\\ ", "notes: ", "noted: ", "note ", "note; ", "footnote: ", "please note: ", "(note): "),
    *("n\u043ete: ", "\u2044\u2044 ", "\u2215\u2215 ", "|/ ", "1// ", "https://shop.example/a ", "a.// "),
    *("cc @bob // ", ":unlock: ", "\N{OPEN LOCK} ", ":key: ", "\N{KEY} ", "-- ", "; ", "lock: ", "n0te: "),
    *("\u5907\u6ce8: ", "(note) "),
)
LISTED = ("alice", "bob", "carol")
UNLISTED = ("dana", "guest", "eve")


class Mode(StrEnum):
    """What a plain post in a thread is, by its route."""

    REPLY = "reply"
    NOTE = "note"


class Fate(StrEnum):
    """What must become of a post. `TAKEN_BACK`: a reply that was changed into a note, or deleted, may have left
    before."""

    NOTE = "note"
    SENT = "sent"
    HELD = "held"
    REFUSED = "not sent"
    TAKEN_BACK = "taken back"
    GONE = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What is written: typed, as wire text without blocks, or as blocks with that wire text; `to_bot` after a mention
    of the app."""

    said: str
    wire: bool = False
    blocks: Blocks | None = None
    to_bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One post and what is done to it later: other texts, `pause` seconds apart, or its deletion. `settled`: only
    after it has been marked. `secret` of the first text, `answer` and `final` are what to look for."""

    serial: str
    user: str
    fate: Fate
    first: Text
    edits: tuple[str, ...] = ()
    deleted: bool = False
    settled: bool = False
    pause: float = 0.0
    broadcast: bool = False
    file: str | None = None


def script(number: int, mode: Mode, user: str, chance: Random) -> Script:
    """A post for a thread of that mode, of a random class."""
    return _Writer(f"{number:06d}", mode, user, chance).script()


class _Writer:
    def __init__(self, serial: str, mode: Mode, user: str, chance: Random) -> None:
        self._serial = serial
        self._mode = mode
        self._user = user
        self._chance = chance
        self._secret = f"{SECRET}-{serial}"
        self._answer = f"{ANSWER}-{serial}"

    def script(self) -> Script:
        kinds = {
            self._plain_note: 24,
            self._plain_reply: 30,
            self._by_somebody_else: 8,
            self._note_made_a_reply: 9,
            self._reply_made_a_note: 8,
            self._reply_reworded: 6,
            self._deleted: 5,
            self._file: 8,
            self._insult: 2,
        }
        return self._chance.choices(list(kinds), list(kinds.values()))[0]()

    def _made(self, fate: Fate, first: Text, **more: Any) -> Script:
        more.setdefault("broadcast", self._chance.random() < 0.1)
        return Script(**{"serial": self._serial, "user": self._user, "fate": fate, "first": first, **more})

    # Classes.

    def _plain_note(self) -> Script:
        return self._made(Fate.NOTE, self._note())

    def _plain_reply(self) -> Script:
        return self._made(Fate.SENT, self._reply())

    def _by_somebody_else(self) -> Script:
        said = self._secret if self._chance.random() < 0.5 else self._prefix() + self._secret
        return self._made(Fate.REFUSED, Text(said=said), user=self._chance.choice(UNLISTED))

    def _note_made_a_reply(self) -> Script:
        edits = (f"{self._secret} is for you", f"{self._prefix()}{self._secret}", f"{self._secret} after all")
        count = self._chance.randint(1, 3)
        return self._made(Fate.NOTE, self._note(), edits=edits[:count], **self._moment())

    def _reply_made_a_note(self) -> Script:
        edits = (f"{self._prefix()}{self._secret}", f"{self._secret} rather not", f"{self._prefix()}{self._secret}")
        count = self._chance.randint(1, 3)
        return self._made(Fate.TAKEN_BACK, self._reply(), edits=edits[:count], **self._moment())

    def _reply_reworded(self) -> Script:
        edit = f"{self._answer} in other words" if self._mode is Mode.REPLY else self._prefix() + self._secret
        first, fate = (self._reply(), Fate.SENT) if self._mode is Mode.REPLY else (self._note(), Fate.NOTE)
        return self._made(fate, first, edits=(edit,), **self._moment())

    def _deleted(self) -> Script:
        first = self._note() if self._chance.random() < 0.5 else self._reply()
        return self._made(Fate.GONE, first, deleted=True, **self._moment())

    def _file(self) -> Script:
        if self._mode is Mode.NOTE or self._chance.random() < 0.5:
            said = "" if self._mode is Mode.NOTE and self._chance.random() < 0.5 else self._note().said
            if self._mode is Mode.REPLY:
                said = self._prefix() + self._secret
            return self._made(Fate.NOTE, Text(said=said), file=f"{self._secret}.txt")
        said = "" if self._chance.random() < 0.5 else f"{self._answer} is enclosed"
        return self._made(Fate.SENT, Text(said=said), file=f"{self._answer}.txt")

    def _insult(self) -> Script:
        if self._mode is Mode.NOTE:
            return self._made(Fate.HELD, Text(said=f"reply {self._secret}, you idiot", to_bot=True), broadcast=False)
        return self._made(Fate.HELD, Text(said=f"{self._secret}, you idiot"))

    def _moment(self) -> dict[str, Any]:
        """When it is changed: at once, a little later, or once it has been marked."""
        match self._chance.randint(0, 2):
            case 0:
                return {"settled": False, "pause": 0.0}
            case 1:
                return {"settled": False, "pause": self._chance.uniform(0.02, 0.3)}
            case _:
                return {"settled": True, "pause": 0.3}

    # Texts.

    def _note(self) -> Text:
        if self._mode is Mode.NOTE and self._chance.random() < 0.6:
            if self._chance.random() < 0.1:
                return Text(said=f"reply {self._prefix()}{self._secret}", to_bot=True)
            return Text(said=self._chance.choice(("", *LOOK_ALIKES)) + self._secret)
        said = self._prefix() + self._secret
        match self._chance.randint(0, 9):
            case 0:
                return Text(said=said, wire=True)
            case 1:
                return self._blocks(said, style=self._chance.choice(("bold", "italic", "code", "strike")))
            case 2:
                return self._blocks(said, within=self._chance.choice(("list", "quote", "preformatted")))
            case 3:
                called = self._chance.choice(CALLED)
                return Text(said=f"{called} {self._chance.choice(MARKS)} {self._secret}", wire=True)
            case _:
                return Text(said=said)

    def _reply(self) -> Text:
        if self._mode is Mode.NOTE:
            return Text(said=f"reply {self._answer}", to_bot=True)
        match self._chance.randint(0, 9):
            case 0:
                return Text(said=f"<@U0BOB> {self._answer} // is it so?", wire=True)
            case 1:
                return self._blocks(self._answer, style="bold")
            case 2:
                return self._blocks(self._answer, within=self._chance.choice(("list", "quote", "preformatted")))
            case 3:
                return Text(said=f"{self._answer} // note: \N{LOCK} :lock:")
            case _:
                return Text(said=self._chance.choice(("", *LOOK_ALIKES)) + self._answer)

    def _blocks(self, said: str, *, style: str | None = None, within: str = "section") -> Text:
        element: dict[str, Any] = {"type": "text", "text": said, **({"style": {style: True}} if style else {})}
        inside: dict[str, Any] = {"type": f"rich_text_{within}", "elements": [element]}
        if within == "list":
            section = {"type": "rich_text_section", "elements": [element]}
            inside = {"type": "rich_text_list", "style": "bullet", "elements": [section]}
        return Text(said=said, blocks=[{"type": "rich_text", "elements": [inside]}])

    def _prefix(self) -> str:
        """A mark of a note, disguised."""
        chance = self._chance
        if chance.random() < 0.2:
            mark = chance.choice(NAMES)
        else:
            mark = chance.choice(MARKS)
            if chance.random() < 0.4:
                mark = "".join(each.upper() if chance.random() < 0.5 else each for each in mark)
            if chance.random() < 0.3:
                mark = "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in mark)
            if chance.random() < 0.5:
                mark = "".join(each + (chance.choice(UNSEEN) if chance.random() < 0.5 else "") for each in mark)
        before = "".join(chance.choice((*BLANKS, *UNSEEN)) for _ in range(chance.choice((0, 0, 1, 2, 5))))
        if chance.random() < 0.2:
            before += chance.choice(LEADS)
        if chance.random() < 0.02:
            before = chance.choice(UNSEEN) * 4_500
        return before + mark + chance.choice(("", " ", "\n", "\u200b", "\u2067", "\u3000"))
