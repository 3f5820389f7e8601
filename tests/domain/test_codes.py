"""Card codes: what a pattern makes, and how many there are."""

import itertools
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.codes import DEFAULT_CHARSET, code_config, make_code, space
from tallybook.domain.config import CodeConfig
from tallybook.ids import Ids

SAID = [
    # length, charset, pattern, prefix, postfix, as it is shown
    ((None, None, None, None, None), CodeConfig(length=8, charset=DEFAULT_CHARSET, pattern="########")),
    ((5, None, None, None, None), CodeConfig(length=5, charset=DEFAULT_CHARSET, pattern="#####")),
    ((5, None, "L-CARD-#######", None, None), CodeConfig(length=7, charset=DEFAULT_CHARSET, pattern="L-CARD-#######")),
    ((3, "01", None, "Prolong-", None), CodeConfig(length=3, charset="01", pattern="###", prefix="Prolong-")),
    ((2, "AB", None, "<", ">"), CodeConfig(length=2, charset="AB", pattern="##", prefix="<", postfix=">")),
]


@pytest.mark.parametrize(("said", "shown"), SAID)
def test_a_complete_configuration(
    said: tuple[int | None, str | None, str | None, str | None, str | None], shown: CodeConfig
) -> None:
    """A pattern outranks a length, the length counts drawn characters alone, and the prefix stays outside of the pattern."""
    assert code_config(*said) == shown


CODES = [
    # pattern, prefix, postfix, code with the drawn characters a, b, c …
    ("####", "", "", "abcd"),
    ("L-##-##", "", "", "L-ab-cd"),
    ("##", "pre-", "-post", "pre-ab-post"),
    ("#-fixed", "#", "#", "#a-fixed#"),
]


@pytest.mark.parametrize(("pattern", "prefix", "postfix", "code"), CODES)
def test_a_code_of_a_pattern(pattern: str, prefix: str, postfix: str, code: str) -> None:
    """Each # of the pattern becomes the next drawn character; all else stays, and so do prefix and postfix."""
    config = code_config(None, "abcdefgh", pattern, prefix, postfix)
    assert make_code(config, lambda length, charset: charset[:length]) == code


SPACES = [(None, None, 62**8), ("#", "0123456789", 10), ("A-##", "ab", 4), ("##", "aab", 4), ("none", "ab", 1)]


@pytest.mark.parametrize(("pattern", "charset", "count"), SPACES)
def test_how_many_codes_there_are(pattern: str | None, charset: str | None, count: int) -> None:
    """Different characters to the power of the places that are drawn; a character said twice counts once."""
    assert space(code_config(None, charset, pattern, None, None)) == count


@given(pattern=st.text("#-A", max_size=4), charset=st.text("xyz", min_size=1, max_size=3))
def test_the_space_is_all_that_can_be_drawn(pattern: str, charset: str) -> None:
    """Drawing everything that can be drawn makes exactly as many different codes as the space says."""
    config = code_config(None, charset, pattern or "#", "p", "q")
    drawings = itertools.product(charset, repeat=config.length)
    codes = {make_code(config, lambda _length, _charset, drawn=drawn: "".join(drawn)) for drawn in drawings}  # type: ignore[misc]
    assert len(codes) == space(config)


def test_codes_are_drawn_from_the_charset() -> None:
    """Real codes have the length and the characters of their configuration, and differ."""
    ids, config = Ids(1, secrets.token_bytes), code_config(12, "abcdef0123", None, "X", None)
    codes = {make_code(config, ids.random) for _ in range(200)}
    assert len(codes) == 200
    assert all(code[0] == "X" and len(code) == 13 and set(code[1:]) <= set(config.charset) for code in codes)
