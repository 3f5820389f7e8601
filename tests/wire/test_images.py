"""Pictures of codes: a scanner reads from them what the code is."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallybook.wire.images import barcode_png, qr_png
from tests.picture import read_code

ASCII = string.ascii_letters + string.digits + string.punctuation
CODES = ["0", "ab", "12345678", "1234567", "a1234b", "LOYALTY-CARD-xLPbpbXR", "A/B 1", "x" * 255]


@pytest.mark.parametrize("code", [*CODES, "ünïcode-ł€", "お得カード-7"])
def test_a_qr_code_is_read_back(code: str) -> None:
    """Of any text."""
    assert read_code(qr_png(code)) == ("QRCode", code)


@pytest.mark.parametrize("code", CODES)
def test_a_barcode_is_read_back(code: str) -> None:
    """Of any ASCII text."""
    picture = barcode_png(code)
    assert picture is not None
    assert read_code(picture) == ("Code128", code)


@settings(max_examples=40)
@given(st.text(ASCII, min_size=1, max_size=40) | st.text("0123456789a", min_size=1, max_size=20))
def test_any_code_is_read_back(code: str) -> None:
    """Whatever its letters, digits and signs, in whatever order: Code 128 has three alphabets, and changes between them."""
    assert read_code(qr_png(code)) == ("QRCode", code)
    assert read_code(barcode_png(code) or b"") == ("Code128", code)


def test_there_is_no_barcode_of_other_scripts() -> None:
    """Code 128 knows ASCII alone."""
    assert barcode_png("kod-ż") is None


def test_the_same_code_gives_the_same_picture() -> None:
    """So it may be cached for ever."""
    assert (qr_png("ABC"), barcode_png("ABC")) == (qr_png("ABC"), barcode_png("ABC"))
