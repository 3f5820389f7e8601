"""Where webhooks may go."""

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.delivery.guard import EVERYTHING, METADATA, Guard, Target, TargetRefused, is_public, networks

STRICT = Guard()
OPEN = Guard(EVERYTHING)

INSIDE = [
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://127.255.255.254:8080/x",
    "http://0x7f000001/",
    "http://0x7F.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://2130706433/",
    "http://0/",
    "http://0.0.0.0/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://10.0.0.1/",
    "http://167772161/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.1.1/",
    "http://192.0.0.8/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://198.19.255.255/",
    "http://198.51.100.7/",
    "http://203.0.113.9/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]:8080/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a00:1]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a00:1::1]/",
    "http://[2001::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
]

PUBLIC = [
    "https://8.8.8.8/",
    "https://134744072/",
    "https://172.15.255.255/",
    "https://172.32.0.1/",
    "https://100.128.0.1/",
    "https://[2606:4700::1111]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[64:ff9b::808:808]/",
    "https://[2002:808:808::1]/",
]

METADATA_URLS = [
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254./",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://169.16689662/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fd00:ec2::254]/",
    "http://[FD00:EC2:0::0254]/",
    "http://[fe80::a9fe:a9fe]/",
    "http://169.254.170.2/",
    "http://100.100.100.200/",
]

NOT_URLS = [
    "",
    "example.com",
    "//example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "http://",
    "http:///path",
    "http://:80/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:-1/",
    "http://example.com:http/",
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1\\@example.com/",
    "http://example.com /",
    " http://example.com/",
    "http://exam\nple.com/",
    "http://example.com/a\r\nx-evil: 1",
    "http://exa%6dple.com/",
    "http://%31%32%37.0.0.1/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1/",
    "http://[v1.x]/",
    "http://[127.0.0.1]/",
    "http://example..com/",
    "http://.example.com/",
    "http://-example.com/",
    "http://1.2.3.4.5/",
    "http://256.256.256.256/",
    "http://example.123/",
    "http://08.0.0.1/",
    "http://4294967296/",
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 130 + "com/",
    "http://exa\ud800mple.com/",
    "http://example.com/\ud800",
]


@pytest.mark.parametrize("url", INSIDE)
def test_inside_addresses(url: str) -> None:
    """An address that is not of the public Internet is refused however it is written, and allowed by `1`."""
    with pytest.raises(TargetRefused, match="not a public address"):
        STRICT.target(url)
    assert OPEN.target(url).literal is not None


@pytest.mark.parametrize("url", PUBLIC)
def test_public_addresses(url: str) -> None:
    """A public address passes, also where IPv6 carries it."""
    assert STRICT.target(url).literal is not None


@pytest.mark.parametrize("url", METADATA_URLS)
def test_metadata_addresses(url: str) -> None:
    """The metadata service of a cloud is never sent to, even if every network is allowed."""
    with pytest.raises(TargetRefused, match="metadata service"):
        OPEN.target(url)


@pytest.mark.parametrize("url", NOT_URLS)
def test_what_is_no_url(url: str) -> None:
    """Only http and https URLs with a host, a port from 1 to 65535 and no user name are targets, whatever is allowed."""
    with pytest.raises(TargetRefused):
        OPEN.target(url)


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("http://example.com", Target("http", "example.com", 80, "/", None), "example.com"),
        ("HTTPS://Example.COM./a?b=c#d", Target("https", "example.com", 443, "/a?b=c", None), "example.com"),
        ("https://example.com:443/", Target("https", "example.com", 443, "/", None), "example.com"),
        ("http://example.com:8080?x", Target("http", "example.com", 8080, "/?x", None), "example.com:8080"),
        ("https://bü.example/ü%20?ö", Target("https", "xn--b-eha.example", 443, "/%C3%BC%20?%C3%B6", None), "xn--b-eha.example"),
        ("http://my_host-1.internal/", Target("http", "my_host-1.internal", 80, "/", None), "my_host-1.internal"),
        ("http://134744072/", Target("http", "8.8.8.8", 80, "/", ip_address("8.8.8.8")), "8.8.8.8"),
        ("http://[2600:0::1]:81/", Target("http", "2600::1", 81, "/", ip_address("2600::1")), "[2600::1]:81"),
    ],
)  # fmt: skip
def test_urls_are_taken_apart(url: str, target: Target, authority: str) -> None:
    """A target has one plain form, fit for the request line and the Host header."""
    assert STRICT.target(url) == target
    assert target.authority == authority


def test_allowed_networks() -> None:
    """An allowed network opens itself and nothing else; an IPv4 address is also allowed where IPv6 carries it."""
    guard = Guard(networks("10.1.0.0/16, fd12::/16"))
    for allowed in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "8.8.8.8"):
        guard.check(ip_address(allowed))
    for refused in ("10.2.0.1", "127.0.0.1", "::ffff:10.2.0.1", "fd13::1"):
        with pytest.raises(TargetRefused):
            guard.check(ip_address(refused))


def test_the_setting() -> None:
    """`1` allows everything, CIDRs themselves, nothing nothing; what is no network is an error."""
    assert networks("1") == EVERYTHING
    assert networks(" 10.0.0.0/8,\n ::1/128 ") == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert networks("") == ()
    with pytest.raises(ValueError, match="has host bits set"):
        networks("10.0.0.1/8")


def test_zones_do_not_hide_a_metadata_address() -> None:
    """A zone makes an address unequal to itself, but not to the guard."""
    with pytest.raises(TargetRefused, match="metadata service"):
        OPEN.check(ip_address("fd00:ec2::254%eth0"))


@given(st.ip_addresses())
def test_python_agrees(address: object) -> None:
    """What is public to the guard is global to Python's own table, and no address of a metadata service passes.

    But for 6to4 (2002::/16), of which Python's versions think differently, and the guard as of the IPv4 address in it.
    """
    assert isinstance(address, IPv4Address) or ":" in str(address)
    parsed = ip_address(str(address))
    if is_public(parsed) and getattr(parsed, "sixtofour", None) is None:
        assert parsed.is_global
        assert not parsed.is_multicast


@pytest.mark.parametrize("address", sorted(METADATA, key=str), ids=str)
def test_every_metadata_address_is_refused(address: object) -> None:
    """Each known metadata address is refused with every network allowed."""
    with pytest.raises(TargetRefused):
        OPEN.check(ip_address(str(address)))
