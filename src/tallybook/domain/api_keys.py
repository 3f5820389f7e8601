"""Tokens of API keys: long, random, and kept as hashes only."""

import hashlib
import uuid
from collections.abc import Callable

TOKEN_LENGTH = 40
"""Characters of a token, of 62 kinds each: 238 bits."""

Draw = Callable[[int, str], str]


def hash_token(token: str) -> str:
    """What is stored of a token. Tokens are long and random, so one round of SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def draw_key_id(draw: Draw) -> str:
    """A new id of a key: a random UUID, as integrations expect it of an application id."""
    return str(uuid.UUID(draw(32, "0123456789abcdef"), version=4))
