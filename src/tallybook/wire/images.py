"""Pictures of a card's code: QR code and barcode, as PNG. The same code gives the same picture for ever."""

import io
import struct
import zlib

import segno
from barcode.codex import Code128
from barcode.errors import BarcodeError

QR_SCALE = 8
"""Pixels of a module's side: a card's code makes a picture of some 200 to 300 pixels."""
BAR_WIDTH = 2
"""Pixels of the thinnest bar."""
BAR_HEIGHT = 100
"""Pixels."""
QUIET_ZONE = 10
"""White modules left and right of the bars, as ISO/IEC 15417 asks."""


def qr_png(code: str) -> bytes:
    """The code as a QR code, with its quiet zone. Any text of a code's length fits."""
    picture = io.BytesIO()
    segno.make_qr(code, error="m").save(picture, kind="png", scale=QR_SCALE)
    return picture.getvalue()


def barcode_png(code: str) -> bytes | None:
    """The code as a Code 128 barcode; None for a code with characters that it does not have: it knows ASCII alone."""
    try:
        (bars,) = Code128(code).build()
    except BarcodeError:
        return None
    white = "0" * QUIET_ZONE
    return _png([module == "1" for module in white + bars + white for _ in range(BAR_WIDTH)], BAR_HEIGHT)


def _png(row: list[bool], height: int) -> bytes:
    """A picture of equal rows, `True` for black: one bit for each pixel, grey scale."""
    width = len(row)
    bits = "".join("0" if black else "1" for black in row).ljust(-(-width // 8) * 8, "0")
    line = b"\x00" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = [_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(line * height, 9)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
