"""`make screenshots`: pages of the demo world as PNGs in docs/screenshots, wide and on a phone."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from marketplace.demo.instance import Instance
from marketplace.demo.people import PASSWORD

FOLDER = Path(__file__).parent.parent / "docs" / "screenshots"
WIDE, PHONE = (1280, 800), (390, 844)


@dataclass(frozen=True)
class Shot:
    """A page of one person. `link`: the first link there whose target or text fits is followed."""

    name: str
    email: str
    path: str
    link: str = ""
    month: bool = False  # of a statement: the month that has five kinds of income


SHOTS = (
    Shot("brand-campaigns", "northwind@demo.example", "/brand"),
    Shot("brand-sale", "northwind@demo.example", "/brand/sales", r"#1042"),
    Shot("brand-contest", "kite@demo.example", "/brand/challenges", r"My city before eight"),
    Shot("creator-home", "ines@demo.example", "/creator"),
    Shot("creator-statement", "ines@demo.example", "/creator/statement", month=True),
    Shot("creator-why", "nora@demo.example", "/creator"),
    Shot("operator-ledger", "operator@demo.example", "/operator/ledger"),
)


def main() -> int:
    """Start a demo world of its own and take every picture."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("chromium is missing: apt-get install chromium", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    print("starting a demo world …", flush=True)
    with Instance(demo_world=True) as instance, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for shot in SHOTS:
            for suffix, size in (("", WIDE), ("-phone", PHONE)):
                with _logged_in(browser, instance.url, shot.email, size) as page:
                    _take(page, shot, FOLDER / f"{shot.name}{suffix}.png")
    return 0


@contextmanager
def _logged_in(browser: Browser, site: str, email: str, size: tuple[int, int]) -> Iterator[Page]:
    context = browser.new_context(
        base_url=site,
        color_scheme="light",
        locale="en",
        viewport={"width": size[0], "height": size[1]},
    )
    page = context.new_page()
    page.goto("/login")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    yield page
    context.close()


def _take(page: Page, shot: Shot, file: Path) -> None:
    opened = page.goto(shot.path)
    if opened is None or not opened.ok:
        raise SystemExit(f"{shot.path} is not there")
    if shot.month:
        months = page.locator("[name=month] option").evaluate_all(
            "them => them.map(it => it.value)"
        )
        page.goto(next(path for it in months if _has_all(page, path := f"{shot.path}?month={it}")))
    if shot.link:
        page.get_by_role("link", name=re.compile(shot.link)).first.click(timeout=5_000)
        page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    page.screenshot(path=file, animations="disabled")
    print(f"{file.name}: {file.stat().st_size // 1000} kB", flush=True)


def _has_all(page: Page, path: str) -> bool:
    page.goto(path)
    told = page.locator("main").inner_text()
    kinds = ("Creator fund", "Live gifts", "Flat fee", "Commission", "Prize")
    return all(kind in told for kind in kinds)


if __name__ == "__main__":
    sys.exit(main())
