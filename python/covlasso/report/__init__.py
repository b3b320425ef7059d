"""Reports: dependencies as one HTML file that opens anywhere, without a network."""

from covlasso.report.write import write_report

__all__ = ["write_report"]
