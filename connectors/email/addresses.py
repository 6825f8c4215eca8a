"""Mail addresses: one strict reader for everything that touches an envelope or a header we write (O3, M12)."""

import re

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\x80-\U0010ffff-]+")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class BadAddress(ValueError):
    """Not an address we would put into an envelope; the text is fit for people."""


def split(address: str) -> tuple[str, str]:
    """Local part and A-label domain in lower case; raises BadAddress.

    No quotes, no source routes, no white space or control characters, local part <= 64 octets, the whole <= 254
    (RFC 5321 4.5.3.1). Dots may stand anywhere: some Japanese providers gave such addresses to many people.
    """
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or not local.isprintable():  # no separators, no lone surrogates
        raise BadAddress(f"{address[:80]!r} is not a mail address")
    octets = len(local.encode())
    if octets > 64:
        raise BadAddress(f"the part before the @ of {address[:80]!r} is longer than 64 octets")
    host = host_name(domain)
    if octets + 1 + len(host) > 254:
        raise BadAddress(f"{address[:80]!r} is longer than 254 octets")
    return local, host


def host_name(domain: str) -> str:
    """A domain as lower-case A-labels (O5); raises BadAddress."""
    host = domain.lower()
    if not host.isascii():
        import idna  # only for the rare name: every parse worker would pay for its tables

        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise BadAddress(f"{domain[:80]!r} is not a domain name") from error
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress(f"{domain[:80]!r} is not a domain name")
    return host


def to_envelope(address: str) -> str:
    """The address as it may stand in an envelope: its local part untouched, its domain as A-labels."""
    local, host = split(address)
    return f"{local}@{host}"


def normalise(address: str) -> str:
    """The form identities are compared by: lower case, A-labels; raises BadAddress."""
    return to_envelope(address).lower()


def base(address: str) -> str:
    """The normalised address without a "+detail" in its local part."""
    local, _, host = normalise(address).rpartition("@")
    return f"{local.partition('+')[0] or local}@{host}"
