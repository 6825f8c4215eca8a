"""Who really asks, behind a proxy: `X-Forwarded-For` is believed from trusted proxies only (A11)."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

Network = IPv4Network | IPv6Network


def forwarded(proxies: Sequence[Network]) -> Middleware:
    """Puts the address of the right-most hop that is no trusted proxy in the place of the proxy's own."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        hops = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        return await handler(request.clone(remote=origin(request.remote or "", hops, proxies)))

    return middleware


def origin(peer: str, hops: Sequence[str], proxies: Sequence[Network]) -> str:
    """The address behind `peer`; `hops` as the proxies wrote them, the nearest last. What is no address ends it."""
    nearest = peer
    for hop in reversed(hops):
        if not _is_trusted(nearest, proxies):
            break
        try:
            nearest = str(ip_address(hop.strip()))
        except ValueError:
            break
    return nearest


def _is_trusted(address: str, proxies: Sequence[Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in proxies)
