"""Card codes: what a pattern makes, and how many there are."""

import itertools
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.codes import DEFAULT_CHARSET, check_config, code_config, make_code, space, unused_codes
from tallybook.domain.config import CodeConfig
from tallybook.domain.refusals import InvalidPayload
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


LIMITS: list[tuple[tuple[int | None, str | None, str | None, str | None, str | None], str | None]] = [
    ((None, None, None, None, None), None),
    ((64, "x" * 256, None, "p" * 100, "q" * 91), None),
    ((None, "x" * 257, None, None, None), ".charset must NOT have more than 256 characters"),
    ((None, None, "none", None, None), ".pattern must contain 1 to 64 #"),
    ((None, None, "#" * 65, None, None), ".pattern must contain 1 to 64 #"),
    ((64, None, None, "p" * 100, "q" * 92), " must make codes of at most 255 characters"),
]


@pytest.mark.parametrize(("said", "wrong"), LIMITS)
def test_what_codes_cannot_be_made_of(
    said: tuple[int | None, str | None, str | None, str | None, str | None], wrong: str | None
) -> None:
    """A charset that a byte cannot choose from, a pattern without places or with too many, and a code too long are refused."""
    config = code_config(*said)
    if wrong is None:
        assert check_config(config, ".code_config") == config
        return
    with pytest.raises(InvalidPayload) as refusal:
        check_config(config, ".code_config")
    assert str(refusal.value) == f"Property .code_config{wrong}"


@given(
    charset=st.text("abcdefgh", min_size=1, max_size=8),
    places=st.integers(1, 2),
    held=st.integers(0, 64),
    wanted=st.integers(0, 80),
)
def test_the_last_codes_of_a_small_space_are_found(charset: str, places: int, held: int, wanted: int) -> None:
    """As many different codes that nobody has as are wanted, or all there are left."""
    config = code_config(places, charset, None, "X-", None)
    every = sorted({make_code(config, lambda _n, _c, drawn=drawn: "".join(drawn)) for drawn in itertools.product(charset, repeat=places)})  # type: ignore[misc] # fmt: skip # noqa: E501
    taken = set(every[:held])
    found = unused_codes(config, wanted, Ids(1).random, lambda codes: taken & set(codes))
    assert len(found) == len(set(found)) == min(wanted, len(every) - len(taken))
    assert set(found) <= set(every) - taken


def test_unused_codes_of_a_large_space() -> None:
    """Where most codes are free the wanted number is drawn, none of them taken."""
    config = code_config(10, None, None, None, None)
    found = unused_codes(config, 300, Ids(1).random, lambda codes: {code for code in codes if code < "5"})
    assert len(found) == len(set(found)) == 300
    assert all(code >= "5" for code in found)


def test_a_charset_that_is_refused_ends_all_the_same() -> None:
    """Codes that are drawn before the refusal is said come from the first 256 characters of the charset."""
    config = code_config(4, "".join(map(chr, range(0x4E00, 0x4E00 + 300))), None, None, None)
    assert all(ord(sign) < 0x4E00 + 256 for sign in make_code(config, Ids(1).random))


def test_codes_are_drawn_from_the_charset() -> None:
    """Real codes have the length and the characters of their configuration, and differ."""
    ids, config = Ids(1, secrets.token_bytes), code_config(12, "abcdef0123", None, "X", None)
    codes = {make_code(config, ids.random) for _ in range(200)}
    assert len(codes) == 200
    assert all(code[0] == "X" and len(code) == 13 and set(code[1:]) <= set(config.charset) for code in codes)


def test_a_length_of_any_number_takes_no_memory() -> None:
    """It is refused without being written out."""
    with pytest.raises(InvalidPayload):
        check_config(code_config(2**53 - 1, None, None, None, None), ".code_config")
