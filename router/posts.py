"""An agent's post in a desk thread as the message that is stored of it."""

from router.decision import NewMessage
from router.model import AuthorKind, Inbound, Visibility


def desk_message(inbound: Inbound, author: str, name: str, visibility: Visibility) -> NewMessage:
    """The post with its author ("agent:<id>", or "slack:<member>" for somebody who is not listed)."""
    return NewMessage(
        author_kind=AuthorKind.AGENT,
        author=author,
        author_name=name,
        visibility=visibility,
        channel=inbound.channel,
        text=inbound.text,
        attachments=inbound.attachments,
        remote_id=inbound.remote_id,
        sent_at=inbound.sent_at,
        composed_at=inbound.sent_at,
    )
