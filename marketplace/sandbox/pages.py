"""The hosted pages: where a payer pays and a payee proves who they are.

Plain forms, no script. Form targets are the sandbox itself and the places it sends people back to.
"""

from __future__ import annotations

import re
from decimal import Decimal
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from marketplace.sandbox import accounts, checkout, tasks
from marketplace.sandbox.refusal import Refused
from marketplace.sandbox.world import Doc, World


def register(app: Flask, world: World) -> None:
    """Put the hosted pages on the app."""
    bp = Blueprint("pages", __name__)
    _checkout_pages(bp, world)
    _onboarding_pages(bp, world)
    app.register_blueprint(bp)
    app.add_template_filter(_money, "money")


def _money(amount: str, currency: str) -> str:
    return f"{currency.upper()} {Decimal(amount):,}"


def _site(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _page(
    template: str, leads_to: list[str | None], status: int = 200, **values: object
) -> Response:
    """Render a page that may send its visitor on to the sites of `leads_to`."""
    # A browser follows a form's redirect only to sites that form-action names.
    sites = {_site(url) for url in leads_to if url}
    response = make_response(render_template(template, **values), status)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {' '.join(sorted(sites))}"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _gone(message: str) -> Response:
    return _page("gone.html", [], 404, message=message)


def _success_url(session: Doc) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _checkout_pages(bp: Blueprint, world: World) -> None:
    @bp.get("/checkout/<id>")
    def checkout_page(id: str) -> ResponseReturnValue:
        tasks.run_due(world)
        with world.act() as act:
            session = act.get("checkout.session", id)
        if session is None:
            return _gone("There is no such payment page.")
        return _page(
            "checkout.html",
            [session["success_url"], session["cancel_url"]],
            session=session,
            back_url=_success_url(session),
        )

    @bp.post("/checkout/<id>/<answer>")
    def checkout_answer(id: str, answer: str) -> ResponseReturnValue:
        tasks.run_due(world)
        try:
            with world.act() as act:
                if answer == "pay":
                    session = checkout.pay(act, id)
                elif answer == "decline":
                    session = checkout.decline(act, id)
                else:
                    session = act.get("checkout.session", id) or abort(404)
        except Refused:
            return _gone("There is no such payment page.")
        if answer == "pay" and session["status"] == "complete":
            return redirect(_success_url(session), 303)
        if answer == "leave" and session["cancel_url"]:
            return redirect(session["cancel_url"], 303)
        return redirect(url_for("pages.checkout_page", id=id), 303)


def _onboarding_pages(bp: Blueprint, world: World) -> None:
    @bp.get("/onboarding/<id>")
    def onboarding_door(id: str) -> ResponseReturnValue:
        """Use up the link; one that is used or too old leads back to its refresh_url."""
        with world.act() as act:
            opened = accounts.open_link(act, id)
        if opened is None:
            return _gone("There is no such onboarding link.")
        link, visit = opened
        if visit is None:
            return redirect(link["refresh_url"], 303)
        return redirect(url_for("pages.onboarding_page", id=visit["id"]), 303)

    @bp.get("/onboarding/visit/<id>")
    def onboarding_page(id: str) -> ResponseReturnValue:
        return _onboarding_form(world, id)

    @bp.post("/onboarding/visit/<id>/<answer>")
    def onboarding_answer(id: str, answer: str) -> ResponseReturnValue:
        name = request.form.get("name", "").strip()
        bank_ending = request.form.get("bank_ending", "").strip()
        if answer not in ("complete", "missing", "leave"):
            abort(404)
        if answer == "complete" and not (name and re.fullmatch(r"\d{4}", bank_ending)):
            return _onboarding_form(world, id, "Enter a name and the last four digits.")
        with world.act() as act:
            visit = act.get("visit", id) or abort(404)
            if answer != "leave":
                accounts.submit(
                    act,
                    visit["account"],
                    complete=answer == "complete",
                    name=name,
                    bank_ending=bank_ending,
                )
        return redirect(visit["return_url"], 303)


def _onboarding_form(world: World, visit_id: str, problem: str = "") -> Response:
    with world.act() as act:
        visit = act.get("visit", visit_id)
        if visit is None:
            return _gone("This onboarding visit is over.")
        account = act.the("account", visit["account"])
    return _page(
        "onboarding.html",
        [visit["return_url"]],
        422 if problem else 200,
        visit=visit,
        account=account,
        problem=problem,
    )
