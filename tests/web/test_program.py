"""The program on pages: what is missing, applying, the decision, and the mail about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace import clock
from marketplace.database.identifier import new_id
from marketplace.extensions import db
from marketplace.metrics.channel import CATEGORIES, PLATFORMS
from marketplace.metrics.profile import Facts
from marketplace.notifications.mail import Mail
from marketplace.parties import creator as creators
from marketplace.parties.user import User
from marketplace.program import application as applications
from marketplace.program import membership
from marketplace.program.application import ProgramApplication
from marketplace.program.rules import Criteria, judge
from marketplace.web import program_words
from tests.make import ADULT, make_application, make_creator, make_member, measure
from tests.web.operating import Operating, operating
from tests.web.people import Person, known, log_in

__all__ = ["operating"]


class Creating:
    """A creator at their browser."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.person: Person = known(app, lambda: make_creator("ines").user)
        self.token = log_in(self.client, self.person)

    def see(self) -> str:
        reply = self.client.get("/creator/program")
        assert reply.status_code == 200
        return reply.text

    def apply(self, **fields: object) -> TestResponse:
        form = {"csrf_token": self.token, "form_key": new_id(), "country": "FR"}
        form |= {"born_on": str(ADULT)} | fields
        return self.client.post("/creator/program", data=form)

    def measured(self, **facts: int) -> None:
        with self.app.app_context():
            found = creators.by_handle("ines")
            assert found
            measure(found, **facts)


@pytest.fixture
def ines(app: Flask) -> Creating:
    return Creating(app)


def of_ines() -> UUID:
    found = creators.by_handle("ines")
    assert found
    return found.id


