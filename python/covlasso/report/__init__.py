"""Reports: dependencies as one HTML file that opens anywhere, without a network."""

from covlasso.report.write import is_report, write_report

__all__ = ["is_report", "write_report"]
