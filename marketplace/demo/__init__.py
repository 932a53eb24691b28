"""The demo world, lived through by domain calls, and the story that `make demo` tells over HTTP.

people   who is in the demo world
hosted   a person at the sandbox's hosted pages: pays, declines, onboards
paypal   an address at PayPal, and our money there
troubles a payout without an answer, and one that comes back
world    sixty days of it
story    the whole path over HTTP, step by step
"""
