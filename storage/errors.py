"""What storage can answer besides values."""


class StoreUnavailable(Exception):
    """The database cannot take the work now: acknowledge nothing, ask again later. `full`: no space left (DB6)."""

    def __init__(self, reason: str, *, full: bool = False) -> None:
        super().__init__(reason)
        self.full = full


class NoSchema(StoreUnavailable):
    """The database has no tables, or lacks some: it was never migrated."""


class Expired(Exception):
    """The unit was not started before its deadline and will never run (M4)."""
