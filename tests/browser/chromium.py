"""A real Chromium without a window, driven as a person would: clicks, keys and looks. Skips, with the reason, where there is none."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

T = TypeVar("T")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A fresh browser with nothing in it; ended with the block."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("there is no chromium with chromedriver on the PATH; on Debian: apt install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = browser
    for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-proxy-server"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    chrome = Chrome(options=options, service=Service(executable_path=driver))
    try:
        yield Browser(chrome)
    finally:
        chrome.quit()


class Browser:
    """One tab; what it looks for it waits for, at most `patience_seconds`."""

    patience_seconds = 15.0

    def __init__(self, chrome: Chrome) -> None:
        self.chrome = chrome

    def open(self, url: str) -> None:
        """Go there."""
        self.chrome.get(url)

    def look(self, *, width: int = 1440, height: int = 1000, dark: bool = False) -> None:
        """See the page in a window of that size, with that preference of the system."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def until(self, found: Callable[[], T], seconds: float | None = None) -> T:
        """What `found` gives as soon as that is true."""
        wait = WebDriverWait(self.chrome, seconds or self.patience_seconds, 0.1, [StaleElementReferenceException])
        return wait.until(lambda _: found())

    def all(self, css: str) -> list[WebElement]:
        """Every element that is there now."""
        return self.chrome.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str, said: str = "") -> WebElement:
        """The first visible element that says `said`."""
        return self.until(lambda: next((item for item in self.all(css) if item.is_displayed() and said in item.text), None))  # type: ignore[return-value]  # waits until there is one

    def says(self, words: str, seconds: float | None = None) -> bool:
        """Whether the page says `words` within the time."""
        try:
            return self.until(lambda: words in self.run("return document.body.innerText"), seconds)
        except WebDriverException:
            return False

    def run(self, script: str, *arguments: Any) -> Any:
        """What the script returns."""
        return self.chrome.execute_script(script, *arguments)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Keep what is seen; the whole page where asked."""
        path.parent.mkdir(parents=True, exist_ok=True)
        shot = self.chrome.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
        path.write_bytes(base64.b64decode(shot["data"]))

    def requested(self) -> list[str]:
        """Every address that the browser has asked for since the last call, sockets with them."""
        found = []
        for entry in self.chrome.get_log("performance"):  # type: ignore[no-untyped-call]  # selenium does not say
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                found.append(message["params"]["url"])
        return found

    def complaints(self) -> list[str]:
        """What the browser's console has complained of since the last call."""
        return [entry["message"] for entry in self.chrome.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]  # as above
