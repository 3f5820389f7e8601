"""Tokens of API keys: long, random, and kept as hashes only."""

import hashlib
from collections.abc import Callable

TOKEN_LENGTH = 40
"""Characters of a token, of 62 kinds each: 238 bits."""

Draw = Callable[[int, str], str]


def hash_token(token: str) -> str:
    """What is stored of a token. Tokens are long and random, so one round of SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def draw_key_id(draw: Draw) -> str:
    """A new id of a key: a random UUID (version 4), as integrations expect it of an application id."""
    drawn = draw(30, "0123456789abcdef")
    variant = draw(1, "89ab")
    return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[12:15]}-{variant}{drawn[15:18]}-{drawn[18:]}"
