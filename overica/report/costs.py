"""What the fits cost: time, processor time and arithmetic."""

from collections.abc import Callable

from overica.compare.report import numbers
from overica.compare.report.records import Records, number
from overica.compare.report.summary import mean_of
from overica.compare.report.table import Entry, Row, Table

COSTS: dict[str, tuple[str, Callable[[float], str]]] = {
    "fit_seconds": ("wall time", numbers.seconds),
    "fit_cpu_seconds": ("processor time", numbers.seconds),
    "fit_flops": ("FLOPs", numbers.count),
}
"""Field of a record: its heading, and how it is printed."""


def cost_tables(records: Records) -> list[Table]:
    """Mean cost of a fit, method by data set, a table for each of `COSTS` that was measured."""
    tables = []
    for field, (label, write) in COSTS.items():
        rows = []
        found = False
        for method in records.methods:
            entries = []
            for dataset in records.datasets:
                costs = [number(cell.get(field)) for cell in records.of(dataset, method)]
                entries.append(Entry(write(mean_of(costs))))
                found = found or entries[-1].text != numbers.MISSING
            rows.append(Row(records.label(method), entries, method))
        if found:
            caption = f"{label[0].upper()}{label[1:]} of a fit, mean over seeds and levels"
            tables.append(Table(caption, "method", list(records.datasets), rows))
    return tables
