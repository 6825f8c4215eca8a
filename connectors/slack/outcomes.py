"""What Slack's answers mean for a delivery (S19, S28)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError

from connectors.base import AccountDown, NotSent, Outcome, PlaceDown, Rejected, Unknown

LIMITED_PAUSE = timedelta(seconds=30)
"""When Slack limits us without saying for how long."""

ACCOUNT_CODES = frozenset(
    {
        "access_denied",
        "account_inactive",
        "app_uninstalled",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "team_added_to_org",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
PLACE_CODES: Mapping[str, str] = {
    "channel_not_found": "the channel is gone or the app cannot see it: name another in the desk of the route, or "
    'invite the app with "/invite"',
    "is_archived": "the channel is archived: unarchive it in Slack, or name another in the desk of the route",
    "not_in_channel": 'the app was removed from the channel: bring it back there with "/invite"',
    "restricted_action": "only some members may post there: allow the app in the channel's posting permissions",
    "restricted_action_read_only_channel": "only some members may post there: allow the app in the channel's posting "
    "permissions",
    "restricted_action_thread_only_channel": "only threads are allowed there: allow the app to begin them in the "
    "channel's posting permissions",
    "restricted_action_non_threadable_channel": "threads are not allowed there: allow them in the channel's posting "
    "permissions",
    "user_not_in_channel": 'the app was removed from the channel: bring it back there with "/invite"',
}
"""Trouble of one Slack channel, and what to do about it: the others of the workspace go on."""
REMEDIES: Mapping[str, str] = {
    "account_inactive": "the app or its owner was deactivated: install the app again and configure its new bot_token",
    "app_uninstalled": "install the app again and configure its new bot_token",
    "invalid_auth": "check bot_token; when the app was installed again it has a new one",
    "missing_scope": "add the scope to the app and install it again",
    "not_authed": "configure bot_token",
    "token_expired": "configure a bot_token that does not expire",
    "token_revoked": "install the app again and configure its new bot_token",
}
"""What to do about the account, where that can be said."""
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
    if (remedy := PLACE_CODES.get(code)) is not None:
        return CallFailed(PlaceDown(f"{said}; {remedy}"), code)
    if code in ACCOUNT_CODES:
        needed = f" (needs the scope {data['needed']})" if data.get("needed") else ""
        remedy = f"; {REMEDIES[code]}" if code in REMEDIES else ""
        return CallFailed(AccountDown(f"{said}{needed}{remedy}"), code)
    if status >= 500 or not code or code in MAYBE_CODES:
        return CallFailed(NotSent(said) if repeatable else Unknown(said), code)
    if code in UNTAKEN_CODES:
        return CallFailed(NotSent(said), code)
    return CallFailed(Rejected(said), code)


def _retry_after(headers: Mapping[str, str]) -> timedelta:
    """Exactly what Slack asks for (X13)."""
    wish = headers.get("Retry-After") or headers.get("retry-after") or ""
    return timedelta(seconds=int(wish)) if wish.isascii() and wish.isdigit() else LIMITED_PAUSE
