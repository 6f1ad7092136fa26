"""A Chromium and a server, for tests that use a page."""

import contextlib
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from asking import TOKEN

from gan_np.explore.server import address_of, listening_at


def started_chromium() -> Iterator[Any]:
    """A browser while a fixture lives; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason='no Playwright here: pip install "gan_np[browser]"')
    with playwright.sync_playwright() as started:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        try:
            browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium here (playwright install chromium): {str(error).splitlines()[0]}")
        yield browser
        browser.close()


@contextlib.contextmanager
def served_app(app: Any) -> Iterator[str]:
    """The address of an application that is served while the block runs."""
    with listening_at("127.0.0.1", 0) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield address_of(listening, TOKEN)
        finally:
            server.should_exit = True
            thread.join(20)
