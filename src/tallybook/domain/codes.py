"""Card codes: filled patterns. Codes are bearer secrets, so the characters come from the page's secure source (decision 35)."""

from collections.abc import Callable

from tallybook.domain.config import CodeConfig

DEFAULT_CHARSET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DEFAULT_LENGTH = 8


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


def make_code(config: CodeConfig, draw: Callable[[int, str], str]) -> str:
    """A code: each `#` of the pattern replaced by a drawn character."""
    drawn = iter(draw(config.length, config.charset))
    return config.prefix + "".join(next(drawn) if sign == "#" else sign for sign in config.pattern) + config.postfix
