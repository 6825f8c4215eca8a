"""How far a delivery of several calls has come: kept with the delivery, so that nothing is done twice (S26, S29)."""

from dataclasses import dataclass, field

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`posted`: remote id of the text. `root`: the thread made in place of a deleted one. `files`: Slack's file id
    by the attachment's index."""

    posted: str | None = None
    root: str | None = None
    files: dict[int, str] = field(default_factory=dict)

    def dump(self) -> str:
        files = {str(index): file for index, file in self.files.items()}
        return orjson.dumps({"posted": self.posted, "root": self.root, "files": files}).decode()

    @staticmethod
    def load(checkpoint: str | None) -> "Progress":
        """Raises ValueError for a checkpoint that is not ours."""
        if checkpoint is None:
            return Progress()
        stored = orjson.loads(checkpoint)
        files = {int(index): file for index, file in stored["files"].items()}
        return Progress(posted=stored["posted"], root=stored["root"], files=files)
