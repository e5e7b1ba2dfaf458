"""The report of a job as one HTML page with pictures."""

from train.report.page import report_page

__all__ = ["report_page"]
