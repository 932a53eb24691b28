"""Bringing a file of metrics: the report, the mistakes beside the field, nothing twice."""

from __future__ import annotations

from io import BytesIO
from uuid import UUID

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.metrics.importing import MetricImport
from tests.make import make_creator
from tests.web.operating import Operating, operating

__all__ = ["operating"]

HEADER = "handle,platform,channel,day,followers,views,authentic_views,engagements\n"
GOOD = "ines,tiktok,ines.cooks,2026-01-15,100,50,40,5\n"


@pytest.fixture(autouse=True)
def _creator(operating: Operating) -> None:
    operating.within(lambda: make_creator("ines"))


def bring(operating: Operating, content: str, form_key: UUID | None = None) -> TestResponse:
    file = BytesIO(content.encode()), "days.csv"
    return operating.send("/operator/imports/metrics", form_key, file=file)


def imports(operating: Operating) -> int:
    return operating.within(
        lambda: db.session.scalars(select(func.count()).select_from(MetricImport)).one()
    )


def test_before_any_import_the_page_says_what_to_do(operating: Operating) -> None:
    assert "Nothing was measured yet" in operating.see("/operator/imports/metrics")


def test_a_report_counts_the_good_rows_and_names_the_bad_ones(operating: Operating) -> None:
    reply = bring(operating, HEADER + GOOD + "nobody,tiktok,x,2026-01-15,1,1,1,1\n")
    assert reply.status_code == 303
    page = operating.see(reply.location)
    assert "handle: no creator is called nobody" in page
    assert "days.csv" in operating.see("/operator/imports/metrics")
    corrected = bring(operating, HEADER + GOOD.replace("100,50", "120,50"))
    assert "followers: 100 → 120" in operating.see(corrected.location)
    again = bring(operating, HEADER + GOOD.replace("100,50", "120,50"))
    assert "No row was refused, and no day was corrected." in operating.see(again.location)


def test_the_same_form_sent_twice_is_one_import(operating: Operating) -> None:
    key = new_id()
    first, second = (bring(operating, HEADER + GOOD, form_key=key) for _ in range(2))
    assert first.location == second.location
    assert imports(operating) == 1


@pytest.mark.parametrize("content", ["", "handle,day\n", HEADER, "\0", HEADER + 'ines,"x'])
def test_a_file_that_is_none_is_refused_beside_the_field(
    operating: Operating, content: str
) -> None:
    reply = bring(operating, content)
    assert reply.status_code == 422
    assert 'id="f-file-error"' in reply.text
    assert imports(operating) == 0
    assert operating.send("/operator/imports/metrics").status_code == 422


@pytest.mark.parametrize("of", ["channels", "videos"])
def test_a_template_can_be_brought_as_it_is(operating: Operating, of: str) -> None:
    template = operating.see(f"/operator/imports/metrics/template.csv?of={of}")
    reply = bring(operating, template.replace("2026-11-30", "2026-01-15"))
    assert reply.status_code == 303
    assert "Every row was usable" in operating.see(reply.location).replace("every", "Every")
