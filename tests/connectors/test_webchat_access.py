"""Who may come in: origins, tokens, the shop's JWTs, signing out, and what a stranger is told (W1, W2, W8, W9)."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from pydantic import ValidationError

from connectors.webchat.settings import WebchatSettings
from connectors.webchat.tokens import Tokens
from router.model import IdentityKey
from tests.connectors.webchat_shop import NOON, ORIGIN, SECRET, FeedPorts, Shop, open_shop

KEY = OctKey.import_key(SECRET)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as shop:
        yield shop


def signed(header: dict[str, Any] | None = None, key: OctKey | RSAKey = KEY, **claims: object) -> str:
    at = int(NOON.timestamp())
    values = {"aud": "web", "sub": "customer-7", "iat": at, "exp": at + 3600, "name": "Li Wei"} | claims
    header = header or {"alg": "HS256"}
    return jwt.encode(header, {k: v for k, v in values.items() if v is not None}, key, algorithms=[header["alg"]])


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None, "https://shop.example.evil", "file://"])
async def test_w8_a_foreign_null_or_missing_origin_is_refused_at_the_upgrade(shop: Shop, origin: str | None) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        async with shop.visit(origin):
            pass
    assert refused.value.status == 403


@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
@pytest.mark.parametrize("path", ["messages", "files"])
async def test_w8_foreign_pages_get_403_and_no_cors_headers_over_http(shop: Shop, method: str, path: str) -> None:
    if (method, path) == ("GET", "files"):
        return
    url = f"{shop.url}/webchat/web/{path}"
    async with shop.http.request(method, url, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert (await answer.json())["code"] == "webchat.origin"


async def test_w8_the_chats_own_page_may_use_it_and_says_so_by_host_or_by_fetch_metadata(shop: Shop) -> None:
    async with shop.visit(shop.url) as client:
        assert (await client.hello())["type"] == "ack"
    headers = {"Authorization": f"Bearer {client.token}", "Sec-Fetch-Site": "same-origin"}
    async with shop.http.get(f"{shop.url}/webchat/web/messages", headers=headers) as answer:
        assert answer.status == 200
    headers["Sec-Fetch-Site"] = "cross-site"
    async with shop.http.get(f"{shop.url}/webchat/web/messages", headers=headers) as answer:
        assert answer.status == 403


async def test_a_page_of_the_shop_may_speak_the_protocol_itself(shop: Shop) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    async with shop.http.options(f"{shop.url}/webchat/web/messages", headers=headers) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers, "W9: no cookies, no CSRF"


async def test_w8_a_socket_that_does_not_say_hello_is_closed(tmp_path: Path) -> None:
    async with open_shop(tmp_path, limits={"hello_seconds": 0.1}) as shop, shop.visit() as client:
        assert await client.ended() == 4401


async def test_frames_before_the_hello_are_refused(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.tell("resume", seq=0)
        assert (await client.next())["status"] == 401
        assert await client.ended() == 4401


async def test_w1_a_token_brings_the_visitor_back_and_is_renewed(shop: Shop) -> None:
    async with shop.visit() as client:
        first = await client.hello(language="de", name="Eva")
    shop.later(days=29)
    async with shop.visit() as client:
        second = await client.hello(token=first["token"])
        assert second["visitor"] == first["visitor"]
        assert second["expires"] - first["expires"] == 29 * 86_400_000
        await client.tell("send", text="Back again")
        await client.next()
    (inbound,) = shop.ports.inbound
    assert (inbound.language, inbound.sender.name) == ("de", "Eva"), "what was said once need not be said again"


async def test_w1_ids_are_random_and_long(shop: Shop) -> None:
    visitors = set()
    for _ in range(5):
        async with shop.visit() as client:
            visitors.add((await client.hello())["visitor"])
    assert len(visitors) == 5
    assert all(len(base64.urlsafe_b64decode(visitor.removeprefix("v-"))) * 8 >= 128 for visitor in visitors)


async def test_w1_expired_altered_foreign_and_invented_tokens_get_the_same_answer(shop: Shop) -> None:
    async with shop.visit() as client:
        token = (await client.hello())["token"]
    foreign = Tokens("other", [SECRET.encode()], lambda: shop.now)
    stranger = Tokens("web", [b"another secret of another shop"], lambda: shop.now)
    hold = timedelta(days=1)
    bad = [
        token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
        token[:40] + ("A" if token[40] != "A" else "B") + token[41:],
        foreign.seal(foreign.newcomer(hold)),
        stranger.seal(stranger.newcomer(hold)),
        "nonsense",
    ]
    answers = []
    for each in bad:
        async with shop.visit() as client:
            answers.append({**await client.hello(token=each), "id": ""})
            assert await client.ended() == 4401
    shop.later(days=31)
    async with shop.visit() as client:
        answers.append({**await client.hello(token=token), "id": ""})
    assert answers == [answers[0]] * len(answers)
    assert (answers[0]["code"], answers[0]["status"]) == ("webchat.token", 401)


async def test_w1_a_rotated_secret_still_opens_what_the_previous_one_sealed(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop, shop.visit() as client:
        old = await client.hello()
    changed: dict[str, Any] = {"identity_secret": "a new secret of the same shop", "previous_secret": SECRET}
    async with open_shop(tmp_path, **changed) as shop, shop.visit() as client:
        assert (await client.hello(token=old["token"]))["visitor"] == old["visitor"]


async def test_a_socket_ends_when_its_token_does(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop, shop.visit() as client:
        identity = signed(exp=int(NOON.timestamp()) - 59)  # one second of the leeway is left
        assert (await client.hello(identity=identity))["known"]
        assert await client.ended() == 4401


async def test_w2_a_known_user_is_verified_by_the_shops_jwt_and_has_one_feed_on_every_device(shop: Shop) -> None:
    async with shop.visit() as client:
        first = await client.hello(identity=signed())
        await client.tell("send", text="Hello")
        await client.next()
    async with shop.visit() as client:
        second = await client.hello(identity=signed(), name="Somebody else")
        assert len(await client.resume()) == 2
    assert first["visitor"] == second["visitor"]
    assert first["known"]
    sender = shop.ports.inbound[0].sender
    assert (sender.identity, sender.verification, sender.name) == (IdentityKey("account", "customer-7"), 2, "Li Wei")


@pytest.mark.parametrize("tier", ["vip", "", None])
async def test_w2_the_tier_the_shop_says_comes_with_every_message_and_nobody_else_has_one(
    shop: Shop, tier: str | None
) -> None:
    async with shop.visit() as client:
        token = (await client.hello(identity=signed(tier=tier), tier="gold"))["token"]
        await client.tell("send", text="Hello")
        await client.next()
    async with shop.visit() as client:
        await client.hello(token=token, tier="gold")
        await client.tell("send", text="Back again")
        await client.next()
    async with shop.visit() as client:
        await client.hello(name="Li Wei", tier="gold")
        await client.tell("send", text="It is me")
        await client.next()
    assert [each.sender.tier for each in shop.ports.inbound] == [tier, tier, None]


@pytest.mark.parametrize(
    ("claims", "proven"),
    [
        ({"email": "Anna@X.Example", "email_verified": True}, "Anna@x.example"),
        ({"email": "anna@x.example"}, None),
        ({"email": "anna@x.example", "email_verified": False}, None),
        ({"email": "anna@x.example", "email_verified": "true"}, None),
        ({"email": "anna", "email_verified": True}, None),
        ({"email": ["anna@x.example"], "email_verified": True}, None),
        ({"email_verified": True}, None),
    ],
)
async def test_w2_an_address_the_shop_has_verified_is_proven_and_no_other_is(
    shop: Shop, claims: dict[str, Any], proven: str | None
) -> None:
    async with shop.visit() as client:
        token = (await client.hello(identity=signed(**claims), email="eve@x.example"))["token"]
        await client.tell("send", text="Hello")
        await client.next()
    async with shop.visit() as client:
        await client.hello(token=token)
        await client.tell("send", text="Back again")
        await client.next()
    keys = (IdentityKey("email", proven.casefold()),) if proven is not None else ()
    assert [each.sender.proven for each in shop.ports.inbound] == [keys, keys]


async def test_w2_a_claim_that_is_null_says_nothing(shop: Shop) -> None:
    at = int(NOON.timestamp())
    nothing = dict.fromkeys(("name", "tier", "email", "email_verified"))
    claims = {"aud": "web", "sub": "customer-7", "iat": at, "exp": at + 60} | nothing
    async with shop.visit() as client:
        assert (await client.hello(identity=jwt.encode({"alg": "HS256"}, claims, KEY)))["known"]
        await client.tell("send", text="Hello")
        await client.next()
    sender = shop.ports.inbound[0].sender
    assert (sender.name, sender.tier, sender.proven) == ("", None, ())


async def test_w20_a_token_of_a_version_without_tiers_still_opens(shop: Shop) -> None:
    tokens = Tokens("web", [SECRET.encode()], lambda: shop.now)
    fields = {"v": "a-7", "a": "7", "n": "", "l": None, "c": "", "e": int(shop.now.timestamp()) + 60}
    visitor = tokens.open(tokens._visitors.encrypt_at_time(json.dumps(fields).encode(), 0).decode())
    assert (visitor.account, visitor.tier) == ("7", None)


async def test_a9_typed_names_are_labels_and_an_account_id_cannot_be_typed(shop: Shop) -> None:
    async with shop.visit() as client:
        ack = await client.hello(name="customer-7", visitor="a-customer-7", account="customer-7")
        assert ack["visitor"].startswith("v-")
        await client.tell("send", text="It is me, customer-7")
        await client.next()
    sender = shop.ports.inbound[0].sender
    assert (sender.identity.type, sender.verification, sender.email) == ("web", 0, None)


def unsigned(header: dict[str, str]) -> str:
    """A JWT with any header and no signature at all."""
    claims = {"aud": "web", "sub": "customer-7", "iat": int(NOON.timestamp()), "exp": int(NOON.timestamp()) + 60}
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    return ".".join((*parts, ""))


@pytest.mark.parametrize(
    "identity",
    [
        unsigned({"alg": "none"}),
        unsigned({"alg": "HS256"}),
        signed({"alg": "HS512"}),
        signed({"alg": "RS256"}, RSAKey.generate_key(2048)),
        signed({"alg": "HS256", "kid": "../../dev/null"}, OctKey.import_key("another secret, of a forger")),
        signed(aud="other"),
        signed(aud=None),
        signed(sub=None),
        signed(sub=""),
        signed(sub=7),
        signed(sub="customer\0"),
        signed(tier=7),
        signed(tier="v" * 41),
        signed(tier="v\nip"),
        signed(exp=None),
        signed(iat=None),
        signed(exp=int(NOON.timestamp()) - 61),
        signed(exp=int(NOON.timestamp()) + 86_401),
        signed(iat=int(NOON.timestamp()) + 3600, exp=int(NOON.timestamp()) + 7200),
        signed(exp="tomorrow"),
        signed(nbf=int(NOON.timestamp()) + 3600),
        "a.b.c",
        "nonsense",
    ],
)
async def test_w2_a_jwt_that_does_not_hold_is_refused_alike(shop: Shop, identity: str) -> None:
    async with shop.visit() as client:
        answer = await client.hello(identity=identity)
        assert (answer["code"], answer["status"], answer["text"]) == (
            "webchat.token",
            401,
            "The token is not valid here or has expired: say hello without it.",
        )
        assert await client.ended() == 4401


async def test_w2_after_signing_out_no_token_of_before_works_and_other_windows_close(shop: Shop) -> None:
    identity = signed()
    async with shop.visit() as client, shop.visit() as window:
        token = (await client.hello(identity=identity))["token"]
        await window.hello(token=token)
        shop.later(seconds=10)
        frame = await client.tell("reset")
        assert (await client.next())["id"] == frame
        assert await client.ended() == 4401
        assert await window.ended() == 4401
    for credentials in ({"identity": identity}, {"token": token}):
        async with shop.visit() as client:
            assert (await client.hello(**credentials))["status"] == 401
    status, _ = await shop.post({"v": 1, "type": "send", "id": "1"}, token)
    assert status == 401
    shop.later(seconds=10)
    async with shop.visit() as client:
        fresh = signed(iat=int(shop.now.timestamp()))
        assert (await client.hello(identity=fresh))["known"]


async def test_w2_signing_out_holds_on_every_node(tmp_path: Path) -> None:
    ports = FeedPorts(tmp_path)
    async with open_shop(tmp_path, ports) as shop, shop.visit() as client:
        token = (await client.hello())["token"]
        shop.later(seconds=10)
        await client.tell("reset")
        await client.next()
    async with open_shop(tmp_path, ports) as shop, shop.visit() as client:
        assert (await client.hello(token=token))["status"] == 401


async def test_w18_with_a_consent_text_nobody_gets_in_without_accepting_this_version(tmp_path: Path) -> None:
    async with open_shop(tmp_path, consent="We store what you write.") as shop:
        async with shop.http.get(f"{shop.url}/webchat/web/frame") as answer:
            page = await answer.text()
        version = page.split("&quot;version&quot;:&quot;")[1].split("&quot;")[0]
        async with shop.visit() as client:
            assert (await client.hello())["code"] == "webchat.consent"
            await client.hello(consent=version)
            await client.tell("send", text="Hello")
            await client.next()
    assert shop.ports.arrivals[0].meta == {"consent": version}


@pytest.mark.parametrize(
    "wrong",
    [
        {"origins": ("https://shop.example/",)},
        {"origins": ("https://*.shop.example",)},
        {"origins": ("shop.example",)},
        {"identity_secret": "short"},
        {"colour": "red;} body{display:none"},
        {"id": "Web Chat"},
        {"colr": "#ffffff"},
    ],
)
def test_wrong_settings_are_refused_with_a_remedy(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WebchatSettings.model_validate({"id": "web", "identity_secret": SECRET} | wrong)


async def test_e11_a_typed_name_is_one_line_without_control_or_bidi_characters(shop: Shop) -> None:
    async with shop.visit() as client:
        await client.hello(name="  Li\x00\n Wei\u202e (Support)")
        await client.tell("send", text="Hello")
        await client.next()
    assert shop.ports.inbound[0].sender.name == "Li Wei (Support)"


def test_secrets_are_not_shown() -> None:
    assert SECRET not in repr(WebchatSettings.model_validate({"id": "web", "identity_secret": SECRET}))
