"""Style sheets, scripts, fonts and icons: ours from `static/`, the others' from their packages."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Flask, current_app, url_for
from lucide.jinja import lucide


def register(app: Flask) -> None:
    """Serve the files, and give templates `asset` and `icon`."""
    ours = Blueprint("assets", __name__, static_folder="static", static_url_path="/static")
    app.register_blueprint(ours)
    app.register_blueprint(_packaged("htmx", "js_lib_htmx", "static/htmx"))
    app.register_blueprint(_packaged("fonts", "font_manrope", "files"))
    app.jinja_env.globals.update(asset=asset, icon=icon)


def _packaged(name: str, package: str, folder: str) -> Blueprint:
    """Files that an installed package brings, found without importing it."""
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / folder
    return Blueprint(name, __name__, static_folder=str(path), static_url_path=f"/assets/{name}")


def asset(blueprint: str, filename: str) -> str:
    """The address of a file, with its fingerprint: browsers may keep it for ever."""
    folder = current_app.blueprints[blueprint].static_folder
    version = _fingerprint(f"{folder}/{filename}")
    return url_for(f"{blueprint}.static", filename=filename, v=version)


@lru_cache
def _fingerprint(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


@lru_cache(maxsize=512)
def icon(name: str, size: int = 20) -> str:
    """A Lucide icon as inline SVG. Icons only accompany words, so screen readers skip them."""
    return lucide(name, size=size, aria_hidden="true", focusable="false")
