"""The top of the page: title, verdict, and what is missing."""

from overica.compare.report.records import Records


def title(records: Records) -> str:
    """How much was compared."""
    sets, methods = len(records.datasets), len(records.methods)
    return (
        f"{methods} method{'s' * (methods != 1)} on {sets} data set{'s' * (sets != 1)} "
        "with known truth"
    )


def verdict(records: Records) -> tuple[str, list[tuple[str, str]]]:
    """The headline, and what is found on each data set; what is about none has an empty name."""
    if not records.cells:
        return "", []
    headline, *sentences = (_unbroken(text) for text in records.results.verdict())
    found: dict[str, list[str]] = {}
    for sentence in sentences:
        name, _, text = sentence.partition(": ")
        known = name in records.datasets
        found.setdefault(name if known else "", []).append(_capital(text if known else sentence))
    return _capital(headline), [(name, " ".join(texts)) for name, texts in found.items()]


def _unbroken(text: str) -> str:
    """Keep a percent sign on the line of its number."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def notices(records: Records) -> list[str]:
    """What a reader must know before trusting the tables."""
    told = []
    expected = records.results.header.get("cells")
    if isinstance(expected, int) and expected > len(records.cells):
        told.append(
            f"The study is not finished: {len(records.cells)} of {expected} cells have a record. "
            "Run the same command again to continue it."
        )
    if not records.succeeded:
        told.append("No cell has figures yet, so the tables below are empty.")
    return told
