# Needs make and Python 3.11 or newer. Another interpreter: make PYTHON=python3.12 test
PYTHON ?= python3
VENV ?= .venv
DEMO_VENV ?= .venv-demo
TENSORFLOW_VENV ?= .venv-tensorflow
ULTRALYTICS_VENV ?= .venv-ultralytics
# Tiny tensors gain nothing from threads, and tests that run side by side would fight for the cores.
export OMP_NUM_THREADS ?= 1
# More for pytest, such as PYTEST_ARGS="-x -k resume"
PYTEST_ARGS ?=

BIN = $(VENV)/bin
# The package is built with the pinned setuptools, so that nothing unpinned is fetched for it.
INSTALL = -m pip install --quiet --no-input --disable-pip-version-check
PACKAGE = --no-deps --no-build-isolation --editable .

.DEFAULT_GOAL := help
.PHONY: help demo circle test test-tensorflow test-jax test-ultralytics test-main check lint types imports snippets bench faults
.PHONY: matrix clean python

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(DEMO_VENV)/.installed ## train on real digits, get killed, resume, prove that nothing was lost
	$(DEMO_VENV)/bin/lineside demo

circle: $(VENV)/.installed ## a loss explodes, a training is killed: what arrives in chat, mail and webhook, on loopback
	$(BIN)/python -m examples.circle

test: test-tensorflow test-jax test-ultralytics test-main ## run all tests, each framework in the environment that it needs

test-tensorflow: $(TENSORFLOW_VENV)/.installed ## Keras and loops on TensorFlow
	KERAS_BACKEND=tensorflow $(TENSORFLOW_VENV)/bin/python -m pytest $(PYTEST_ARGS) tests/frameworks/keras

test-jax: $(TENSORFLOW_VENV)/.installed ## Keras on JAX
	KERAS_BACKEND=jax $(TENSORFLOW_VENV)/bin/python -m pytest $(PYTEST_ARGS) tests/frameworks/keras

test-ultralytics: $(ULTRALYTICS_VENV)/.installed ## YOLO
	$(ULTRALYTICS_VENV)/bin/python -m pytest $(PYTEST_ARGS) tests/frameworks/ultralytics

# One order of sets in all processes, which must collect the same tests.
test-main: $(VENV)/.installed ## everything else, which is nearly all
	PYTHONHASHSEED=0 KERAS_BACKEND=torch $(BIN)/python -m pytest --numprocesses auto $(PYTEST_ARGS) tests

# Each environment writes the columns of its hosts into docs/guide/hosts; the page is assembled of all of them.
matrix: $(VENV)/.installed $(TENSORFLOW_VENV)/.installed $(ULTRALYTICS_VENV)/.installed ## try every callback in every host
	LINESIDE_MATRIX=1 $(BIN)/python -m pytest $(PYTEST_ARGS) tests/contract/test_catalogue.py \
		tests/frameworks/lightning/test_catalogue.py tests/frameworks/transformers/test_catalogue.py
	LINESIDE_MATRIX=1 KERAS_BACKEND=torch $(BIN)/python -m pytest $(PYTEST_ARGS) tests/frameworks/keras/test_catalogue.py
	LINESIDE_MATRIX=1 KERAS_BACKEND=tensorflow $(TENSORFLOW_VENV)/bin/python -m pytest $(PYTEST_ARGS) \
		tests/frameworks/keras/test_catalogue.py
	LINESIDE_MATRIX=1 KERAS_BACKEND=jax $(TENSORFLOW_VENV)/bin/python -m pytest $(PYTEST_ARGS) \
		tests/frameworks/keras/test_catalogue.py
	LINESIDE_MATRIX=1 $(ULTRALYTICS_VENV)/bin/python -m pytest $(PYTEST_ARGS) \
		tests/frameworks/ultralytics/test_catalogue.py
	$(BIN)/python -m tests.matrix.page

check: lint types imports snippets ## all that is checked without running the tests

lint: $(VENV)/.installed ## rules and format of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed ## types, strictly
	$(BIN)/mypy

imports: $(VENV)/.installed ## direction of imports
	$(BIN)/lint-imports --no-logo --no-cache

snippets: $(VENV)/.installed ## Python blocks and links of the documents
	PYTHONHASHSEED=0 $(BIN)/python -m pytest --numprocesses auto tests/docs

bench: $(VENV)/.installed $(TENSORFLOW_VENV)/.installed $(ULTRALYTICS_VENV)/.installed ## measure costs beside the bare loop, peers and hosts
	$(BIN)/python -m benchmarks
	KERAS_BACKEND=tensorflow $(TENSORFLOW_VENV)/bin/python -m benchmarks bridges
	KERAS_BACKEND=jax $(TENSORFLOW_VENV)/bin/python -m benchmarks bridges
	$(ULTRALYTICS_VENV)/bin/python -m benchmarks bridges

faults: $(VENV)/.installed ## kill, interrupt and damage runs, in full counts
	LINESIDE_FAULTS=full $(BIN)/python -m pytest -m faults --timeout 3600 $(PYTEST_ARGS) tests

clean: ## remove the environments and caches
	rm -rf $(VENV) $(DEMO_VENV) $(TENSORFLOW_VENV) $(ULTRALYTICS_VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache build src/*.egg-info

$(VENV)/.installed: requirements/test.txt requirements/run.txt pyproject.toml | python
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL) --requirement requirements/test.txt
	$(BIN)/python $(INSTALL) $(PACKAGE)
	@touch $@

$(TENSORFLOW_VENV)/.installed: requirements/tensorflow.txt pyproject.toml | python
	$(PYTHON) -m venv $(TENSORFLOW_VENV)
	$(TENSORFLOW_VENV)/bin/python $(INSTALL) --requirement requirements/tensorflow.txt
	$(TENSORFLOW_VENV)/bin/python $(INSTALL) $(PACKAGE)
	@touch $@

$(ULTRALYTICS_VENV)/.installed: requirements/ultralytics.txt pyproject.toml | python
	$(PYTHON) -m venv $(ULTRALYTICS_VENV)
	$(ULTRALYTICS_VENV)/bin/python $(INSTALL) --requirement requirements/ultralytics.txt
	$(ULTRALYTICS_VENV)/bin/python $(INSTALL) $(PACKAGE)
	@touch $@

$(DEMO_VENV)/.installed: requirements/run.txt pyproject.toml | python
	$(PYTHON) -m venv $(DEMO_VENV)
	$(DEMO_VENV)/bin/python $(INSTALL) --requirement requirements/run.txt
	$(DEMO_VENV)/bin/python $(INSTALL) $(PACKAGE)
	@touch $@

python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	"Lineside needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Name another: make PYTHON=python3.12 ..." % sys.version_info[:2])'
