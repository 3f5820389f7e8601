"""The signature, with the vectors of Voucherify's documentation (webhooks.md 1.4)."""

import pytest

from tallybook.delivery.signature import sign


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        ('{"a":1}', "a17d2ac229d1ebbb5f10e839c7985c4818e5986eab297f7e5979196d4d7d3ed2"),
        ('{"a\\"b":1}', "f7cf97814a03146abedb9793f56e1dec34f618f82d10395310d053f749483ffb"),
        ("  message  ", "53ff92957e1427ce23ad5bda9d0c5f2f4ff384d0806b83eeacb510c842d3a358"),
    ],
)
def test_documented_vectors(body: str, signature: str) -> None:
    """The signature is the lowercase hex HMAC-SHA256 of the bytes as they are, blanks included."""
    assert sign(body.encode(), "secretKey") == signature


def test_utf8() -> None:
    """Secret and body are signed as UTF-8."""
    assert sign("{“é”}".encode(), "schlüssel") == "d6b92bd064eb0c9a412c3f520947618d5b74b4a7ed2e1871637a9a662b51c806"
