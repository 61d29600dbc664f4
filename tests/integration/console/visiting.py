"""What the tests of the pages about runs and models do in the browser, and look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.browser.chromium import Browser

FITS = """
const found = [], wide = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > wide) found.push('the page scrolls to the side');
for (const item of document.querySelectorAll('.panel, .bar > *, .page-head, .runs-tools > *, .plot svg, .facts dd, .values, .notice')) {
  if (item.closest('.across-scroll, .table-scroll')) continue;
  if (item.getBoundingClientRect().right > wide + 0.5) found.push('outside: ' + item.className);
}
return found;
"""
"""What does not fit into a page of that width, in words."""
ROWS = """
return [...document.querySelectorAll('.runs-grid .ag-center-cols-container .ag-row')]
  .filter(row => row.querySelector('.run-link')).sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
  .map(row => Object.fromEntries([...row.querySelectorAll('.ag-cell')].map(cell => [cell.getAttribute('col-id'), cell.textContent])));
"""


@dataclass(frozen=True)
class Visit:
    """A browser that is logged in at the console."""

    browser: Browser
    url: str

    def open(self, path: str, *, width: int = 1280, dark: bool = False) -> Browser:
        """The page at `path`, in a window of that width."""
        self.browser.look(width=width, height=900, dark=dark)
        self.browser.complaints(), self.browser.requested()  # what was before
        self.browser.open(self.url + path)
        return self.browser

    def runs(self, query: str, **look: Any) -> Browser:
        """The table of runs, with its first rows."""
        browser = self.open(f"/runs{query}", **look)
        browser.until(lambda: self.rows() or browser.says("No runs here", 0.1), 60)
        return browser

    def rows(self) -> list[dict[str, str]]:
        """The rows that are drawn, by column."""
        found: list[dict[str, str]] = self.browser.run(ROWS)
        return found

    def names(self) -> list[str]:
        """The names in the rows that are drawn."""
        return [row["name"] for row in self.rows()]

    def address(self) -> str:
        """Path and query of the page."""
        return self.browser.chrome.current_url.removeprefix(self.url)

    def chart(self, css: str) -> dict[str, Any]:
        """The option that ECharts holds for the first chart found."""
        script = (
            "const found = document.querySelector(arguments[0]); return found && getElement(Number(found.id.slice(1))).chart?.getOption()"
        )
        found: dict[str, Any] = self.browser.until(lambda: self.browser.run(script, css), 30)
        return found

    def harmed(self) -> bool:
        """Whether a name was taken for markup."""
        return bool(self.browser.run("return !!window.harmed || !!document.querySelector('img[src=x]')"))
