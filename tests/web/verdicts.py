"""What each person is answered on every route, when the ids in it are those of the first ones.

A row is reviewed by people: whoever adds a route says here whom it lets in, and who is told that
there is nothing. The columns are PEOPLE, in this order. 'login' = sent to the log-in page. A POST
carries a valid CSRF token and nothing else: a form answers 422, a button acts or says that it came
too late (303).
"""

from __future__ import annotations

PEOPLE = ("visitor", "brand", "other_brand", "creator", "other_creator", "operator")

# fmt: off
VERDICTS: dict[str, str] = {
    # For everybody.
    "GET  /":                                                 "200   303 303 303 303 303",
    "GET  /healthz":                                          "200   200 200 200 200 200",
    "GET  /static/<path:filename>":                           "200   200 200 200 200 200",
    "GET  /assets/htmx/<path:filename>":                      "200   200 200 200 200 200",
    "GET  /assets/fonts/<path:filename>":                     "200   200 200 200 200 200",
    "POST /language":                                         "303   303 303 303 303 303",
    "POST /theme":                                            "303   303 303 303 303 303",
    "GET  /signup":                                           "200   303 303 303 303 303",
    "GET  /signup/brand":                                     "200   200 200 200 200 200",
    "POST /signup/brand":                                     "422   422 422 422 422 422",
    "GET  /signup/creator":                                   "200   200 200 200 200 200",
    "POST /signup/creator":                                   "422   422 422 422 422 422",
    "GET  /signup/done":                                      "200   200 200 200 200 200",
    "GET  /confirm/again":                                    "200   200 200 200 200 200",
    "POST /confirm/again":                                    "422   422 422 422 422 422",
    "GET  /confirm/<token>":                                  "200   200 200 200 200 200",
    "POST /confirm/<token>":                                  "303   303 303 303 303 303",
    "GET  /login":                                            "200   303 303 303 303 303",
    "POST /login":                                            "422   422 422 422 422 422",
    "POST /logout":                                           "303   303 303 303 303 303",
    "GET  /r/<token>":                                        "302   302 302 302 302 302",
    # Sandbox mode only: nothing here is anybody's secret.
    "GET  /dev/mail":                                         "200   200 200 200 200 200",
    "GET  /dev/mail/<uuid:mail_id>":                          "200   200 200 200 200 200",
    # For brands: what is another brand's does not exist.
    "GET  /brand":                                            "login 200 200 403 403 403",
    "GET  /brand/campaigns/new":                              "login 200 200 403 403 403",
    "POST /brand/campaigns/new":                              "401   422 422 403 403 403",
    "GET  /brand/campaigns/<uuid:campaign_id>":               "login 200 404 403 403 403",
    "GET  /brand/campaigns/<uuid:campaign_id>/edit":          "login 200 404 403 403 403",
    "POST /brand/campaigns/<uuid:campaign_id>/edit":          "401   422 404 403 403 403",
    "POST /brand/campaigns/<uuid:campaign_id>/submit":        "401   303 404 403 403 403",
    "POST /brand/campaigns/<uuid:campaign_id>/top-up":        "401   303 404 403 403 403",
    "POST /brand/campaigns/<uuid:campaign_id>/fund":          "401   303 404 403 403 403",
    "POST /brand/campaigns/<uuid:campaign_id>/cancel":        "401   422 404 403 403 403",
    "GET  /brand/deposits":                                   "login 200 200 403 403 403",
    "GET  /brand/deposits/<uuid:deposit_id>":                 "login 200 404 403 403 403",
    "GET  /brand/deposits/<uuid:deposit_id>/refund":          "login 200 404 403 403 403",
    "POST /brand/deposits/<uuid:deposit_id>/refund":          "401   422 404 403 403 403",
    "GET  /brand/money":                                      "login 200 200 403 403 403",
    "GET  /brand/money/<name>/<currency>":                    "login 200 404 403 403 403",
    "GET  /brand/transactions/<uuid:transaction_id>":         "login 200 404 403 403 403",
    "GET  /brand/sales":                                      "login 200 200 403 403 403",
    "GET  /brand/sales/<uuid:sale_id>":                       "login 200 404 403 403 403",
    "POST /brand/sales/<uuid:sale_id>/pay":                   "401   303 404 403 403 403",
    "GET  /brand/sales/shops":                                "login 200 200 403 403 403",
    "POST /brand/sales/shops":                                "401   422 422 403 403 403",
    "GET  /brand/sales/shops/<uuid:storefront_id>":           "login 200 404 403 403 403",
    "POST /brand/sales/shops/<uuid:storefront_id>/secret":    "401   422 404 403 403 403",
    "POST /brand/sales/shops/<uuid:storefront_id>/secret/new": "401   200 404 403 403 403",
    # For creators: open campaigns are everybody's, money is one's own.
    "GET  /creator":                                          "login 403 403 200 200 403",
    "GET  /creator/why.json":                                 "login 403 403 200 200 403",
    "GET  /creator/campaigns":                                "login 403 403 200 200 403",
    "GET  /creator/campaigns/<uuid:campaign_id>":             "login 403 403 200 200 403",
    "GET  /creator/earnings/<uuid:earning_id>":               "login 403 403 303 404 403",
    "GET  /creator/statement":                                "login 403 403 200 200 403",
    "GET  /creator/statement.csv":                            "login 403 403 200 200 403",
    "GET  /creator/transactions/<uuid:transaction_id>":       "login 403 403 200 404 403",
    "GET  /creator/sales":                                    "login 403 403 200 200 403",
    "GET  /creator/sales/<uuid:sale_id>":                     "login 403 403 200 404 403",
    "GET  /creator/payouts":                                  "login 403 403 200 200 403",
    "GET  /creator/payouts/<uuid:payout_id>":                 "login 403 403 200 404 403",
    "POST /creator/payouts/rhythm":                           "401   403 403 422 422 403",
    "POST /creator/payouts/connect":                          "401   403 403 303 303 403",
    "GET  /creator/payouts/onboarding":                       "login 403 403 303 303 403",
    "POST /creator/payouts/onboarding":                       "401   403 403 303 303 403",
    # For operators: everything, and nothing of it for anybody else.
    "GET  /operator":                                         "login 403 403 403 403 200",
    "GET  /operator/pools":                                   "login 403 403 403 403 200",
    "GET  /operator/pools/fill":                              "login 403 403 403 403 200",
    "POST /operator/pools/fill":                              "401   403 403 403 403 422",
    "GET  /operator/deposits/<uuid:deposit_id>":              "login 403 403 403 403 200",
    "GET  /operator/imports":                                 "login 403 403 403 403 200",
    "POST /operator/imports":                                 "401   403 403 403 403 422",
    "GET  /operator/imports/new":                             "login 403 403 403 403 200",
    "GET  /operator/imports/template.csv":                    "login 403 403 403 403 200",
    "GET  /operator/imports/<uuid:import_id>":                "login 403 403 403 403 200",
    "GET  /operator/payouts":                                 "login 403 403 403 403 200",
    "GET  /operator/payouts/<uuid:payout_id>":                "login 403 403 403 403 200",
    "POST /operator/payouts/<uuid:payout_id>/decide":         "401   403 403 403 403 422",
    "GET  /operator/payouts/runs":                            "login 403 403 403 403 200",
    "GET  /operator/payouts/runs/<uuid:run_id>":              "login 403 403 403 403 200",
    "GET  /operator/webhooks":                                "login 403 403 403 403 200",
    "GET  /operator/webhooks/<uuid:event_id>":                "login 403 403 403 403 200",
    "POST /operator/webhooks/<uuid:event_id>/replay":         "401   403 403 403 403 303",
    "GET  /operator/webhooks/requests":                       "login 403 403 403 403 200",
    "GET  /operator/webhooks/requests/<uuid:request_id>":     "login 403 403 403 403 200",
    "GET  /operator/ledger":                                  "login 403 403 403 403 200",
    "GET  /operator/ledger/accounts":                         "login 403 403 403 403 200",
    # Which account is in the query: without one there is none.
    "GET  /operator/ledger/account":                          "login 403 403 403 403 404",
    "GET  /operator/ledger/transactions/<uuid:transaction_id>": "login 403 403 403 403 200",
    "GET  /operator/ledger/things/<type>/<uuid:thing_id>":    "login 403 403 403 403 200",
    "GET  /operator/ledger/changes":                          "login 403 403 403 403 200",
    "GET  /operator/clock":                                   "login 403 403 403 403 200",
    "POST /operator/clock":                                   "401   403 403 403 403 422",
}
# fmt: on
