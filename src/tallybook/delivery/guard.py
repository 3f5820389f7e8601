"""Where webhooks may go: the public Internet, the networks that the settings allow, and never a cloud's metadata.

A URL is checked when it is stored (`Guard.target`), and every address again when it is connected to (`Guard.check`): a name
may answer with another address by then. Source: DESIGN section 5.
"""

import re
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urlsplit

import msgspec

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_DEFAULT_PORTS = {"http": 80, "https": 443}

EVERYTHING: tuple[Network, ...] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))

METADATA: frozenset[Address] = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Google (metadata.google.internal), Azure, Oracle, DigitalOcean, Hetzner
        "fd00:ec2::254",  # AWS
        "169.254.170.2",  # AWS: credentials of ECS tasks
        "169.254.170.23",  # AWS: credentials of EKS pods
        "fd00:ec2::23",  # the same
        "100.100.100.200",  # Alibaba
        "fd20:ce::254",  # Google
        "fe80::a9fe:a9fe",  # OpenStack
        "192.0.0.192",  # Oracle, classic
        "168.63.129.16",  # Azure's wire server: a public number that only a virtual machine can reach
    )
)
"""They give away the credentials of the machine, so no setting allows them."""

# Every special-purpose block of IANA's registry from which an answer of the public Internet cannot come.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")  # the only part of IPv6 that is given out as public addresses
_NOT_PUBLIC_V6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))

# IPv6 networks whose addresses stand for an IPv4 address, and how far that lies from the right, in bits.
_STANDS_FOR_V4 = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
# They may carry one as well, but no public address is reached through them.
_MAY_CARRY_V4 = ((IPv6Network("::/96"), 0), (IPv6Network("64:ff9b:1::/48"), 0))

_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_ENDS_IN_A_NUMBER = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)")
_KEPT = "/%:@!$&'()*+,;=~-._?"  # what has a meaning in a path or query, and what is escaped already
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\]")


class TargetRefused(Exception):
    """No webhook is sent there; the message says why in a sentence that may be shown to the owner of the webhook."""


class Target(msgspec.Struct, frozen=True):
    """A URL taken apart. `host` is lower-case ASCII without a trailing dot, `path` starts with / and has the query."""

    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


class Guard(msgspec.Struct, frozen=True):
    """Knows which addresses may be sent to: public ones, and those in the `allowed` networks."""

    allowed: tuple[Network, ...] = ()

    def target(self, url: str) -> Target:
        """The URL taken apart. Asks no name server: a name is judged when it is connected to.

        Refuses (`TargetRefused`): all but http and https, ports outside 1–65535, user names, hosts that cannot be, and
        addresses that `check` refuses, however they are written.
        """
        target = _taken_apart(url)
        if target.literal is not None:
            self.check(target.literal)
        return target

    def check(self, address: Address) -> None:
        """Refuses (`TargetRefused`) an address that may not be connected to."""
        if isinstance(address, IPv6Address):
            address = IPv6Address(int(address))  # without its zone, which would make it unequal to itself
        forms = (address, *_carried(address))
        if any(form in METADATA for form in forms):
            raise TargetRefused(f"{address} is a cloud's metadata service: no webhook is ever sent there.")
        real = _stood_for(address)
        if any(form in network for form in (address, real) for network in self.allowed):
            return
        if not is_public(real):
            raise TargetRefused(f"{address} is not a public address, and its network is not among the allowed ones.")


def networks(text: str) -> tuple[Network, ...]:
    """The allowed networks of a setting: `1` for all, or CIDRs between commas or blanks. ValueError: not a network."""
    if text.strip() == "1":
        return EVERYTHING
    return tuple(ip_network(part) for part in re.split(r"[,\s]+", text) if part)


def is_public(address: Address) -> bool:
    """Whether a machine of the public Internet can have this address."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


def _stood_for(address: Address) -> Address:
    return next(_low_bits(address, _STANDS_FOR_V4), address)


def _carried(address: Address) -> Iterator[Address]:
    yield from _low_bits(address, _STANDS_FOR_V4)
    yield from _low_bits(address, _MAY_CARRY_V4)


def _low_bits(address: Address, forms: tuple[tuple[IPv6Network, int], ...]) -> Iterator[IPv4Address]:
    if isinstance(address, IPv6Address):
        for network, shift in forms:
            if address in network:
                yield IPv4Address((int(address) >> shift) & 0xFFFFFFFF)


def _taken_apart(url: str) -> Target:
    if _NOT_IN_A_URL.search(url):
        raise TargetRefused("A URL has no blanks, control characters or backslashes.")
    try:
        parts = urlsplit(url)
        port = parts.port
        path = quote(parts.path, safe=_KEPT) or "/"
        query = "?" + quote(parts.query, safe=_KEPT) if parts.query else ""
    except ValueError as error:
        raise TargetRefused(f"This is not a URL: {error}.") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise TargetRefused("A webhook's URL starts with http:// or https://.")
    if "@" in parts.netloc:
        raise TargetRefused("A webhook's URL has no user name or password.")
    if port == 0:
        raise TargetRefused("A port is a number from 1 to 65535.")
    host, literal = _host(parts.hostname or "", bracketed="[" in parts.netloc)
    return Target(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], path + query, literal)


def _host(text: str, *, bracketed: bool) -> tuple[str, Address | None]:
    """The host in one plain form, and the address if it is one: 127.0.0.1 is also 0x7f.1, 2130706433 and ①②⑦.1."""
    try:
        if bracketed:
            address = IPv6Address(text)
            if address.scope_id:
                raise TargetRefused("An address with a zone is never public.")
            return str(address), address
        host = text if text.isascii() else text.encode("idna").decode()
    except ValueError as error:
        raise TargetRefused(f"{text!r} is not a host.") from error
    host = host.lower().removesuffix(".")
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise TargetRefused(f"{text!r} is not a host.")
    if not _ENDS_IN_A_NUMBER.fullmatch(host):
        return host, None
    try:
        literal = IPv4Address(socket.inet_aton(host))
    except OSError as error:
        raise TargetRefused(f"{text!r} is not an address.") from error
    return str(literal), literal
