"""A stateful stand-in for Stripe and PayPal, an HTTP server: `python -m marketplace.sandbox`.

It is a stranger to the marketplace: it imports nothing of ours, keeps its own books in
major-unit decimals in its own sqlite file, and is spoken to over HTTP only.

    request ─▶ api          who asks, which fault is armed, which key was used before
                 │
                 ▼
               checkout, payments, refunds, transfers, payouts, accounts     what happens
                 │                                            │
                 ▼                                            ▼
               balance    every movement of money          events    what is told to whom
                                                              │
    paypal     PayPal's calls ─▶ paypal_payouts (what happens, its balance) ─▶ paypal_telling
    pages      where a payer or a payee clicks                ▼
    control    clock, faults, books: not Stripe's          courier   signs, posts, tries again

Rules are cited where they are kept; where Stripe says nothing, the comment says so.
"""
