"""Attachments as rows."""

from router.model import Attachment, Blob
from storage.statement import Row


def attachment_of(row: Row) -> Attachment:
    """From name, content_type, size, sha256, remote, inline and content_id."""
    name, content_type, size, sha256, remote, inline, content_id = row
    return Attachment(
        name=name,
        content_type=content_type,
        size=size,
        blob=Blob(sha256=bytes(sha256), size=size) if sha256 is not None else None,
        remote=remote,
        inline=bool(inline),
        content_id=content_id,
    )
