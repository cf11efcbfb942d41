"""Pictures and sounds for the demo's articles, generated: nothing is copied, nothing is downloaded."""

from __future__ import annotations

import math
import struct
import wave
import zlib
from functools import cache
from hashlib import blake2b
from io import BytesIO


def roll(*key: object) -> int:
    """A number that is as good as random, and the same for the same key on every machine."""
    return int.from_bytes(blake2b("/".join(map(str, key)).encode(), digest_size=6).digest())


def get_picture_path(key: str) -> str:
    """Every other picture or so is a PNG, the rest are SVG."""
    return f"/pictures/{key}.{'png' if roll('kind', key) % 2 else 'svg'}"


def render_svg(key: str, *, width: int = 640, height: int = 360) -> bytes:
    """An evening sky over hills, in the colours that the key happens to give."""
    hue = roll("hue", key) % 360
    x, y, radius = (roll("sun", key, axis) for axis in "xyr")
    at = f'cx="{80 + x % (width - 160)}" cy="{60 + y % 120}" r="{26 + radius % 40}"'
    sun = f'<circle {at} fill="#fff" opacity=".7"/>'
    hills = ""
    for place, level in enumerate((190, 235, 285)):
        left, middle, right = (level + roll("hill", key, place, end) % 90 - 45 for end in range(3))
        path = f"M0 {left}Q{width // 4} {level - 60} {width // 2} {middle}T{width} {right}V{height}H0Z"
        hills += (
            f'<path d="{path}" fill="hsl({(hue + 20 * place) % 360} 38% {52 - 13 * place}%)" opacity=".85"/>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}">'
        '<defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">'
        f'<stop offset="0" stop-color="hsl({(hue + 200) % 360} 45% 66%)"/>'
        f'<stop offset="1" stop-color="hsl({(hue + 30) % 360} 70% 86%)"/></linearGradient></defs>'
        f'<rect width="{width}" height="{height}" fill="url(#sky)"/>{sun}{hills}</svg>'
    ).encode()


def render_png(key: str, *, width: int = 640, height: int = 360) -> bytes:
    """Slow waves between two colours that the key happens to give, as an indexed PNG."""
    hue = roll("hue", key) % 360 / 60
    near, far = _mix_colour(hue, 0.6), _mix_colour(hue + 0.7, 0.85)
    palette = bytes(
        round(a + (b - a) * place / 255) for place in range(256) for a, b in zip(near, far, strict=True)
    )
    period = 1100 + roll("period", key) % 700
    ramp = bytes(round(127.5 - 127.5 * math.cos(2 * math.pi * x / period)) for x in range(period))
    ramp *= 2 + width // period
    rows = b"".join(
        b"\0" + ramp[offset : offset + width]
        for offset in (round(y * 0.6 + 70 * math.sin(y / 90)) % period for y in range(height))
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _mix_colour(hue: float, light: float) -> tuple[int, int, int]:
    """A soft colour; `hue` from 0 to 6 round the circle, `light` from 0 to 1."""
    waves = (math.cos((hue - turn) * math.pi / 3) for turn in (0, 2, 4))
    red, green, blue = (round(255 * min(1.0, light + 0.14 * one)) for one in waves)
    return red, green, blue


@cache
def render_sound(key: str) -> bytes:
    """One second of a soft tone, WAV."""
    tone = 220 + roll("tone", key) % 220
    samples = bytes(round(128 + 24 * math.sin(2 * math.pi * tone * t / 8000)) for t in range(8000))
    out = BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(samples)
    return out.getvalue()
