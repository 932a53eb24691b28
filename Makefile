# `make` lists what there is. A machine needs make, Python 3.11 or newer and its venv module.

PY ?= python3
V := .venv
PEERS := .venv-bench
CHECKED := tests/test_architecture.py tests/test_migrations.py
PIP := -m pip install --disable-pip-version-check --progress-bar off --require-hashes

.PHONY: help install run test check proof demo screenshots bench lock clean

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="	" read -r name what; do \
		printf '  make %-11s %s\n' "$$name" "$$what"; done

run: $(V)/run.done ## The whole marketplace on http://127.0.0.1:8000 (PORT=... for another)
	@exec $(V)/bin/python -m marketplace.run

install: $(V)/run.done ## The virtual environment alone, as a server needs it

test: check ## Every check and every test; the proofs with reduced counts
	$(V)/bin/python -m pytest -n 2 $(CHECKED:%=--ignore=%)

check: $(V)/dev.done ## Format, lint, types, layers, security, migrations
	$(V)/bin/ruff format --check .
	$(V)/bin/ruff check .
	$(V)/bin/mypy
	$(V)/bin/lint-imports
	$(V)/bin/bandit -q -r marketplace -c pyproject.toml
	$(V)/bin/python -m pytest -q $(CHECKED)

proof: $(V)/dev.done ## Storms, kill loops, state machines in full; figures in var/proof.json
	rm -f var/proof.json
	PROOF=full $(V)/bin/python -m pytest -n 2 -m proof

demo: $(V)/run.done ## The story told in the terminal, in a world of its own
	@exec $(V)/bin/python -m marketplace.demo.story

screenshots: $(V)/dev.done ## The README's pictures, taken of a demo world of their own (needs chromium)
	@exec $(V)/bin/python -m tests.screenshots

bench: $(V)/dev.done $(PEERS)/bench.done ## The benches (ONLY=name for one)
	@exec $(V)/bin/python -m tests.bench $(ONLY)

lock: $(V)/dev.done ## Pin the newest versions that requirements/*.in allow
	$(V)/bin/python -m pip install --quiet uv
	for name in run dev oracle bench; do \
		$(V)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header \
			--generate-hashes $$([ $$name = oracle ] && echo --no-deps) \
			requirements/$$name.in -o requirements/$$name.lock || exit 1; done

clean: ## Remove what can be made again; keeps var/, where the data is
	rm -rf $(V) $(PEERS) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf test-results
	find . -name __pycache__ -prune -exec rm -rf {} +

# pip says nothing while it unpacks: say every 10 s that it is alive, as long as make is.
define install
@(while sleep 10 >/dev/null 2>&1 && kill -0 $$PPID; do echo "  still installing"; done) & alive=$$!; \
	$(1); status=$$?; kill $$alive; exit $$status
endef

# A stamp is touched only once all of its packages are in: an interrupted installation starts again.

$(V)/made.done $(PEERS)/made.done:
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed, and '$(PY)' is not: install it, or name one: make PY=python3.12" >&2; \
		exit 1; }
	@$(PY) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PY)' lacks its venv module: install it (Debian, Ubuntu: apt-get install python3-venv)" >&2; \
		exit 1; }
	@echo "making a virtual environment in $(@D)"
	@$(PY) -m venv $(@D)
	@touch $@

$(V)/run.done: requirements/run.lock $(V)/made.done
	@echo "installing what the marketplace needs; this takes about half a minute, once"
	$(call install,$(V)/bin/python $(PIP) -r $<)
	@touch $@

$(V)/dev.done: requirements/dev.lock requirements/oracle.lock $(V)/run.done
	@echo "installing what the tests need; this takes about half a minute, once"
	$(call install,$(V)/bin/python $(PIP) -r $<)
	@$(V)/bin/python $(PIP) --no-deps -r requirements/oracle.lock
	@touch $@

$(PEERS)/bench.done: requirements/bench.lock $(PEERS)/made.done
	@echo "installing what the benches compare with, in an environment of its own"
	$(call install,$(PEERS)/bin/python $(PIP) -r $<)
	@touch $@
