"""The shops in which brands sell: who they are, that a message is theirs, and what it says.

storefront   a shop and its secret
signature    that a shop signed these bytes
order        what we know of an order, whichever shop software tells it
shopify      Shopify's orders and refunds as that
woocommerce  WooCommerce's orders as that
reading      amounts, instants and texts out of a body somebody else wrote
"""