def mails(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        return [(it.subject, it.body) for it in db.session.scalars(select(Mail).order_by(Mail.id))]


def test_before_any_import_the_page_says_that_nothing_was_measured(ines: Creating) -> None:
    page = ines.see()
    assert "Nothing was measured yet" in page
    assert "10,000 missing" in page
    assert 'name="born_on"' not in page


def test_each_rule_shows_what_is_missing_and_how_old_the_facts_are(ines: Creating) -> None:
    ines.measured(followers=9_000, authentic_views=250_000)
    page = ines.see()
    assert "10,000 followers" in page
    assert "1,000 missing" in page
    assert "One rule is not met yet." in page
    assert (clock.now().date() - timedelta(days=1)).isoformat() in page
    assert 'name="followers"' not in page, "nobody types in what is measured"


def test_a_refused_application_says_why_and_keeps_nothing(ines: Creating) -> None:
    ines.measured(followers=9_000)
    reply = ines.apply()
    assert reply.status_code == 422
    assert "Something is still missing" in reply.text
    ines.measured()
    young = str(clock.now().date() - timedelta(days=6_000))
    reply = ines.apply(born_on=young)
    assert reply.status_code == 422
    assert "You must be 18 or older" in reply.text
    assert young in reply.text, "what was typed stays"
    assert ines.apply(born_on="").status_code == 422
    with ines.app.app_context():
        assert applications.latest(of_ines()) is None


def test_an_application_is_sent_once_and_waits_with_a_clock(ines: Creating) -> None:
    ines.measured()
    key = new_id()
    assert [ines.apply(form_key=key).status_code for _ in range(2)] == [303, 303]
    page = ines.see()
    assert "Your application waits for the marketplace." in page
    assert 'name="born_on"' not in page
    assert "meanwhile" in ines.client.get(ines.apply().location).text, "one at a time"
    with ines.app.app_context():
        assert db.session.query(ProgramApplication).count() == 1


def test_an_operator_sees_the_queue_and_takes_a_creator_in(
    ines: Creating, operating: Operating
) -> None:
    ines.measured()
    ines.apply()
    queue = operating.see("/operator/applications")
    assert "@ines" in queue
    assert "Applications to the program" in operating.see("/operator")
    with operating.app.app_context():
        application = applications.latest(of_ines())
        assert application
        path = f"/operator/applications/{application.id}"
    page = operating.see(path)
    assert "When they applied" in page
    assert "25,000" in page
    assert operating.send(f"{path}/approve").status_code == 303
    assert (
        "has moved on meanwhile"
        in operating.client.get(operating.send(f"{path}/approve").location).text
    )
    assert "You take part in the program since" in ines.see()
    assert "Approved" in operating.see("/operator/applications")
    assert [subject for subject, _ in mails(operating.app)] == ["You are in the program"]


def waiting(operating: Operating) -> str:
    return f"/operator/applications/{operating.within(lambda: make_application(_ines()).id)}"


def _ines() -> creators.Creator:
    found = creators.by_handle("ines")
    assert found
    return found


def test_an_operator_cannot_take_in_whose_facts_no_longer_meet_the_rules(
    ines: Creating, operating: Operating
) -> None:
    path = waiting(operating)
    ines.measured(followers=500)
    page = operating.see(path)
    assert "nobody can be taken in" in page
    assert f"{path}/approve" not in page
    operating.send(f"{path}/approve")
    with operating.app.app_context():
        assert not membership.is_member(of_ines())
    assert mails(operating.app) == []


def test_a_rejection_needs_a_reason_and_the_creator_reads_it_with_the_day_to_come_back(
    ines: Creating, operating: Operating
) -> None:
    path = waiting(operating)
    assert operating.send(f"{path}/reject", reason_code="content").status_code == 422
    assert operating.send(f"{path}/reject", reason_code="no", reapply="no").status_code == 422
    sent: dict[str, Any] = {
        "reason_code": "content",
        "reason_text": "Only reposts.",
        "reapply": "in_30_days",
    }
    assert operating.send(f"{path}/reject", **sent).status_code == 303
    page = ines.see()
    assert "Only reposts." in page
    assert "You may apply again from" in page
    assert 'name="country"' not in page
    ((subject, body),) = mails(operating.app)
    assert subject == "Your application to the program"
    assert "Only reposts." in body
    assert "You may apply again from" in body


def test_who_may_come_back_at_once_is_not_asked_for_the_date_of_birth_again(
    ines: Creating, operating: Operating
) -> None:
    path = waiting(operating)
    sent: dict[str, Any] = {"reason_code": "other", "reason_text": "Too new.", "reapply": "at_once"}
    operating.send(f"{path}/reject", **sent)
    page = ines.see()
    assert 'name="country"' in page
    assert 'name="born_on"' not in page
    assert ines.apply(born_on="").status_code == 303
    assert "Other applications" in operating.see(path)


def test_a_member_is_suspended_with_a_reason_and_the_suspension_lifted(
    ines: Creating, operating: Operating
) -> None:
    member = operating.within(lambda: make_member(_ines()).application_id)
    path = f"/operator/applications/{member}"
    assert operating.send(f"{path}/suspend", reason_code="policy").status_code == 422
    operating.send(f"{path}/suspend", reason_code="policy", reason_text="Unmarked ads.")
    assert "Unmarked ads." in ines.see()
    assert "Unmarked ads." in operating.see(path)
    operating.send(f"{path}/lift", reason="Marked now.")
    assert "You take part in the program since" in ines.see()
    subjects = [subject for subject, _ in mails(operating.app)]
    assert subjects == ["Your part in the program is suspended", "You take part again"]


def test_mail_is_in_the_language_of_the_creator(ines: Creating, operating: Operating) -> None:
    path = waiting(operating)

    def french() -> None:
        db.session.get_one(User, ines.person.id).locale = "fr"
        db.session.commit()

    operating.within(french)
    operating.send(f"{path}/approve")
    ((_, body),) = mails(operating.app)
    assert body.startswith("Bonjour")


def test_a_late_answer_is_an_alarm(ines: Creating, operating: Operating) -> None:
    path = waiting(operating)

    def let_time_pass() -> None:
        application = applications.latest(of_ines())
        assert application
        application.due_at = clock.now() - timedelta(minutes=1)
        db.session.commit()

    operating.within(let_time_pass)
    assert "Applications past their due time" in operating.see("/operator")
    assert "Late" in operating.see("/operator/applications")
    assert "An answer was due on" in operating.see(path)


def test_everything_that_can_be_chosen_or_named_has_words() -> None:
    assert set(program_words.REJECTIONS) == set(applications.REASONS)
    assert set(program_words.REAPPLY) == set(applications.REAPPLY)
    assert set(program_words.SUSPENSIONS) == set(membership.REASONS)
    assert set(program_words.CATEGORIES) == set(CATEGORIES)
    assert set(program_words.PLATFORMS) == set(PLATFORMS)


def test_every_rule_of_any_criteria_is_said_in_words(app: Flask) -> None:
    asked = Criteria(18, 1_000, 1_000, 250, ("FR", "DE"), ("food", "tech"), good_standing=True)
    with app.test_request_context():
        for facts in (Facts(), Facts(9_999, 9_999, 1, 500, country="FR", age_years=30)):
            verdict = judge(facts, asked)
            said = program_words.lines(verdict)
            assert [it.rule for it in said] == [it.rule for it in verdict.requirements]
            assert all("%(" not in it.asked + it.actual + it.missing for it in said)
        assert said[3].asked == "Engagement of 2.5%"
        assert said[4].asked == "Lives in: France, Germany"
