"""A real Chromium without a window, driven over the DevTools protocol as a user would: by keys and clicks."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from websockets.sync.client import connect

__all__ = ["Browser", "Page", "chromium"]

_FLAGS = ("--headless=new", "--remote-debugging-port=0", "--no-first-run", "--no-sandbox", "--disable-gpu")
_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--disable-sync")
_KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Home": 36,
    "End": 35,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
_KEYS |= {"PageUp": 33, "PageDown": 34, " ": 32}
_DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_SECONDS = 60.0  # for a browser that starts or a page that answers


def chromium() -> str | None:
    """Where Chromium is, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One Chromium with a profile of its own, which is gone afterwards."""

    def __init__(self, program: str) -> None:
        self._program, self._numbers = program, count(1)
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Browser:
        with ExitStack() as stack:
            profile = Path(stack.enter_context(TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)))
            command = [self._program, *_FLAGS, *_QUIET, f"--user-data-dir={profile}"]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self._process = stack.enter_context(subprocess.Popen(command, **quiet))
            stack.callback(self._process.kill)
            port, path = self._address(profile / "DevToolsActivePort").split()
            # No pings: their thread draws shared random numbers, which property tests of this process must not see.
            address = f"ws://127.0.0.1:{port}{path}"
            self._socket = stack.enter_context(connect(address, max_size=None, proxy=None, ping_interval=None))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def page(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        """A new tab that shares nothing with others."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, context)
        page.look(width, height, dark=dark)
        return page

    def send(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """What a command gives; events that come meanwhile are kept."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self._socket.send(json.dumps(message))
        while True:
            told = json.loads(self._socket.recv(timeout=_SECONDS))
            if told.get("id") != number:
                self.events.append(told)
            elif "error" in told:
                raise RuntimeError(f"{method}: {told['error']}")
            else:
                result: dict[str, Any] = told["result"]
                return result

    def _address(self, file: Path) -> str:
        end = time.monotonic() + _SECONDS
        while not (file.exists() and file.read_text().count("\n")):
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("Chromium does not start")
            time.sleep(0.02)
        return file.read_text()


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        self._browser, self._session, self._context = browser, session, context
        for part in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{part}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command to this tab."""
        return self._browser.send(method, self._session, **parameters)

    def look(self, width: int = 1280, height: int = 900, *, dark: bool = False, still: bool = False) -> None:
        """How large the window is, and what its user prefers."""
        self._width, self._height = width, height
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = {"prefers-color-scheme": "dark" if dark else "light"}
        features["prefers-reduced-motion"] = "reduce" if still else "no-preference"
        self.send("Emulation.setEmulatedMedia", features=[{"name": name, "value": features[name]} for name in features])

    def open(self, url: str) -> None:
        """Go there, and wait until scripts have run."""
        self.send("Page.navigate", url=url)
        self.wait(f"location.href.startsWith({json.dumps(url)}) && document.readyState === 'complete'")

    def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        told = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise RuntimeError(f"{expression}: {told['exceptionDetails']}")
        return told["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + _SECONDS
        while not self.js(f"Boolean({expression})"):
            if time.monotonic() > end:
                raise TimeoutError(f"{expression} did not become true; the page says: {self.text()[:2000]}")
            time.sleep(0.03)

    def text(self, selector: str = "body") -> str:
        """What a reader sees of the first such element."""
        return str(self.js(f"document.querySelector({json.dumps(selector)}).innerText"))

    def click(self, selector: str) -> None:
        """Press and release the left button over the middle of the first such element."""
        where = f"document.querySelector({json.dumps(selector)})"
        self.js(f"{where}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        self.js(_DRAWN)  # what is not drawn yet cannot be hit
        box = self.js(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({where}.getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def hover(self, x: float, y: float) -> None:
        """Move the pointer to that place of the window."""
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def fill(self, selector: str, text: str) -> None:
        """Click into a field and put a text in the place of what it holds."""
        self.click(selector)
        self.js(f"document.querySelector({json.dumps(selector)}).select()")
        self.send("Input.insertText", text=text)

    def key(self, name: str, *, times: int = 1, shift: bool = False) -> None:
        """Press and release a key where the focus is."""
        text = {"Enter": "\r", " ": " "}.get(name, "")
        code = {" ": "Space"}.get(name, name)
        for _ in range(times):
            for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
                number, modifiers = _KEYS[name], 8 if shift else 0
                given = {"text": text} if text and kind == "keyDown" else {}
                self.send(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=name,
                    code=code,
                    windowsVirtualKeyCode=number,
                    modifiers=modifiers,
                    **given,
                )

    def shoot(self, path: Path, *, whole: bool = True, scale: float = 1) -> None:
        """A picture of the whole page, however long, or of what the window shows: PNG, or WebP by the file's name."""
        tall = max(self._height, self.js("document.documentElement.scrollHeight")) if whole else self._height
        given = {"width": self._width, "deviceScaleFactor": scale, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", height=tall, **given)
        kind = {"format": "webp", "quality": 72} if path.suffix == ".webp" else {"format": "png"}
        told = self.send("Page.captureScreenshot", **kind)
        self.send("Emulation.setDeviceMetricsOverride", height=self._height, **{**given, "deviceScaleFactor": 1})
        path.write_bytes(base64.b64decode(told["data"]))

    def of(self, method: str) -> list[dict[str, Any]]:
        """Parameters of the events of that name in this tab so far."""
        self.js("0")  # whatever was sent before has come now
        events = self._browser.events
        return [
            event["params"]
            for event in events
            if (event.get("method"), event.get("sessionId")) == (method, self._session)
        ]

    def close(self) -> None:
        """Close it with all it has stored."""
        self._browser.send("Target.disposeBrowserContext", browserContextId=self._context)
        self.forget()

    def forget(self) -> None:
        """Drop the events so far."""
        self._browser.events.clear()

    def requests(self) -> list[str]:
        """Addresses that the page has asked for."""
        return [event["request"]["url"] for event in self.of("Network.requestWillBeSent")]

    def faults(self) -> list[str]:
        """What the console holds: errors, warnings, exceptions, breaches of the content security policy."""
        logged = [event["entry"]["text"] for event in self.of("Log.entryAdded")]
        thrown = [str(event["exceptionDetails"]) for event in self.of("Runtime.exceptionThrown")]
        return [*logged, *thrown, *(str(event["args"]) for event in self.of("Runtime.consoleAPICalled"))]
