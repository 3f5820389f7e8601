"""Files that come in a form: `multipart/form-data` (RFC 7578)."""

from io import BytesIO

from multipart import MultipartError, MultipartParser, parse_options_header  # type: ignore[import-untyped]

from tallybook.wire.door import BODY_LIMIT, Malformed


def file_of(content_type: str, body: bytes, name: str) -> bytes:
    """The content of the part with this name. Refuses: Malformed for what is no such form, or has no such part."""
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise Malformed("Payload must be multipart/form-data")
    try:
        parser = MultipartParser(BytesIO(body), options["boundary"], len(body), spool_limit=BODY_LIMIT, strict=True)
        part = parser.get(name)
    except MultipartError as broken:
        raise Malformed(f"Payload must be multipart/form-data. {broken}") from None
    if part is None:
        raise Malformed(f"Payload should have required property '{name}'")
    return bytes(part.raw)
