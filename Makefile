# Needs make and Python 3.11 or newer. Another interpreter: make PYTHON=python3.12 test
PYTHON ?= python3
VENV ?= .venv
DEMO_VENV ?= .venv-demo
# More for pytest, such as PYTEST_ARGS="-x -k resume"
PYTEST_ARGS ?=

BIN = $(VENV)/bin
# The package is built with the pinned setuptools, so that nothing unpinned is fetched for it.
INSTALL = -m pip install --quiet --no-input --disable-pip-version-check
PACKAGE = --no-deps --no-build-isolation --editable .

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types imports snippets bench faults clean python

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(DEMO_VENV)/.installed ## train on real digits, get killed, resume, prove that nothing was lost
	$(DEMO_VENV)/bin/lineside demo

test: $(VENV)/.installed ## run all tests
	$(BIN)/python -m pytest $(PYTEST_ARGS) tests

check: lint types imports snippets ## all that is checked without running the tests

lint: $(VENV)/.installed ## rules and format of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed ## types, strictly
	$(BIN)/mypy

imports: $(VENV)/.installed ## direction of imports
	$(BIN)/lint-imports --no-logo --no-cache

snippets: $(VENV)/.installed ## Python blocks and links of the documents
	$(BIN)/python -m pytest tests/docs

bench: $(VENV)/.installed ## measure the cost per step beside the bare loop, Lightning and Ignite
	$(BIN)/python -m benchmarks

faults: $(VENV)/.installed ## kill, interrupt and damage runs, in full counts
	LINESIDE_FAULTS=full $(BIN)/python -m pytest -m faults --timeout 3600 $(PYTEST_ARGS) tests

clean: ## remove the environments and caches
	rm -rf $(VENV) $(DEMO_VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache build src/*.egg-info

$(VENV)/.installed: requirements/test.txt requirements/run.txt pyproject.toml | python
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL) --requirement requirements/test.txt
	$(BIN)/python $(INSTALL) $(PACKAGE)
	@touch $@

$(DEMO_VENV)/.installed: requirements/run.txt pyproject.toml | python
	$(PYTHON) -m venv $(DEMO_VENV)
	$(DEMO_VENV)/bin/python $(INSTALL) --requirement requirements/run.txt
	$(DEMO_VENV)/bin/python $(INSTALL) $(PACKAGE)
	@touch $@

python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	"Lineside needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Name another: make PYTHON=python3.12 ..." % sys.version_info[:2])'
