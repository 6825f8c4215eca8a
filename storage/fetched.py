"""Files that were fetched for a delivery: kept one by one, in its words as they are then."""

from dataclasses import dataclass, replace
from datetime import timedelta

from router.model import Attachment, Blob, Outgoing
from router.richtext import Paragraph, RichText, Span
from storage import outbox
from storage.database import Transaction
from storage.outbox import Claim
from storage.statement import Statement

_UNFETCHED = Statement("UPDATE outbox SET unfetched = :unfetched WHERE id = :id")
_ATTACHMENT = Statement(
    """
    UPDATE attachments SET sha256 = :sha256, size = :size, problem = :problem
    WHERE message = :message AND remote = :remote AND sha256 IS NULL
    """
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one remote attachment: its content, or why there is none."""

    attachment: Attachment
    found: Blob | str


def store(tx: Transaction, held: Claim, fetched: Fetched) -> None:
    """Keep what became of a file with its message and its delivery, which may have been edited since the claim. That
    is so whoever fetched it: files that take longer than a lease are not fetched for nothing (R6 keeps outcomes)."""
    attachment, found = fetched.attachment, fetched.found
    blob = found if isinstance(found, Blob) else None
    if held.delivery.message is not None:
        tx.run(
            _ATTACHMENT,
            {
                "message": held.delivery.message.bytes,
                "remote": attachment.remote,
                "sha256": blob.sha256 if blob is not None else None,
                "size": blob.size if blob is not None else attachment.size,
                "problem": found if blob is None else None,
            },
        )
    if (outgoing := outbox.queued(tx, held.delivery.id)) is not None:
        outbox.rewrite(tx, held.delivery.id, _with(outgoing, fetched))


def release(tx: Transaction, held: Claim, again: timedelta | None = None) -> None:
    """Free the lane; its head can go out unless a file is missing still, which is fetched again after `again`."""
    outbox.release(tx, held, again)
    if (outgoing := outbox.queued(tx, held.delivery.id)) is not None:
        missing = any(each.elsewhere for each in outgoing.attachments)
        tx.run(_UNFETCHED, {"id": held.delivery.id.bytes, "unfetched": missing})


def _with(outgoing: Outgoing, fetched: Fetched) -> Outgoing:
    """With the file in its place, or a line that says why there is none (X9)."""
    text, kept = outgoing.text, []
    for each in outgoing.attachments:
        if not each.elsewhere or each.remote != fetched.attachment.remote:
            kept.append(each)
        elif isinstance(fetched.found, Blob):
            kept.append(replace(each, blob=fetched.found, size=fetched.found.size))
        else:
            line = Paragraph((Span(f"[file {each.name}, {fetched.found}]"),))
            text = RichText((*text.blocks, line))
    return replace(outgoing, text=text, attachments=tuple(kept))
