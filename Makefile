# Everything a newcomer or CI runs. `make help` lists it.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench chaos fmt lint types layers

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/onevoice: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group test -e '.[postgres,speed]'
	@touch $@

$(VENV)/lint: $(BIN)/onevoice
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group lint
	@touch $@

setup: $(BIN)/onevoice ## .venv with onevoice and everything for tests

run: $(BIN)/onevoice ## start the sandbox (PORT=8080) and print the address to open
	$(BIN)/onevoice sandbox --port $(PORT)

test: $(BIN)/onevoice ## the whole test suite
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint types layers test ## what CI runs

fmt: $(VENV)/lint ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .

lint: $(VENV)/lint ## format check and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/lint ## mypy strict
	$(BIN)/mypy

layers: $(VENV)/lint ## package borders
	$(BIN)/lint-imports

bench: $(BIN)/onevoice ## the benchmarks, one table
	$(BIN)/python -m tests.bench

chaos: $(BIN)/onevoice ## the long fault runs
	$(BIN)/python -m pytest -m chaos --chaos-profile long $(PYTEST_ARGS)
