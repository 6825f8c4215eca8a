"""What a Telegram message holds beside text: its file, and a visible placeholder for everything else (X9, T21)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from router.model import Attachment
from router.richtext import Block, FileRef, Paragraph, Span

DOWNLOAD_LIMIT = 20 * 1024 * 1024  # getFile gives nothing larger (T16)

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """`placeholder` stands for what a text cannot show; `automatic`: Telegram wrote it, not the customer."""

    placeholder: tuple[Block, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    automatic: bool = False


NOTHING = Content()

# The keys of a message that say who, where and when, and those we read elsewhere: never content by themselves.
FRAME = frozenset(
    {
        "message_id", "message_thread_id", "from", "sender_chat", "sender_boost_count", "sender_business_bot",
        "sender_tag", "date", "business_connection_id", "chat", "forward_origin", "is_topic_message",
        "is_automatic_forward", "reply_to_message", "external_reply", "quote", "reply_to_story",
        "reply_to_checklist_task_id", "reply_to_poll_option_id", "via_bot", "edit_date", "has_protected_content",
        "is_from_offline", "is_paid_post", "media_group_id", "author_signature", "paid_star_count", "text", "entities",
        "link_preview_options", "suggested_post_info", "effect_id", "caption", "caption_entities",
        "show_caption_above_media", "has_media_spoiler", "reply_markup", "direct_messages_topic",
        "guest_bot_caller_user", "guest_bot_caller_chat", "guest_query_id",
    }
)  # fmt: skip

# Written by Telegram when somebody taps something; no human words are in them.
SERVICE = frozenset(
    {
        "pinned_message", "message_auto_delete_timer_changed", "chat_background_set", "users_shared", "chat_shared",
        "connected_website", "write_access_allowed", "passport_data", "proximity_alert_triggered", "boost_added",
        "successful_payment", "refunded_payment", "web_app_data", "gift", "unique_gift", "gift_upgrade_sent",
        "video_chat_started", "video_chat_ended", "video_chat_scheduled", "video_chat_participants_invited",
        "giveaway_created", "giveaway", "giveaway_winners", "giveaway_completed", "suggested_post_approved",
        "suggested_post_paid", "checklist_tasks_done", "checklist_tasks_added", "paid_message_price_changed",
        "direct_message_price_changed",
    }
)  # fmt: skip


def to_content(message: Raw) -> Content:
    """The file and placeholder of one message; nothing for plain text."""
    if "text" in message:
        return NOTHING
    for kind, reader in READERS.items():
        if kind in message:
            return reader(message[kind])
    found = [key for key in message if key not in FRAME]
    for kind in found:
        if kind in SERVICE:
            return Content((_said(f"[service message: {kind.replace('_', ' ')}]"),), automatic=True)
    return Content((_said(f"[unsupported message: {', '.join(found) or 'empty'}]"),))


def human_size(size: int) -> str:
    """A file size as people read it: `31 MB`."""
    if size < 1024:
        return f"{size} bytes"
    if size < 1024 * 1024:
        return f"{size // 1024} kB"
    return f"{size / 1024 / 1024:.0f} MB"


def _said(text: str) -> Paragraph:
    return Paragraph((Span(text),))


def _duration(seconds: Any) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def _file(raw: Raw, label: str, name: str, content_type: str) -> Content:
    """A file to fetch later; without a label the name stands in the text, where a caption may replace it."""
    size = max(0, int(raw.get("file_size") or 0))
    name = str(raw.get("file_name") or name)
    if size > DOWNLOAD_LIMIT:
        about = label or f"file {name}"
        return Content((_said(f"[{about}, {human_size(size)}, too large for Telegram]"),))
    attachment = Attachment(
        name=name, content_type=str(raw.get("mime_type") or content_type), size=size, remote=str(raw["file_id"])
    )
    shown = _said(f"[{label}]") if label else Paragraph((FileRef(0, name),))
    return Content((shown,), (attachment,))


def _photo(sizes: Any) -> Content:
    """The largest of the sizes that can be fetched."""
    fitting = [size for size in sizes if int(size.get("file_size") or 0) <= DOWNLOAD_LIMIT] or sizes
    best = max(fitting, key=lambda size: int(size["width"]) * int(size["height"]))
    return _file(best, "", "photo.jpg", "image/jpeg")


def _document(raw: Raw) -> Content:
    return _file(raw, "", "file", "application/octet-stream")


def _animation(raw: Raw) -> Content:
    return _file(raw, f"animation {_duration(raw['duration'])}", "animation.mp4", "video/mp4")


def _video(raw: Raw) -> Content:
    return _file(raw, f"video {_duration(raw['duration'])}", "video.mp4", "video/mp4")


def _video_note(raw: Raw) -> Content:
    return _file(raw, f"video message {_duration(raw['duration'])}", "video-message.mp4", "video/mp4")


def _voice(raw: Raw) -> Content:
    return _file(raw, f"voice {_duration(raw['duration'])}", "voice.ogg", "audio/ogg")


def _audio(raw: Raw) -> Content:
    title = " - ".join(str(raw[key]) for key in ("performer", "title") if raw.get(key))
    return _file(raw, f"audio {_duration(raw['duration'])} {title}".rstrip(), "audio.mp3", "audio/mpeg")


def _sticker(raw: Raw) -> Content:
    name, content_type = "sticker.webp", "image/webp"
    if raw.get("is_animated"):
        name, content_type = "sticker.tgs", "application/x-tgsticker"
    elif raw.get("is_video"):
        name, content_type = "sticker.webm", "video/webm"
    return _file(raw, f"sticker {raw.get('emoji') or ''}".rstrip(), name, content_type)


def _map(raw: Raw) -> Span:
    latitude, longitude = float(raw["latitude"]), float(raw["longitude"])
    url = f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}"
    return Span(f"{latitude},{longitude}", link=url)


def _location(raw: Raw) -> Content:
    name = "live location" if "live_period" in raw else "location"
    return Content((Paragraph((Span(f"[{name} "), _map(raw), Span("]"))),))


def _venue(raw: Raw) -> Content:
    named = f"[venue {raw['title']}, {raw['address']}, "
    return Content((Paragraph((Span(_one_line(named)), _map(raw["location"]), Span("]"))),))


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def _words(text: Callable[[Raw], str]) -> Callable[[Raw], Content]:
    """A reader for content that is only described."""
    return lambda raw: Content((_said(_one_line(f"[{text(raw)}]")),))


def _name(raw: Raw) -> str:
    return " ".join(str(raw[key]) for key in ("first_name", "last_name") if raw.get(key))


def _poll(raw: Raw) -> str:
    return f"poll: {raw['question']} ({' / '.join(str(option['text']) for option in raw['options'])})"


def _checklist(raw: Raw) -> str:
    return f"checklist: {raw['title']} ({' / '.join(str(task['text']) for task in raw['tasks'])})"


READERS: dict[str, Callable[[Any], Content]] = {
    "photo": _photo,
    "animation": _animation,  # Telegram adds `document` to an animation and `location` to a venue
    "document": _document,
    "video": _video,
    "video_note": _video_note,
    "voice": _voice,
    "audio": _audio,
    "sticker": _sticker,
    "venue": _venue,
    "location": _location,
    "contact": _words(lambda raw: f"contact {_name(raw)}, {raw['phone_number']}"),
    "poll": _words(_poll),
    "checklist": _words(_checklist),
    "dice": _words(lambda raw: f"dice {raw['emoji']} {raw['value']}"),
    "game": _words(lambda raw: f"game {raw['title']}"),
    "story": _words(lambda raw: "story"),
    "paid_media": _words(lambda raw: f"paid media, {raw['star_count']} stars"),
    "invoice": _words(lambda raw: f"invoice {raw['title']}"),
}
