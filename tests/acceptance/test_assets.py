"""Pictures of a card's code: behind their addresses, for everybody who has one, and for nobody else."""

import http.client
from urllib.parse import urlsplit

import pytest

from tests.acceptance.official import Client
from tests.acceptance.shop import Shop
from tests.picture import read_code


def fetch(url: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what lies there; no key is sent."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, parts.path)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def test_the_pictures_of_a_card(shop: Shop) -> None:
    """A scanner reads the code from both, and they may be kept by whoever looks at them."""
    card = shop.join(shop.programme().id)
    for name, kind in (("qr", "QRCode"), ("barcode", "Code128")):
        status, headers, body = fetch(getattr(card.assets, name).url)
        assert (status, headers["content-type"], read_code(body)) == (200, "image/png", (kind, card.code))
        assert headers["cache-control"] == "private, max-age=31536000, immutable"
        assert fetch(getattr(card.assets, name).url, "HEAD")[::2] == (200, b"")
        assert fetch(getattr(card.assets, name).url)[2] == body


def test_addresses_stay(client: Client, shop: Shop) -> None:
    """Whatever happens to the card."""
    card = shop.join(shop.programme().id)
    client.vouchers.disable_voucher(card.code)
    client.ask("PUT", f"/v1/vouchers/{card.code}", {"metadata": {"a": 1}})
    assert client.get(f"/v1/vouchers/{card.code}")["assets"] == client.get(f"/v1/loyalties/members/{card.code}")["assets"]
    assert client.get(f"/v1/vouchers/{card.code}")["assets"]["qr"] == card.assets.qr.model_dump()


@pytest.mark.parametrize("name", ["qr", "barcode"])
def test_a_wrong_address(client: Client, shop: Shop, name: str) -> None:
    """A changed signature, another picture's, another card's, none, and a deleted card: 404 each."""
    campaign = shop.programme()
    card, other = shop.join(campaign.id), shop.join(campaign.id)
    url = getattr(card.assets, name).url
    turned = "0" if url[-5] != "0" else "1"
    theirs = getattr(other.assets, "barcode" if name == "qr" else "qr").url
    for wrong in (
        f"{url[:-5]}{turned}.png",
        url.removesuffix(".png"),
        url.replace(card.id, other.id),
        url.replace(card.id, "v_none"),
        url.replace(card.id, "v_%00"),
        url.replace(url.rpartition("/")[2], theirs.rpartition("/")[2]),
    ):
        status, headers, _ = fetch(wrong)
        assert (status, headers["content-type"]) == (404, "application/json"), wrong
    client.vouchers.delete_voucher(card.code)
    assert fetch(url)[0] == 404


def test_no_barcode_of_other_scripts(client: Client, shop: Shop) -> None:
    """The QR code says any text; Code 128 says ASCII alone."""
    campaign = shop.programme()
    assets = client.ask("POST", f"/v1/campaigns/{campaign.id}/vouchers/kod-%C5%BC-{shop.name('x')}", {}).json["assets"]
    assert [fetch(assets[name]["url"])[0] for name in ("qr", "barcode")] == [200, 404]
