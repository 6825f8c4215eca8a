"""What Slack's answers mean for a delivery (S19, S28)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError

from connectors.base import AccountDown, NotSent, Outcome, Rejected, Unknown

LIMITED_PAUSE = timedelta(seconds=30)
"""When Slack limits us without saying for how long."""

ACCOUNT_CODES = frozenset(
    {
        "access_denied",
        "account_inactive",
        "app_uninstalled",
        "channel_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "is_archived",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "team_access_not_granted",
        "team_added_to_org",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
        "user_not_in_channel",
    }
)
LIMITED_CODES = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
MAYBE_CODES = frozenset({"fatal_error", "internal_error", "service_unavailable"})
"""Slack's own trouble: it says itself that "some aspect of the operation" may have succeeded."""
UNTAKEN_CODES = frozenset({"request_timeout", "invalid_post_type", "accesslimited"})
"""The request did not reach the method."""
CONTENT_CODES = frozenset({"msg_too_long", "invalid_blocks", "msg_blocks_too_long", "invalid_blocks_format"})
"""The formatting is at fault: the bare text may still pass (S28)."""
THREAD_GONE_CODES = frozenset({"thread_not_found", "cannot_reply_to_message", "invalid_thread_ts"})
"""Nobody can write into that thread any more (S29)."""


class CallFailed(Exception):
    """A call that brought no result; `outcome` says what may be done next, `code` is Slack's word if it gave one."""

    def __init__(self, outcome: Outcome, code: str = "") -> None:
        super().__init__(getattr(outcome, "reason", code))
        self.outcome = outcome
        self.code = code


def refused(method: str, error: SlackApiError, repeatable: bool) -> CallFailed:
    """What Slack's refusal means (S28); `repeatable` when doing it twice is harmless."""
    response = error.response
    status: int = getattr(response, "status_code", 0) or getattr(response, "status", 0)
    body = getattr(response, "data", None)
    data: dict[str, Any] = body if isinstance(body, dict) else {}
    code: str = data.get("error") or ""
    if status == 429 or code in LIMITED_CODES:
        headers = getattr(response, "headers", None) or {}
        return CallFailed(
            NotSent(f"Slack limits {method}", retry_after=_retry_after(headers), limited=True), code or "ratelimited"
        )
    said = f"Slack refused {method}: {code or f'HTTP {status}'}"
    if code in ACCOUNT_CODES:
        needed = f" (needs the scope {data['needed']})" if data.get("needed") else ""
        return CallFailed(AccountDown(said + needed), code)
    if status >= 500 or not code or code in MAYBE_CODES:
        return CallFailed(NotSent(said) if repeatable else Unknown(said), code)
    if code in UNTAKEN_CODES:
        return CallFailed(NotSent(said), code)
    return CallFailed(Rejected(said), code)


def _retry_after(headers: Mapping[str, str]) -> timedelta:
    """Exactly what Slack asks for (X13)."""
    wish = headers.get("Retry-After") or headers.get("retry-after") or ""
    return timedelta(seconds=int(wish)) if wish.isascii() and wish.isdigit() else LIMITED_PAUSE
