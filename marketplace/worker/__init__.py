"""The worker: takes whatever is due, one thing and one commit at a time, and never dies of one.

    loop      every second: drain
    draining  what is due of each kind, until nothing is
    jobs      the kinds of work
    sender    one request to a processor, from claim to answer
    reconciling  one step of a look at a processor's own lists
    post      one mail
    walk      the demo clock, from due instant to due instant

Several workers may run: each takes rows that no other holds.
"""
