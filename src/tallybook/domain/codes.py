"""Card codes: filled patterns. Codes are bearer secrets, so the characters come from the page's secure source (decision 35)."""

from collections.abc import Callable, Iterable
from itertools import product

from tallybook.domain.config import CodeConfig

DEFAULT_CHARSET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DEFAULT_LENGTH = 8

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
    pattern = pattern or "#" * (length or DEFAULT_LENGTH)
    return CodeConfig(
        length=pattern.count("#"), charset=charset or DEFAULT_CHARSET, pattern=pattern, prefix=prefix or "", postfix=postfix or ""
    )


def space(config: CodeConfig) -> int:
    """How many different codes the pattern can make."""
    return int(len(set(config.charset)) ** config.length)


def make_code(config: CodeConfig, draw: Draw) -> str:
    """A code: each `#` of the pattern replaced by a drawn character."""
    return _filled(config, draw(config.length, config.charset))


def _filled(config: CodeConfig, characters: Iterable[str]) -> str:
    drawn = iter(characters)
    return config.prefix + "".join(next(drawn) if sign == "#" else sign for sign in config.pattern) + config.postfix


def unused_codes(config: CodeConfig, count: int, draw: Draw, taken: Callable[[Iterable[str]], set[str]]) -> list[str]:
    """Up to `count` different codes that nobody has, in no order; fewer when hardly any is left.

    `taken` says which of some codes somebody has.
    """
    if space(config) <= SMALL_SPACE:
        every = [_filled(config, signs) for signs in product(sorted(set(config.charset)), repeat=config.length)]
        free = set(every) - taken(every)
        return sorted(free, key=lambda _: draw(SHUFFLE, DEFAULT_CHARSET))[:count]
    found: set[str] = set()
    for _ in range(ROUNDS):
        missing = count - len(found)
        if not missing:
            break
        drawn = {make_code(config, draw) for _ in range(missing)} - found
        found |= drawn - taken(drawn)
    return list(found)
