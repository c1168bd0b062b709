"""Reading one picture or video of a request as strictly as the documentation does: by its bytes, or by its address."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .protocol import BodyLimits, Refusal, invalid

if TYPE_CHECKING:
    from .models import Model

_DATA_URI = re.compile(r"data:(image|video|audio)/([\w.+-]+);base64,", re.ASCII)
_SYNONYMS = {
    "jpg": "jpeg",
    "tif": "tiff",
    "x-icon": "ico",
    "vnd.microsoft.icon": "ico",
    "x-ms-bmp": "bmp",
    "x-icns": "icns",
    "x-sgi": "sgi",
    "rgb": "sgi",
}
_SUFFIX = re.compile(r"\.([A-Za-z0-9]{2,5})$")
# An address may end in anything (".php", ".com"); only endings that are known to be media formats say something.
_OTHER_MEDIA = frozenset({"gif", "svg", "heic", "avif", "psd", "pdf", "mp3", "wav", "wmv", "3gp", "ogg"})


def sniff_image(data: bytes) -> str | None:
    """Return the picture format that the first bytes announce, or None.

    A DIB is a BMP without its 14-byte file head, so it begins with the size of the next head, 40.
    """
    heads = {
        b"\xff\xd8\xff": "jpeg",
        b"\x89PNG\r\n\x1a\n": "png",
        b"BM": "bmp",
        b"II*\x00": "tiff",
        b"MM\x00*": "tiff",
        b"\x00\x00\x01\x00": "ico",
        b"\x28\x00\x00\x00": "dib",
        b"icns": "icns",
        b"\x01\xda": "sgi",
        b"GIF8": "gif",
    }
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return next((name for head, name in heads.items() if data.startswith(head)), None)


def image_bytes(value: object, model: Model, where: str, body_limits: BodyLimits) -> bytes:
    """Return what identifies a picture: the bytes of its data URI, or its URL.

    Raises
    ------
    Refusal
        If it is neither, or is too large, or is in a format that the model does not take.
    """
    if not isinstance(value, str) or not value:
        raise invalid(f"{where} must be a URL or a Base64 data URI.")
    if not value.startswith("data:"):
        return address_bytes(value, model.image_formats, where)
    match = _DATA_URI.match(value)
    if match is None or match[1] != "image":
        raise invalid(f"{where} must look like data:image/{{format}};base64,{{data}}.")
    encoded = value[match.end() :]
    if len(encoded) > body_limits.base64_item:
        raise Refusal(413, "BadRequest.TooLarge", f"{where} holds more than {body_limits.base64_item} Base64 bytes.")
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise invalid(f"{where} is not valid Base64: {error}.", "InvalidParameter.DataInspection") from error
    declared = match[2].lower()
    check_image(data, model, where, declared=_SYNONYMS.get(declared, declared))
    return data


def check_image(data: bytes, model: Model, where: str, *, declared: str | None = None) -> None:
    """Refuse a picture that is too large for the model, in another format, or not in the format it is said to be in."""
    found = sniff_image(data)
    if found is None or found not in model.image_formats:
        raise invalid(
            f"{where} is in the format {found}; {model.name} takes {sorted(model.image_formats)}.",
            "InvalidParameter.DataInspection",
        )
    if declared is not None and declared != found and {declared, found} != {"bmp", "dib"}:
        raise invalid(f"{where} says {declared} but holds {found}.", "InvalidParameter.DataInspection")
    if len(data) > model.image_bytes:
        raise invalid(f"{where} has {len(data)} bytes; {model.name} takes at most {model.image_bytes}.")


def address_bytes(value: object, formats: frozenset[str], where: str) -> bytes:
    """Return the bytes of a public address; its ending, where it names a media format, must be an allowed one."""
    if not isinstance(value, str) or not value:
        raise invalid(f"{where} must be a URL.")
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise invalid(f"{where}: url error, please check url!", "InvalidURL") from error
    if parts.scheme not in {"http", "https"} or not parts.netloc or re.search(r"\s", value):
        raise invalid(f"{where}: url error, please check url!", "InvalidURL")
    match = _SUFFIX.search(parts.path)
    suffix = _SYNONYMS.get(match[1].lower(), match[1].lower()) if match else ""
    if suffix in _OTHER_MEDIA - formats or (suffix in _KNOWN_MEDIA and suffix not in formats):
        raise invalid(f"{where} is a {suffix} file; allowed are {sorted(formats)}.", "InvalidParameter.DataInspection")
    return value.encode()


_KNOWN_MEDIA = frozenset(
    "jpeg png webp bmp tiff ico dib icns sgi mp4 mpeg mov mpg webm avi flv mkv".split()  # noqa: SIM905  # reads better
)
