# One command for each chore. Needs make and Python >= 3.10; everything else is set up in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test test-fast test-ray test-frameworks mutants lint bench browser engines jaeger jaeger-down clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

# The file is newer than pyproject.toml when the base install (with what `play` needs) is there and current.
$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: $(PYTHON) is not there, or older than Python 3.10; say another one: make PYTHON=python3.12 …" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "error: no virtual environment could be made; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@echo "setting up otel-replay in $(VENV) (half a minute) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[play]'
	@touch $@

$(VENV)/.tests-installed: $(VENV)/.installed
	@echo "setting up what the tests need (a minute or two) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all,test]'
	@touch $@

demo: $(VENV)/.installed ## record a tuning run and an agent run, and say what to try next
	@$(BIN)/otel-replay demo
	@echo
	@echo "The command is $(BIN)/otel-replay: put it on your PATH with  export PATH=\"\$$PWD/$(BIN):\$$PATH\""

test: $(VENV)/.tests-installed browser engines ## every test, the real Collector and the real Jaeger included
	$(BIN)/python -m pytest

test-ray: $(VENV)/.installed ## the test with the real Ray Tune, in an environment of its own (700 MB)
	@test -x .venv-ray/bin/python || $(PYTHON) -m venv .venv-ray
	@.venv-ray/bin/python -m pip install --quiet --disable-pip-version-check --editable . 'ray[tune]' pytest
	.venv-ray/bin/python tests/libraries/ray_check.py

test-frameworks: $(VENV)/.installed ## agents of large frameworks, each in an environment of its own (ONLY="crewai dspy": some; an hour)
	$(BIN)/python tests/frameworks/check.py $(ONLY)

test-fast: $(VENV)/.tests-installed ## the tests without the slow ones, the engines and the browser (minutes)
	$(BIN)/python -m pytest -m 'not slow and not engines and not browser'

GROUP ?= assertions
mutants: $(VENV)/.installed ## change code one place at a time: does a test notice? (an hour a group; GROUP=queries, checking; DIGITS=37: a fifth)
	@test -x .venv-mutants/bin/python || $(PYTHON) -m venv .venv-mutants
	@.venv-mutants/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[all,test]' mutmut
	.venv-mutants/bin/python tests/mutants.py $(GROUP) --digits '$(DIGITS)'

lint: $(VENV)/.tests-installed ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.tests-installed ## measure side by side, as ratios
	$(BIN)/python -m bench

browser: $(VENV)/.tests-installed ## the headless Chromium that tests of pages need, where there is none
	@$(BIN)/python tests/browser_kit.py

engines: ## build the real Collector and the real Jaeger, once (about 8 minutes the first time)
	@$(PYTHON) collector/build.py

jaeger: $(VENV)/.installed engines ## start both here, send the recorded runs, say where to look
	@$(BIN)/python collector/show_runs.py

jaeger-down: ## stop what `make jaeger` started
	@$(PYTHON) collector/stack.py down

clean: ## remove what was set up here (not the store, not the engines)
	rm -rf $(VENV) .venv-ray .venv-frameworks .venv-mutants mutants build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
