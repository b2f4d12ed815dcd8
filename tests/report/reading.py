"""Reads an HTML page back with the standard library: elements, tables, text."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "wbr", "hr", "col"}


class Element:
    def __init__(self, name, attributes, parent):
        self.name = name
        self.attributes = attributes
        self.parent = parent
        self.children = []
        self.texts = []

    def all(self, name):
        """Descendants of a name, in order."""
        found = []
        for child in self.children:
            found += [child] if child.name == name else []
            found += child.all(name)
        return found

    def text(self, skip=()):
        parts = []
        for piece in self.texts:
            if isinstance(piece, str):
                parts.append(piece)
            elif piece.name not in skip:
                parts.append(piece.text(skip))
        return "".join(parts)

    def words(self, skip=()):
        return " ".join(self.text(skip).split())


class Page(HTMLParser):
    """The tree of a page; raises AssertionError where tags do not nest."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.root = self.here = Element("", {}, None)
        self.feed(source)
        self.close()
        assert self.here is self.root, f"<{self.here.name}> is never closed"

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs), self.here)
        self.here.children.append(element)
        self.here.texts.append(element)
        if tag not in VOID:
            self.here = element

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.here.name == tag, f"</{tag}> closes <{self.here.name}>"
        self.here = self.here.parent

    def handle_data(self, data):
        self.here.texts.append(data)

    def all(self, name):
        return self.root.all(name)

    def section(self, heading):
        """The section that a heading of the second level opens."""
        (found,) = [s for s in self.all("section") if heading == s.all("h2")[0].words()]
        return found

    def elements(self):
        pending = list(self.root.children)
        while pending:
            element = pending.pop()
            pending += element.children
            yield element


def read_table(within, caption):
    """{row: {column: cell}} of the table with that caption, and {column: small lines of it}."""
    (table,) = [t for t in within.all("table") if t.all("caption")[0].words() == caption]
    head, body = table.all("thead")[0], table.all("tbody")[0]
    columns = [th.words(skip=("small",)) for th in head.all("th")][1:]
    below = [[small.words() for small in th.all("small")] for th in head.all("th")][1:]
    rows = {}
    for tr in body.all("tr"):
        cells = tr.all("td")
        assert len(cells) == len(columns)
        (name,) = [th.words(skip=("svg", "small")) for th in tr.all("th")]
        rows[name] = dict(zip(columns, cells, strict=True))
    return rows, dict(zip(columns, below, strict=True))


def figures_of(cell):
    """What a cell says: its mean, its spread without the sign, its notes, and whether it is best."""
    small = [each.words() for each in cell.all("small")]
    spread = [text.removeprefix("±") for text in small if text.startswith("±")]
    strong = cell.all("strong")
    main = strong[0].words() if strong else cell.words(skip=("small",))
    return main, (spread or [None])[0], [t for t in small if not t.startswith("±")], bool(strong)
