"""`make run`: the supervisor. One process tree that starts in order, mends itself and stops clean.

__main__    what the environment asks for, and how a refusal is said
preflight   what must be true before anything starts: one supervisor, a free port, a database
child       one program in a process group of its own
supervisor  start: postgres, migrations, sandbox, demo world, web and worker; watch; stop
"""
