"""Addresses of threads and posts in Slack, made without asking: `chat.getPermalink` would be a call each."""


def link(workspace: str, ref: str, thread: str | None = None) -> str:
    """The address of a post, or of the root of a thread; "" while the workspace's own is not known.

    `workspace` is the `url` of `auth.test`, `ref` "channel:ts". A post inside the thread of the ref `thread` opens
    there.
    """
    channel, _, ts = ref.partition(":")
    if not workspace or not ts:
        return ""
    address = f"{workspace.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}"
    if thread is None or thread == ref:
        return address
    return f"{address}?thread_ts={thread.partition(':')[2]}&cid={channel}"
