"""The report of a study: one HTML page that needs no network, no script and no other file."""

from overica.compare.report.write import write_report

__all__ = ["write_report"]
