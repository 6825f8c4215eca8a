# Everything a newcomer, a developer and CI run; `make help` lists it. Needs Python >= 3.11 with venv, and nothing else.
PYTHON ?= python3
PORT ?= 8080
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
READY := $(VENV)/ready
LINTERS := $(VENV)/linters
ALONE := bench or browser or chaos

.DEFAULT_GOAL := help
.PHONY: help setup run test together alone check bench chaos fmt lint types layers

help: ## show this list
	@echo 'make TARGET, where TARGET is one of'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'PYTHON=python3.12 chooses the interpreter for .venv, PYTEST_ARGS="-k lanes" goes to pytest.'

# A venv that is broken or half made is made again; one without Python 3.11 is refused before pip can confuse anybody.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Onevoice needs Python 3.11 or newer: name one with `make $(or $(MAKECMDGOALS),setup) PYTHON=python3.11`.' >&2; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || \
		{ echo 'Python cannot make a virtual environment: install its venv module (Debian: apt install python3-venv).' >&2; exit 2; }
	@echo 'Installing Onevoice and what its tests need into $(VENV) (once, about a minute) ...'
	@$(INSTALL) --upgrade 'pip>=25.1'
	@$(INSTALL) --constraint constraints.txt --group test --editable '.[postgres,speed]'
	@touch $@

$(LINTERS): $(READY)
	@$(INSTALL) --constraint constraints.txt --group lint
	@touch $@

setup: $(READY) ## make .venv with onevoice and everything its tests need

run: $(READY) ## start the sandbox and print the address to open (PORT=8080)
	@$(BIN)/onevoice sandbox --port $(PORT)

test: together alone ## the whole test suite, real databases included

# What kills processes, clicks or measures minds its neighbours. Nothing to do (5) is no failure: -k may choose one side.
together: $(READY)
	$(BIN)/python -m pytest -n 3 --dist loadfile -m 'not ($(ALONE))' $(PYTEST_ARGS) || [ $$? -eq 5 ]

alone: $(READY)
	$(BIN)/python -m pytest -m '$(ALONE)' $(PYTEST_ARGS) || [ $$? -eq 5 ]

check: lint types layers test ## what CI runs: format, lint, types, package borders, tests

bench: $(READY) ## the benchmarks, in one table
	$(BIN)/python -m tests.bench

chaos: $(READY) ## the long fault runs (make test has a short profile of them)
	$(BIN)/python -m pytest -m chaos --chaos-profile long $(PYTEST_ARGS)

fmt: $(LINTERS) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .

lint: $(LINTERS) ## format check and lint
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .

types: $(LINTERS) ## mypy, strict, code and tests
	$(BIN)/mypy

layers: $(LINTERS) ## the borders between the four packages
	$(BIN)/lint-imports
