"""The books: double entry, one writer, guarded by the database, able to prove themselves.

chart       which kinds of account there are
draft       a balanced set of lines waiting to be posted
postings    every business event as a draft
journal     post(), post_many(): the only writer
balances    reads: balances, statements, the trace of a transaction
invariants  what must never be false, as SQL
"""
