"""A real browser without a screen: Debian's Chromium, led by its own driver. It goes nowhere but to loopback."""

from __future__ import annotations

import base64
import shutil
import tempfile
from typing import TYPE_CHECKING, Self

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from tests.servers.machine import ServerMissing, program

if TYPE_CHECKING:
    from pathlib import Path

    from selenium.webdriver.remote.webelement import WebElement

    from tests.servers.tracenv import Tracd

WIDTH = 1180
_HEIGHT = 900
_PATIENCE = 60
_ARRIVED = "return window.mailintakeLeft === undefined && document.readyState === 'complete'"
_SWITCHES = (
    *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"),
    *("disable-component-update", "disable-sync", "disable-extensions", "hide-scrollbars", "lang=en"),
    *("force-device-scale-factor=1", "disable-lcd-text", "font-render-hinting=none"),
)


class Chromium:
    """The browser. `open` shows pages of one tracd after the other; each begins logged out."""

    def __enter__(self) -> Self:
        """Start; raises ServerMissing."""
        binary, driver = _chromium(), program("chromedriver", "/usr/lib/chromium", "/usr/bin")
        self._profile = tempfile.mkdtemp(prefix="mailintake-chromium-")
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        for switch in (*_SWITCHES, f"user-data-dir={self._profile}", f"window-size={WIDTH},{_HEIGHT}"):
            options.add_argument(f"--{switch}")
        self.driver = webdriver.Chrome(options=options, service=Service(executable_path=driver))
        self.driver.set_page_load_timeout(60)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and remove everything."""
        self.driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)

    def visit(self, tracd: Tracd, user: str = "") -> Tab:
        """Begin anew at a site, logged in as `user`, or as nobody."""
        visitor = tracd.visitor(user)
        visitor.get("/about")
        # Set before the site is seen: an answer to a request without cookies, such as for an icon, brings others.
        self.driver.get("about:blank")
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        for name, value in visitor.cookies.items():
            self.driver.execute_cdp_cmd("Network.setCookie", {"url": tracd.url, "name": name, "value": value})
        return Tab(self.driver, tracd.url)


class Tab:
    """What a person does in a browser: go, read, type, choose, press."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    # read

    @property
    def source(self) -> str:
        """The page as the server sent it, and as scripts have changed it."""
        return self.driver.page_source

    @property
    def text(self) -> str:
        """What can be read on the page."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    @property
    def path(self) -> str:
        """Where we are, without the host."""
        return self.driver.current_url.removeprefix(self.url)

    @property
    def notices(self) -> str:
        """What Trac says in green."""
        return self._said("notice")

    @property
    def warnings(self) -> str:
        """What Trac says in yellow."""
        return self._said("warning")

    def _said(self, kind: str) -> str:
        return "\n".join(each.text for each in self.all(f".system-message.{kind}, #{kind}"))

    def find(self, selector: str) -> WebElement:
        """The first element that the CSS selector means; raises NoSuchElementException."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """All that it means."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.find(f"[name='{name}']").get_attribute("value") or ""

    def error(self, name: str) -> str:
        """What is said beside a field, "" for nothing."""
        return "".join(each.text for each in self.all(f"#error-{name}"))

    # act

    def go(self, path: str) -> Tab:
        """Open a page."""
        self.driver.get(self.url + path)
        return self

    def fill(self, **fields: str | bool) -> Tab:
        """Type into fields, choose from lists, tick boxes, by the names of the fields."""
        for name, value in fields.items():
            element = self.find(f"#tabcontent form:not(#mailintake-choice) [name='{name}']:not([type=hidden])")
            if isinstance(value, bool):
                if element.is_selected() is not value:
                    element.click()
            elif element.tag_name == "select":
                Select(element).select_by_value(value)
            else:
                if element.get_attribute("type") != "file":
                    element.clear()
                element.send_keys(value)
        return self

    def press(self, label: str, within: str = "#tabcontent") -> Tab:
        """Press the button with this label."""
        for element in self.all(f"{within} input[type=submit], {within} button"):
            if label in (element.get_attribute("value"), element.text):
                self._leave(element)
                return self
        message = f"there is no button {label!r} on {self.path}"
        raise AssertionError(message)

    def follow(self, label: str, within: str = "body") -> Tab:
        """Follow the link with this text."""
        for element in self.all(f"{within} a"):
            if element.text == label:
                self._leave(element)
                return self
        message = f"there is no link {label!r} on {self.path}"
        raise AssertionError(message)

    def hit(self, selector: str) -> Tab:
        """Press the button, or follow the link, that the CSS selector means."""
        self._leave(self.find(selector))
        return self

    def tick(self, *values: str) -> Tab:
        """Tick the boxes in front of rows."""
        for value in values:
            self.find(f"input[name=sel][value='{value}']").click()
        return self

    def _leave(self, element: WebElement) -> None:
        """Click, and wait until another page has come: a click alone does not wait for a form's answer."""
        self.driver.execute_script("window.mailintakeLeft = false")
        element.click()
        WebDriverWait(self.driver, _PATIENCE, poll_frequency=0.05).until(lambda driver: driver.execute_script(_ARRIVED))

    # show

    def picture(self, path: Path, *, tallest: int = 1500) -> None:
        """The page as a PNG, from its top to its end, but no more than `tallest` pixels of it."""
        height = int(self.driver.execute_script("return document.getElementById('footer').offsetTop"))
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": min(height, tallest), "scale": 1}
        wanted = {"format": "png", "captureBeyondViewport": True, "clip": clip}
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", wanted)
        path.write_bytes(base64.b64decode(shot["data"]))


def _chromium() -> str:
    """Debian's name, or that of others; raises ServerMissing."""
    try:
        return program("chromium")
    except ServerMissing:
        return program("chromium-browser")
