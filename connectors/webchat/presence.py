"""Who is here: the open sockets of each visitor, at most a few (W11)."""

from typing import Protocol

from connectors.webchat.tokens import Visitor


class Ending(Exception):
    """Why a socket is closed by us: a close code (44xx are ours) and its reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Seat(Protocol):
    """An open socket that can be told to end."""

    def end(self, ending: Ending) -> None: ...


class Presence:
    """One node's view; `most` sockets a visitor."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seats: dict[str, list[Seat]] = {}

    def join(self, visitor: Visitor, seat: Seat) -> None:
        """One too many ends the oldest: most likely a connection that the client has lost already."""
        seats = self._seats.setdefault(visitor.id, [])
        seats.append(seat)
        if len(seats) > self._most:
            seats.pop(0).end(Ending(4429, "too many windows"))

    def leave(self, visitor: Visitor, seat: Seat) -> None:
        """The socket is over; harmless when it left before."""
        seats = self._seats.get(visitor.id, [])
        if seat in seats:
            seats.remove(seat)
        if not seats:
            self._seats.pop(visitor.id, None)

    def dismiss(self, visitor: Visitor, ending: Ending) -> None:
        """End every socket of a visitor."""
        for seat in self._seats.pop(visitor.id, []):
            seat.end(ending)
