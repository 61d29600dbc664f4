"""The report: what a backtest found, as one page that needs nothing but a browser."""

from flyball.loop.report.page import render_html

__all__ = ["render_html"]
