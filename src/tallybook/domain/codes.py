"""Card codes: filled patterns. Codes are bearer secrets, so the characters come from the page's secure source (decision 35)."""

from collections.abc import Callable, Iterable
from itertools import product

from tallybook.domain.config import CodeConfig
from tallybook.domain.refusals import InvalidPayload

DEFAULT_CHARSET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DEFAULT_LENGTH = 8

MAX_CHARSET = 256
"""Characters that are drawn from: a random byte chooses among no more."""
MAX_RANDOM = 64
"""Random characters of a code."""
MAX_CODE = 255
"""Characters of a code."""

SMALL_SPACE = 4_096
"""A pattern with no more codes than this is tried code by code, so that its last ones are found too."""
SHUFFLE = 12
"""Random characters by which a small space is put into a random order."""
ROUNDS = 8
"""How often codes are drawn for those that turned out to be taken."""

Draw = Callable[[int, str], str]
"""Gives so many characters of an alphabet."""


def code_config(
    length: int | None, charset: str | None, pattern: str | None, prefix: str | None, postfix: str | None
) -> CodeConfig:
    """A complete configuration. `pattern` outranks `length`; `length` counts only the random characters (semantics 2.1)."""
    pattern = pattern or "#" * min(length or DEFAULT_LENGTH, MAX_RANDOM + 1)  # one too many is enough to be refused
    return CodeConfig(
        length=pattern.count("#"), charset=charset or DEFAULT_CHARSET, pattern=pattern, prefix=prefix or "", postfix=postfix or ""
    )


def check_config(config: CodeConfig, path: str) -> CodeConfig:
    """The same configuration, if codes can be made as it says. Refuses: InvalidPayload."""
    if len(config.charset) > MAX_CHARSET:
        raise InvalidPayload(f"Property {path}.charset must NOT have more than {MAX_CHARSET} characters")
    if not 1 <= config.length <= MAX_RANDOM:
        raise InvalidPayload(f"Property {path}.pattern must contain 1 to {MAX_RANDOM} #")
    if len(config.prefix + config.pattern + config.postfix) > MAX_CODE:
        raise InvalidPayload(f"Property {path} must make codes of at most {MAX_CODE} characters")
    return config


def space(config: CodeConfig) -> int:
    """How many different codes the pattern can make."""
    return int(len(set(config.charset)) ** config.length)


def make_code(config: CodeConfig, draw: Draw) -> str:
    """A code: each `#` of the pattern replaced by a drawn character."""
    return _filled(config, draw(config.length, config.charset[:MAX_CHARSET]))


def _filled(config: CodeConfig, characters: Iterable[str]) -> str:
    drawn = iter(characters)
    return config.prefix + "".join(next(drawn) if sign == "#" else sign for sign in config.pattern) + config.postfix


def unused_codes(config: CodeConfig, count: int, draw: Draw, taken: Callable[[Iterable[str]], set[str]]) -> list[str]:
    """Up to `count` different codes that nobody has, in an order that `draw` alone decides; fewer when hardly any is left.

    `taken` says which of some codes somebody has.
    """
    if space(config) <= SMALL_SPACE:
        every = [_filled(config, signs) for signs in product(sorted(set(config.charset)), repeat=config.length)]
        gone = taken(every)
        free = [code for code in every if code not in gone]
        return sorted(free, key=lambda _: draw(SHUFFLE, DEFAULT_CHARSET))[:count]
    found: dict[str, None] = {}
    for _ in range(ROUNDS):
        missing = count - len(found)
        if not missing:
            break
        drawn = [make_code(config, draw) for _ in range(missing)]
        gone = taken(drawn)
        found |= {code: None for code in drawn if code not in gone}
    return list(found)
