"""A brand sponsors an open call: a challenge shares a pool, a contest awards a table of prizes.

challenge   what is offered, by which rules, and where it stands
rules       the rules as everybody can read and check them
pool        how the money is paid in before anybody can enter
entry       one creator's link, valid or disqualified
prizes      who gets what, to the cent                                    PURE
sheet       the result sheet, version by version
judging     from the last day to the prizes: measure, rank, appeal, award
"""
