"""Reports: one HTML page that needs no network, no script and no other file, the same for every kind of study.

`Page` is what a report says, `Section` and `Block` its parts; `tables` sums results up, `figures` draws them in SVG,
`numbers` and `phrases` put figures into words, `write_page` makes the file.
"""

from overica.report.page import Block, Page, Panel, Section, marks_of, notices_of, notices_on
from overica.report.write import REPORT, write_page

__all__ = [
    "REPORT",
    "Block",
    "Page",
    "Panel",
    "Section",
    "marks_of",
    "notices_of",
    "notices_on",
    "write_page",
]
