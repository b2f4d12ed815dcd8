"""SVG elements as escaped markup."""

from collections.abc import Iterable

from markupsafe import Markup, escape

Number = float | int


def element(name: str, *children: object, **attributes: object) -> Markup:
    """Return an element; text and attribute values are escaped, markup is kept as it is.

    Underscores in attribute names become hyphens, one at the end is dropped, and attributes that
    are None are left out.  Numbers are written with one decimal, a tenth of a CSS pixel.

    Examples
    --------
    >>> str(element("text", "a < b", x=1.25, class_="tick", dy=None))
    '<text x="1.2" class="tick">a &lt; b</text>'
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _value(value))
        for key, value in attributes.items()
        if value is not None
    )
    if not children:
        return Markup("<{}{}/>").format(name, written)
    return Markup("<{}{}>{}</{}>").format(name, written, join(children), name)


def join(parts: Iterable[object]) -> Markup:
    """Concatenate text and markup."""
    return Markup("").join(escape(part) for part in parts)


def figure(width: Number, height: Number, label: str, *children: object, class_: str) -> Markup:
    """Return an SVG image that scales with its container, and is read aloud as `label`."""
    return element(
        "svg",
        *children,
        class_=class_,
        viewBox=f"0 0 {coordinate(width)} {coordinate(height)}",
        role="img",
        aria_label=label,
    )


def coordinate(value: Number) -> str:
    """Return a coordinate to a tenth, without trailing zeros.

    Examples
    --------
    >>> coordinate(12.04), coordinate(3), coordinate(-0.01)
    ('12', '3', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def points(pairs: Iterable[tuple[Number, Number]]) -> str:
    """Return the vertices of a polyline."""
    return " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in pairs)


def _value(value: object) -> str:
    if isinstance(value, float | int):
        return coordinate(value)
    return str(value)
