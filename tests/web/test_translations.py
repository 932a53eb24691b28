"""Everything that people read is in the French catalog, and the catalog holds nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import nodes

from marketplace.config import REPOSITORY
from marketplace.web.error_pages import BY_CODE, BY_STATUS
from marketplace.web.language import CATALOGS, DEFAULT, LANGUAGES

TEMPLATES = sorted(
    str(path.relative_to(REPOSITORY / "templates"))
    for path in (REPOSITORY / "templates").rglob("*")
    if path.is_file()
)
OTHERS = [language for language in LANGUAGES if language != DEFAULT]

# Names and units, which are the same in every language.
NAMES = {"Marketplace", "Halcyon", "Outdoors", "HTTP", "SHA", "ms"}
# Pieces of a tag that stand alone.
INSIDE_A_TAG = re.compile(
    r"{% block main_class %}.*?{% endblock %}|{% macro naming.*?{%- endmacro %}", re.DOTALL
)
SPOKEN = re.compile(r"""\b(?:aria-label|alt|placeholder|title|label|content)="([^"{]*)""")


@pytest.fixture(scope="module")
def extracted() -> dict[str, bool]:
    """Every text for people in code and templates, and whether it has a plural."""
    with (REPOSITORY / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)  # type: ignore[no-untyped-call]
    keywords = {**DEFAULT_KEYWORDS, "says": None}
    found = extract_from_dir(REPOSITORY, methods, options, keywords, directory_filter=_ours)
    texts: dict[str, bool] = {}
    for _file, _line, text, _comments, _context in found:
        texts[text if isinstance(text, str) else text[0]] = not isinstance(text, str)
    return texts


def _ours(folder: str) -> bool:
    return Path(folder).name in {"marketplace", "templates"} or bool(
        {"marketplace", "templates"} & set(Path(folder).relative_to(REPOSITORY).parts[:1])
    )


def catalog(language: str) -> Catalog:
    with (CATALOGS / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def messages(language: str) -> dict[str, Message]:
    return {_id(message): message for message in catalog(language) if message.id}


def _id(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(extracted: dict[str, bool], language: str) -> None:
    translated = {
        id
        for id, message in messages(language).items()
        if message.string and all(message.string) and not message.fuzzy
    }
    assert len(extracted) > 100, "the texts were found"
    assert sorted(set(extracted) - translated) == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_translation_is_left_of_a_text_that_is_gone(
    extracted: dict[str, bool], language: str
) -> None:
    assert sorted(set(messages(language)) - set(extracted)) == []
    assert not catalog(language).obsolete


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_same_values_in_it(language: str) -> None:
    named = re.compile(r"%\(\w+\)[a-z]")
    for id, message in messages(language).items():
        if isinstance(message.string, str):
            assert sorted(named.findall(message.string)) == sorted(named.findall(id)), id
        for text in message.string or ():
            assert set(named.findall(text)) <= set(named.findall("".join(message.id))), id


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_has_no_text_of_its_own(app: Flask, name: str) -> None:
    """Letters outside of tags, and in attributes that are read aloud, come from the catalogs."""
    assert app.jinja_env.loader is not None
    source, _, _ = app.jinja_env.loader.get_source(app.jinja_env, name)
    assert list(_untranslated(app, source)) == []


def test_a_text_outside_of_the_catalogs_would_be_seen(app: Flask) -> None:
    assert list(_untranslated(app, '<p title="Hello {{ x }}">Go {{ _("there") }}</p>')) == [
        "Go",
        "Hello",
    ]


def _untranslated(app: Flask, source: str) -> Iterator[str]:
    source = INSIDE_A_TAG.sub("", source)
    tree = app.jinja_env.parse(source)
    plain = " \x00 ".join(data.data for data in tree.find_all(nodes.TemplateData))
    plain = re.sub(r"<(script|style)\b.*?</\1>", "", plain, flags=re.DOTALL)
    spoken = " ".join(
        text for text in SPOKEN.findall(source) if not text.startswith(("width", "light"))
    )
    # A tag may have expressions inside, so it may end in another piece than it began in.
    for text in (re.sub(r"<[^>]*>", " ", plain), spoken):
        for word in re.findall(r"(?<![&#\w-])[^\W\d_]{2,}(?![\w;]*;)", text):
            if word not in NAMES:
                yield word


@pytest.mark.parametrize("path", ["/", "/signup", "/signup/brand", "/signup/creator", "/login"])
def test_a_page_in_french_shares_no_sentence_with_the_english_one(
    client: FlaskClient, path: str
) -> None:
    english, french = (_sentences(client, path, language) for language in ("en", "fr"))
    assert len(english) > 3
    assert english & french == set()


def _sentences(client: FlaskClient, path: str, language: str) -> set[str]:
    page = client.get(path, headers={"Accept-Language": language}).text
    texts = re.findall(r">([^<]+)<", page)
    return {text.strip() for text in texts if len(text.split()) > 3}


def test_every_error_page_says_something(app: Flask) -> None:
    with app.test_request_context("/", headers={"Accept-Language": "fr"}):
        for say in (*BY_STATUS.values(), *BY_CODE.values()):
            assert len(str(say.title)) > 5
            assert len(str(say.text)) > 20
