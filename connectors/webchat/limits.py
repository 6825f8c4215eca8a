"""Token buckets: how often a visitor or an IP address may ask (W11). In memory, one node's view."""

import time
from ipaddress import IPv6Address, ip_address

_SWEEP = 4096  # buckets kept before the full ones are forgotten


class Bucket:
    """`burst` at once, then `rate` a second. What is asked for in vain is counted too: see `flooded`."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._level = float(burst)
        self._at = time.monotonic()

    def take(self) -> float:
        """0.0 when there was one left, else the seconds until there is one."""
        now = time.monotonic()
        level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        self._level = max(level - 1.0, -float(self._burst))
        return 0.0 if level >= 1.0 else (1.0 - self._level) / self._rate

    @property
    def flooded(self) -> bool:
        """True after a whole burst was asked for in vain: no honest client does that."""
        return self._level <= 1.0 - self._burst

    @property
    def full(self) -> bool:
        """True when nothing would be lost by forgetting it."""
        return self._level + (time.monotonic() - self._at) * self._rate >= self._burst


class Buckets:
    """One bucket a key, kept as long as it is not full."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, Bucket] = {}

    def of(self, key: str) -> Bucket:
        """The bucket of a key; the same object while anything is missing from it."""
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _SWEEP:
                self._buckets = {each: kept for each, kept in self._buckets.items() if not kept.full}
            bucket = self._buckets[key] = Bucket(self._rate, self._burst)
        return bucket


def client_network(remote: str | None) -> str:
    """What limits per IP address count: an IPv4 address, of IPv6 the /64 that one customer gets."""
    try:
        address = ip_address(remote or "")
    except ValueError:
        return remote or ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return str(address)
