"""Reports: dependencies as one HTML file that opens anywhere, without a network."""

from covlasso.report.followed import followed
from covlasso.report.samples import has_pillow
from covlasso.report.write import is_report, write_report

__all__ = ["followed", "has_pillow", "is_report", "write_report"]
