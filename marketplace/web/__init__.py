"""Browser pages: server-rendered, working without JavaScript.

shell        what every page shows around its content: navigation, banners, the viewer
forms        a sent form: what was typed, what is wrong with it, and that it acts once
paging       long lists, newest first
checkout     the wait for a payment page, and for the payment
buttons      a button that came too late
trace        a transaction of the books, in the words of who looks at it
formats      how money, dates and shares are written
language     which language, which time zone, and the catalogs
error_pages  refusals and failures in the look of the site
headers      what browsers are told about security and caching
"""

from __future__ import annotations

from flask import Flask
from flask_babel import Babel
from jinja2 import StrictUndefined

from marketplace.web import (
    assets,
    auth,
    brand,
    brand_adding,
    brand_agreements,
    brand_applicants,
    brand_campaign,
    brand_challenge,
    brand_challenge_draft,
    brand_challenge_judging,
    brand_deposit,
    brand_draft,
    brand_matches,
    brand_money,
    brand_preview,
    brand_refund,
    brand_sales,
    brand_standing,
    brand_storefronts,
    creator,
    creator_agreements,
    creator_applications,
    creator_bank,
    creator_campaigns,
    creator_challenges,
    creator_close,
    creator_earnings,
    creator_payouts,
    creator_paypal,
    creator_program,
    creator_sales,
    creator_statement,
    creator_transactions,
    dev,
    dev_shop,
    error_pages,
    formats,
    headers,
    language,
    operator,
    operator_applications,
    operator_bank,
    operator_campaigns,
    operator_challenges,
    operator_clock,
    operator_closings,
    operator_disputes,
    operator_dry_run,
    operator_earnings,
    operator_holds,
    operator_imports,
    operator_ledger,
    operator_metrics,
    operator_payouts,
    operator_pools,
    operator_reconciliation,
    operator_requests,
    operator_runs,
    operator_thresholds,
    operator_webhooks,
    public,
    shell,
    solvency_page,
)

# What adds its pages to the blueprint of an area by being imported.
BRAND_PAGES = (
    brand_adding,
    brand_agreements,
    brand_applicants,
    brand_campaign,
    brand_challenge,
    brand_challenge_draft,
    brand_challenge_judging,
    brand_deposit,
    brand_draft,
    brand_matches,
    brand_money,
    brand_preview,
    brand_refund,
    brand_sales,
    brand_standing,
    brand_storefronts,
)
CREATOR_PAGES = (
    creator_agreements,
    creator_applications,
    creator_bank,
    creator_campaigns,
    creator_challenges,
    creator_close,
    creator_earnings,
    creator_payouts,
    creator_paypal,
    creator_program,
    creator_sales,
    creator_statement,
    creator_transactions,
)
OPERATOR_PAGES = (
    operator_applications,
    operator_bank,
    operator_campaigns,
    operator_challenges,
    operator_clock,
    operator_closings,
    operator_disputes,
    operator_dry_run,
    operator_earnings,
    operator_holds,
    operator_imports,
    operator_ledger,
    operator_metrics,
    operator_payouts,
    operator_pools,
    operator_reconciliation,
    operator_requests,
    operator_runs,
    operator_thresholds,
    operator_webhooks,
)
PUBLIC_PAGES = (solvency_page,)
# These exist in sandbox mode only.
DEV_PAGES = (dev_shop,)


def register(app: Flask, babel: Babel) -> None:
    """Add every page to the application."""
    # A misspelt name in a template is a fault, not an empty place on a page about money.
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    language.register(app, babel)
    formats.register(app)
    assets.register(app)
    shell.register(app)
    headers.register(app)
    error_pages.register(app)

    app.register_blueprint(public.bp)
    app.register_blueprint(auth.bp)
    app.register_blueprint(brand.bp)
    app.register_blueprint(creator.bp)
    app.register_blueprint(operator.bp)
    if app.extensions["settings"].sandbox:
        app.register_blueprint(dev.bp)
