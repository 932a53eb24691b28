"""Commissions: what creators earn by sales that a brand's shop tells us of.

code         a creator's promo code and tracked link, and the terms behind them
click        who followed a link, and when
attribution  whose sale an order is, and why
claims       the codes and clicks of many orders, looked up at once
rate         how much the commission is
sale         one order: where it stands, what was decided about it
booking      from what a shop tells to the sale and the books
bulk         the same for many fresh orders, in a few statements
"""
