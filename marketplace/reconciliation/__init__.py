"""Do the books say what the processors say? Gaps are repaired, what still differs is shown.

run         one look at one processor, from its lists to the comparison
mirror      our copy of what moved our money there, line by line
asking      what to ask about by itself, because no posting of ours follows it
comparing   books, processor and inbox, per day, currency and type
difference  what does not agree: with its age, until it disappears or somebody explains it

Nothing here moves money: what was missed is fetched and followed like any event.
"""
