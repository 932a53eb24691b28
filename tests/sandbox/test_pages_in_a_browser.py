"""The hosted pages in Chromium: every button leads where it says, nothing is out of reach."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright

from tests.sandbox.scenes import Scenes, session_params
from tests.sandbox.server import SandboxServer

pytestmark = pytest.mark.browser

PHONE, DESK = (360, 740), (1280, 900)


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    installed = shutil.which("chromium")
    if installed is None:
        pytest.skip("NO CHROMIUM: apt-get install chromium")
    browser = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture
def merchant() -> Iterator[str]:
    """Another origin for the pages to lead back to."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>merchant</title>")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=[("light", DESK), ("dark", PHONE)], ids=["desk", "phone"])
def screen(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that must log nothing to the console."""
    scheme: Literal["dark", "light"] = request.param[0]
    width, height = request.param[1]
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    yield page
    context.close()
    assert said == []


def judge(page: Page) -> None:
    """No accessibility rule is broken and nothing is wider than the screen."""
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def test_a_payer_is_declined_then_pays_then_leaves(
    scenes: Scenes, sandbox: SandboxServer, merchant: str, screen: Page
) -> None:
    params: Any = session_params(123_456_00)
    params |= {"success_url": f"{merchant}/done?s={{CHECKOUT_SESSION_ID}}"}
    params |= {"cancel_url": f"{merchant}/canceled"}
    session = scenes.client.v1.checkout.sessions.create(params, scenes.key())
    other = scenes.client.v1.checkout.sessions.create(params, scenes.key())

    screen.goto(str(session.url))
    judge(screen)
    press(screen, "Decline the card")
    assert "declined" in screen.get_by_role("alert").inner_text()
    judge(screen)
    press(screen, "Pay USD 123,456.00")
    assert screen.url == f"{merchant}/done?s={session.id}"
    screen.goto(f"{sandbox.url}/checkout/{session.id}")
    judge(screen)
    screen.get_by_role("link", name="Back to the merchant").click()
    assert screen.url == f"{merchant}/done?s={session.id}"

    screen.goto(str(other.url))
    press(screen, "Leave without paying")
    assert screen.url == f"{merchant}/canceled"
    assert len(sandbox.books()["charges"]) == 1


def test_a_payee_completes_onboarding(
    scenes: Scenes, sandbox: SandboxServer, merchant: str, screen: Page
) -> None:
    account = scenes.account(can_be_paid=False)
    urls = {"refresh_url": f"{merchant}/again", "return_url": f"{merchant}/back"}
    onboarding = {"configurations": ["recipient"]} | urls
    params: Any = {
        "account": account,
        "use_case": {"type": "account_onboarding", "account_onboarding": onboarding},
    }
    link = scenes.client.v2.core.account_links.create(params, scenes.key())

    screen.goto(link.url)
    judge(screen)
    screen.get_by_label("Full name").fill("Ada Lovelace")
    screen.get_by_label("Bank account").fill("12")
    press(screen, "Complete onboarding")
    assert screen.url.startswith(sandbox.url)  # the browser itself asks for four digits
    screen.get_by_label("Bank account").fill("4321")
    press(screen, "Complete onboarding")
    assert screen.url == f"{merchant}/back"
    screen.goto(link.url)
    assert screen.url == f"{merchant}/again"

    (kept,) = sandbox.books()["accounts"]
    assert (kept["holder_name"], kept["requirements"]) == ("Ada Lovelace", [])
