"""SQL constants that run on both databases.

A statement is written once, with `:name` parameters and, for lists, `IN :names`. It is translated for a driver
once and executed there directly: a profile of the intake showed three quarters of the time of a Core statement
in SQLAlchemy's execution layer (docs/adr/0003).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_PARAMETER = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)\b")
_LIST = re.compile(r"IN :([a-z_]+)\b")
LIST_SIZES = (1, 4, 16, 64, 256, 1024)
"""Lists are padded to these lengths, so that a driver prepares few forms of a statement."""

Parameters = Mapping[str, Any]
Row = tuple[Any, ...]


class Statement:
    """One SQL text; `lock` is appended on PostgreSQL only (row locks that SQLite neither knows nor needs)."""

    __slots__ = ("_lists", "_lock", "_translated", "sql")

    def __init__(self, sql: str, *, lock: str = "") -> None:
        self.sql = " ".join(sql.split())
        self._lock = lock
        self._lists = tuple(_LIST.findall(self.sql))
        self._translated: dict[object, str] = {}

    def on(self, dialect: str) -> str:
        """The text for "sqlite" or "postgresql"; lists must be expanded with `expanded` instead."""
        text = self._translated.get(dialect)
        if text is None:
            text = self._translated[dialect] = self._translate(self.sql, dialect)
        return text

    def expanded(self, dialect: str, parameters: Parameters) -> tuple[str, Parameters]:
        """The text and parameters with every list spelled out; an empty list matches nothing."""
        if not self._lists:
            return self.on(dialect), parameters
        spelled = {name: value for name, value in parameters.items() if name not in self._lists}
        sizes = []
        for name in self._lists:
            values: Sequence[Any] = parameters[name]
            size = next((size for size in LIST_SIZES if size >= len(values)), len(values))
            sizes.append(size)
            filler = values[-1] if values else None
            for index in range(size):
                spelled[f"{name}_{index}"] = values[index] if index < len(values) else filler
        key = (dialect, *sizes)
        text = self._translated.get(key)
        if text is None:
            sql = self.sql
            for name, size in zip(self._lists, sizes, strict=True):
                names = ", ".join(f":{name}_{index}" for index in range(size))
                sql = re.sub(rf"IN :{name}\b", f"IN ({names})", sql)
            text = self._translated[key] = self._translate(sql, dialect)
        return text, spelled

    def _translate(self, sql: str, dialect: str) -> str:
        if dialect != "postgresql":
            return sql
        return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")) + (f" {self._lock}" if self._lock else "")
