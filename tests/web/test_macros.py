"""Every macro renders, keeps what was typed, and names what is wrong to screen readers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask, render_template_string

from marketplace.web.forms import Form
from marketplace.web.paging import Page

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

SHEET = (Path(__file__).parent / "every_part.html").read_text()


def sheet(**errors: str) -> str:
    """A page with everything on it; only in a request."""
    values = {"title": 'a "quoted" <b>', "secret": "hush", "notes": "</textarea>", "country": "BE"}
    form = Form(values | {"zone": "Europe/Paris", "rhythm": "weekly", "opens_on": "2026-11-30"})
    form.errors = errors
    page: Page[object] = Page([], older_url="/?before=x", is_first=False)
    return render_template_string(SHEET, form=form, at=AT, page=page)


@pytest.fixture
def html(app: Flask) -> str:
    with app.test_request_context("/"):
        return sheet(title="Too long.", rhythm="Choose one.", **{"": "All wrong."})


def test_what_was_typed_is_kept_and_stays_text(html: str) -> None:
    assert 'value="a &#34;quoted&#34; &lt;b&gt;"' in html
    assert "&lt;/textarea&gt;" in html
    assert '<option value="BE" selected>' in html
    assert '<option value="Europe/Paris" selected>' in html
    assert 'value="weekly" checked' in html
    assert "hush" not in html, "a password is typed again"


def test_an_error_is_named_to_screen_readers(html: str) -> None:
    assert 'aria-invalid="true" autofocus aria-describedby="f-title-error f-title-hint"' in html
    assert '<p class="error" id="f-title-error">' in html
    assert 'aria-describedby="f-rhythm-error"' in html
    assert 'role="alert"' in html
    assert "3 things need another look" in html
    assert "All wrong." in html


def test_every_form_carries_its_token_and_key(html: str) -> None:
    assert html.count("<form") == html.count('name="csrf_token"')
    assert html.count('name="form_key"') == 2


def test_a_meter_never_shows_more_than_full(html: str) -> None:
    assert '<progress value="20" max="20"' in html


def test_an_instant_is_there_for_machines_too(html: str) -> None:
    assert '<time datetime="2026-11-22T12:00:00+00:00">' in html
