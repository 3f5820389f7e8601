"""Reading a picture the way a till does: PNG to pixels, pixels to what the code says."""

import struct
import zlib

import zxingcpp


def read_code(png: bytes) -> tuple[str, str]:
    """The kind of the one code in a black and white picture, and its text."""
    (found,) = zxingcpp.read_barcodes(_pixels(png))
    return found.format.name, found.text


def _pixels(png: bytes) -> memoryview:
    chunks = _chunks(png)
    width, height, depth, colours, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colours) == (1, 0), "not one bit of grey"
    lines = zlib.decompress(chunks[b"IDAT"])
    size = 1 + (width + 7) // 8
    assert len(lines) == size * height
    pixels, above = bytearray(), bytes(size - 1)
    for start in range(0, len(lines), size):
        line = lines[start + 1 : start + size]
        if lines[start] == 2:  # told as the difference to the line above
            line = bytes((one + up) % 256 for one, up in zip(line, above, strict=True))
        else:
            assert lines[start] == 0
        pixels += bytes(255 * (line[x // 8] >> (7 - x % 8) & 1) for x in range(width))
        above = line
    return memoryview(bytes(pixels)).cast("B", shape=(height, width))


def _chunks(png: bytes) -> dict[bytes, bytes]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert png[at + 8 + size : at + 12 + size] == struct.pack(">I", zlib.crc32(kind + content))
        chunks[kind], at = content, at + 12 + size
    return chunks
