"""The rounds of a conversation as a sequence whose members are judged when somebody looks at them, and only once.

A long conversation has hundreds of closed rounds that are stored already; most readers want the last of them.
"""

from collections.abc import Sequence
from typing import overload
from uuid import UUID

from router.judging import History, Span, judge
from router.model import Round


class Rounds(Sequence[Round]):
    """Closed rounds in the order in which they closed, the open one last. A round is judged by what the log held at
    its end, so it does not matter when that is done."""

    __slots__ = ("_conversation", "_history", "_known", "_spans", "_waiting")

    def __init__(
        self,
        spans: Sequence[Span] = (),
        known: dict[int, Round] | None = None,
        history: History | None = None,
        conversation: UUID | None = None,
        waiting: Round | None = None,
    ) -> None:
        self._spans = tuple(spans)
        self._known = {} if known is None else known
        self._history = history
        self._conversation = conversation
        self._waiting = waiting

    def __len__(self) -> int:
        return len(self._spans) + (self._waiting is not None)

    @overload
    def __getitem__(self, index: int) -> Round: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Round]: ...
    def __getitem__(self, index: int | slice) -> Round | Sequence[Round]:
        if isinstance(index, slice):
            return tuple(self._at(each) for each in range(*index.indices(len(self))))
        return self._at(range(len(self))[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Rounds{tuple(self)!r}"

    def _at(self, index: int) -> Round:
        if index == len(self._spans):
            assert self._waiting is not None
            return self._waiting
        found = self._known.get(index)
        if found is None:
            assert self._history is not None
            assert self._conversation is not None
            found = self._known[index] = judge(self._spans[index], self._history, self._conversation)
        return found
