"""A YAML file as plain values, with file and line of each: `include:` followed, `${NAME}` and `${file:PATH}` filled.

It knows nothing of the keys. Mistakes are collected, never raised, so that one reading finds all of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import yaml

Keys = tuple[str | int, ...]
"""Where a value is: ("channels", 2, "imap", "port")."""

VARIABLE = re.compile(r"\$\{([^}]*)\}")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DEEPEST = 50
LARGEST = 100_000


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """`line` starts at 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong, as `file:line: key.path: sentence`."""

    place: Place
    keys: Keys
    sentence: str

    @property
    def key(self) -> str:
        """The key as people write it: `channels[2].imap.port`; empty for the document itself."""
        return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.keys).removeprefix(".")

    def __str__(self) -> str:
        where = f"{self.place.file}:{self.place.line}: "
        return where + (f"{self.key}: {self.sentence}" if self.keys else self.sentence)


@dataclass(slots=True)
class Document:
    """`value` is made of dict, list, str, int, float, bool and None. `filled` are the texts that variables and files
    gave: they may be secrets and are never shown."""

    value: object = None
    places: dict[Keys, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    filled: set[str] = field(default_factory=set)

    def place(self, keys: Keys) -> Place:
        """The place of a value, or of the nearest one around it."""
        while keys not in self.places:
            keys = keys[:-1]
        return self.places[keys]

    def wrong(self, place: Place, keys: Keys, sentence: str) -> None:
        self.mistakes.append(Mistake(place, keys, sentence))


class _Loader(yaml.SafeLoader):
    """Only `true`, `false`, `null` and plain numbers mean something: `no` is Norwegian and 12:30 is not 750."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]  # stubs


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+\.[0-9]+$"), list("-+0123456789"))


def read(path: Path, variables: Mapping[str, str]) -> Document:
    """Read a file and everything it includes."""
    top = Place(str(path), 1)
    document = Document(places={(): top})
    document.value = _file(document, variables, path, top, (), (), 0)
    return document


def _file(
    document: Document,
    variables: Mapping[str, str],
    path: Path,
    origin: Place,
    keys: Keys,
    inside: tuple[Path, ...],
    start: int,
) -> object:
    """The value of one file, to stand at `keys`; a list in it begins with index `start`. `origin` is where the file
    is named, `inside` are the files that include it."""
    top = Place(str(path), 1)
    if path.resolve() in inside:
        document.wrong(origin, keys, f"{path} includes itself; remove one of the include lines")
        return None
    try:
        text = path.read_bytes().decode("utf-8-sig")
        loader = _Loader(text)
    except OSError as error:
        document.wrong(origin, keys, f"{path} cannot be read: {error.strerror}")
        return None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        document.wrong(Place(str(path), line), keys, "this is not UTF-8 text; save the file as UTF-8")
        return None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.wrong(Place(str(path), line), keys, f"the character U+{error.character:04X} is not allowed in YAML")
        return None
    try:
        node = loader.get_single_node()
        if node is None:
            document.wrong(top, keys, "the file is empty")
            return None
        return _Branch(document, variables, path, (*inside, path.resolve()), loader).value(node, keys, start)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        sentence = f"not valid YAML: {error.problem or error.context}"
        if mark and "${" in _line(mark):
            sentence += "; inside braces put ${...} in quotes"
        document.wrong(Place(str(path), mark.line + 1 if mark else 1), keys, sentence)
        return None
    except RecursionError:
        document.wrong(top, keys, "nested too deeply")
        return None
    finally:
        loader.dispose()


def _line(mark: yaml.Mark) -> str:
    """The line a mark is on."""
    text = mark.buffer or ""
    return text[text.rfind("\n", 0, mark.pointer) + 1 :].partition("\n")[0]


