"""Pictures made from a name: a cover and a monogram. The same name always looks the same."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from markupsafe import Markup

_WIDTH = 320
_HEIGHT, _HEIGHT_TALL = 120, 360
# Hues that look well in both themes; hues in between turn muddy.
_COVER_HUES = (15, 55, 165, 195, 230, 265, 300, 345)
_MONOGRAM_HUES = (15, 165, 195, 230, 265, 300, 345)


@lru_cache(maxsize=512)
def cover(seed: str, tall: bool = False) -> Markup:
    """An abstract picture for a campaign or brand, as inline SVG for decoration."""
    digest = _digest(seed)
    height = _HEIGHT_TALL if tall else _HEIGHT
    hue = _COVER_HUES[digest[0] % len(_COVER_HUES)]
    far_hue = (hue + 35 + digest[1] % 25) % 360
    gradient = f"cover-{digest.hex()[:10]}-{height}"
    shapes = Markup("").join(_shape(digest, number, hue, height) for number in range(5))
    return Markup(
        '<svg class="cover" viewBox="0 0 {w} {h}" preserveAspectRatio="xMidYMid slice"'
        ' aria-hidden="true" focusable="false">'
        '<defs><linearGradient id="{id}" x1="0" y1="0" x2="1" y2="1">'
        '<stop stop-color="oklch(.72 .14 {hue})"/>'
        '<stop offset="1" stop-color="oklch(.5 .16 {far})"/></linearGradient></defs>'
        '<rect width="{w}" height="{h}" fill="url(#{id})"/>{shapes}</svg>'
    ).format(w=_WIDTH, h=height, id=gradient, hue=hue, far=far_hue, shapes=shapes)


def _shape(digest: bytes, number: int, hue: int, height: int) -> Markup:
    """One translucent circle or tilted square."""
    x = digest[2 + number] * _WIDTH // 255
    y = digest[8 + number] * height // 255
    radius = 24 + digest[14 + number] % 60
    fill = f"oklch({0.6 + 0.06 * number:.2f} .14 {(hue - 20 + 12 * number) % 360})"
    if digest[20 + number] % 3:
        return Markup('<circle cx="{}" cy="{}" r="{}" fill="{}" opacity=".75"/>').format(
            x, y, radius, fill
        )
    return Markup(
        '<rect x="{}" y="{}" width="{}" height="{}" rx="{}" fill="{}" opacity=".7"'
        ' transform="rotate({} {} {})"/>'
    ).format(
        x - radius,
        y - radius,
        2 * radius,
        2 * radius,
        radius // 3,
        fill,
        digest[25 + number] % 90,
        x,
        y,
    )


@lru_cache(maxsize=512)
def monogram(name: str) -> Markup:
    """The first letters of a name on a coloured tile, as inline SVG for decoration."""
    hue = _MONOGRAM_HUES[_digest(name)[0] % len(_MONOGRAM_HUES)]
    letters = "".join(word[0] for word in name.split())[:2].upper()
    return Markup(
        '<svg class="monogram" viewBox="0 0 40 40" aria-hidden="true" focusable="false">'
        '<rect width="40" height="40" rx="12" fill="oklch(.42 .1 {})"/>'
        '<text x="20" y="26" text-anchor="middle" font-size="16" font-weight="700" fill="#fff">'
        "{}</text></svg>"
    ).format(hue, letters)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
