"""Reading metrics that were brought: text in, rows with what is wrong with them out. PURE.

Two shapes of a row, told apart by what they name: a channel's day, and a video's day. A CSV file
has one of them; a signed JSON body may have both, as {"channels": [...], "videos": [...]}, with
the names of the columns as keys.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from marketplace.errors import BadInput, says

CHANNEL_COLUMNS = (
    *("handle", "platform", "channel", "day", "followers"),
    *("views", "authentic_views", "engagements"),
)
VIDEO_COLUMNS = ("handle", "platform", "channel", "link", "day", "views", "authentic_views")
CATEGORIES_COLUMN = "categories"  # of a channel's day; may be left out

ROWS_MAX = 10_000
NUMBER_MAX = 10**15
LENGTH_MAX = 500


@dataclass(frozen=True)
class Row:
    """One channel or one video on one day. `problem` is empty when it can be used.

    `line`: of the file, where 1 is the header; of JSON the number of the row.
    `link` is None for a channel's day; `categories` None = not said.
    """

    line: int
    handle: str
    platform: str
    channel: str
    day: date | None
    views: int = 0
    authentic_views: int = 0
    followers: int = 0
    engagements: int = 0
    link: str | None = None
    categories: tuple[str, ...] | None = None
    problem: str = ""


def read_csv(content: bytes) -> list[Row]:
    """Read a CSV file (UTF-8, comma or semicolon) of channel days or video days.

    Raises:
        BadInput: this is no such file; the message says what to do.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(says("Save the file as UTF-8 text (CSV) and try again.")) from error
    if "\0" in text:
        raise _refused(says("This is not a text file. Export it as CSV (UTF-8)."))
    header = text.split("\n", 1)[0]
    separator = ";" if header.count(";") > header.count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or []]
        columns = VIDEO_COLUMNS if "link" in names else CHANNEL_COLUMNS
        if missing := [column for column in columns if column not in names]:
            template = "The first line must name the columns: %(missing)s missing."
            raise _refused(says(template, missing=", ".join(missing)))
        if twice := [column for column in columns if names.count(column) > 1]:
            template = "The first line names columns twice: %(twice)s."
            raise _refused(says(template, twice=", ".join(twice)))
        reader.fieldnames = names
        rows = list(_csv_rows(reader, columns))
    except csv.Error as error:
        line = reader.reader.line_num
        template = "Line %(line)s is not valid CSV: %(why)s."
        raise _refused(says(template, line=line, why=error)) from error
    if not rows:
        raise _refused(says("The file has no rows below its header."))
    return rows


def _csv_rows(reader: csv.DictReader[str], columns: tuple[str, ...]) -> Iterator[Row]:
    for number, raw in enumerate(reader):
        _refuse_too_many(number)
        surplus = "more cells than columns" if None in raw else ""  # csv puts them there
        yield _row(reader.line_num, raw, columns, surplus)


def read_json(content: bytes) -> list[Row]:
    """Read the body of a signed source.

    Raises:
        BadInput: it is no such body.
    """
    try:
        sent = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _refused(says("The body is no JSON.")) from error
    lists = [sent.get(name, []) for name in ("channels", "videos")] if _is_object(sent) else []
    items = [item for found in lists if isinstance(found, list) for item in found]
    if not items or not all(isinstance(found, list) for found in lists):
        raise _refused(says("The body has no list of channels or videos."))
    _refuse_too_many(len(items) - 1)
    first_video = len(lists[0])
    return [
        _row(
            number + 1,
            item if _is_object(item) else {},
            VIDEO_COLUMNS if number >= first_video else CHANNEL_COLUMNS,
            "" if _is_object(item) else "an object was expected",
        )
        for number, item in enumerate(items)
    ]


def _row(line: int, raw: Mapping[Any, Any], columns: tuple[str, ...], problem: str) -> Row:
    cells = {name: _text(raw.get(name)) for name in (*columns, CATEGORIES_COLUMN)}
    for name in ("handle", "channel"):
        cells[name] = cells[name].lower().removeprefix("@")
    problems = [problem] if problem else []
    for name in ("handle", "platform", "channel", "link"):
        if name in columns and not _is_name(cells[name]):
            problems.append(f"{name}: missing, or nothing that can be kept")
    numbers = {}
    for name in ("followers", "views", "authentic_views", "engagements"):
        if name in columns:
            numbers[name] = _number(cells[name])
            if numbers[name] < 0:
                problems.append(f"{name}: a whole number, 0 or more")
                numbers[name] = 0
    if not problems and numbers["authentic_views"] > numbers["views"]:
        problems.append("authentic_views: at most as many as views")
    day = _day(cells["day"])
    if day is None:
        problems.append("day: a date such as 2026-11-30")
    named = cells[CATEGORIES_COLUMN].lower().replace("|", " ").split()
    return Row(
        line,
        cells["handle"],
        cells["platform"].lower(),
        cells["channel"],
        day,
        link=cells["link"] if "link" in columns else None,
        categories=tuple(sorted(set(named))) if named and "link" not in columns else None,
        problem="; ".join(problems),
        **numbers,
    )


def _is_name(text: str) -> bool:
    return 0 < len(text) <= LENGTH_MAX and text.isprintable()


def _text(value: object) -> str:
    if isinstance(value, list):  # of JSON: several categories
        return " ".join(str(item) for item in value).strip()
    return "" if value is None or isinstance(value, bool) else str(value).strip()


def _number(text: str) -> int:
    """A count, or -1 if it is none that we take."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(NUMBER_MAX)):
        return -1
    return int(text) if int(text) <= NUMBER_MAX else -1


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _refuse_too_many(number: int) -> None:
    if number >= ROWS_MAX:
        raise _refused(says("At most %(most)s rows per file: split it.", most=ROWS_MAX))


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _refused(message: str) -> BadInput:
    return BadInput(message, {"file": message})