@dataclass(slots=True)
class _Branch:
    """Makes the values of one file."""

    document: Document
    variables: Mapping[str, str]
    path: Path
    inside: tuple[Path, ...]
    loader: _Loader

    def value(self, node: yaml.Node, keys: Keys, start: int = 0) -> object:
        place = self.document.places.setdefault(keys, self._place(node))
        if len(keys) > DEEPEST or len(self.document.places) > LARGEST:
            if len(self.document.mistakes) < DEEPEST:
                self.document.wrong(place, keys, "nested too deeply or too large; does an alias contain itself?")
            return None
        match node:
            case yaml.MappingNode():
                return self._mapping(node, keys, start)
            case yaml.SequenceNode():
                return [self.value(child, (*keys, start + index)) for index, child in enumerate(node.value)]
            case _:
                return self._scalar(node, keys)

    def _place(self, node: yaml.Node) -> Place:
        return Place(str(self.path), node.start_mark.line + 1)

    def _scalar(self, node: yaml.Node, keys: Keys) -> object:
        try:
            value: object = self.loader.construct_object(node)
        except (yaml.constructor.ConstructorError, ValueError):
            self.document.wrong(self._place(node), keys, f"the tag {node.tag} is not known; remove it")
            return None
        if isinstance(value, str):
            return VARIABLE.sub(lambda match: self._filled(match, node, keys), value)
        return value

    def _filled(self, match: re.Match[str], node: yaml.Node, keys: Keys) -> str:
        """What `${...}` stands for; a mistake leaves it as it is."""
        try:
            text = self._lookup(match[1])
        except LookupError as error:
            self.document.wrong(self._place(node), keys, error.args[0])
            return match[0]
        self.document.filled.add(text)
        return text

    def _lookup(self, name: str) -> str:
        if name.startswith("file:"):
            path = self.path.parent / name.removeprefix("file:")
            try:
                text = path.read_text(encoding="utf-8").rstrip("\r\n")
            except OSError as error:
                raise LookupError(f"{path} cannot be read: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise LookupError(f"{path} is not UTF-8 text") from error
            if not text:
                raise LookupError(f"{path} is empty")
            return text
        if not NAME.fullmatch(name):
            raise LookupError("write ${NAME} for an environment variable or ${file:PATH} for a file")
        if not (value := self.variables.get(name)):
            state = "not set" if value is None else "empty"
            raise LookupError(f"the environment variable {name} is {state}")
        return value

    def _mapping(self, node: yaml.MappingNode, keys: Keys, start: int) -> object:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
                self.document.wrong(self._place(key_node), keys, "a key must be text; put it in quotes")
            elif key == "include":
                included = self._included(value_node, keys, start)
                if len(node.value) == 1:
                    return included
                if included is not None and not isinstance(included, dict):
                    self.document.wrong(self._place(key_node), keys, "the included file must hold keys and values here")
                elif included is not None:
                    self._merge(result, included, self._place(key_node), keys)
            elif key in result:
                self.document.wrong(self._place(key_node), (*keys, key), "this key is here twice; keep one")
            else:
                self.document.places[*keys, key] = self._place(key_node)
                result[key] = self.value(value_node, (*keys, key))
        return result

    def _included(self, node: yaml.Node, keys: Keys, start: int) -> object:
        """The content of the named files or folders: lists one after the other, keys and values together."""
        place = self._place(node)
        names = node.value if isinstance(node, yaml.SequenceNode) else [node]
        whole: object = None
        for name in names:
            if not isinstance(name, yaml.ScalarNode) or not name.value:
                self.document.wrong(place, keys, "include names a file, a folder, or a list of them")
                continue
            path = self.path.parent / name.value
            for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
                length = len(whole) if isinstance(whole, list) else 0
                part = _file(self.document, self.variables, file, place, keys, self.inside, start + length)
                if whole is None:
                    whole = part
                elif isinstance(whole, list) and isinstance(part, list):
                    whole += part
                elif isinstance(whole, dict) and isinstance(part, dict):
                    self._merge(whole, part, place, keys)
                elif part is not None:
                    self.document.wrong(place, keys, f"{file} holds another kind of content than the files before it")
        return whole

    def _merge(self, whole: dict[str, object], part: dict[str, object], place: Place, keys: Keys) -> None:
        for key in sorted(whole.keys() & part.keys()):
            self.document.wrong(place, (*keys, key), "this key is in two of the files; keep one")
        whole.update(part)
