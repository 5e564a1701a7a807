# `make demo` and `make test` are all that is needed; each makes .venv from the lock when it is not there.
PYTHON ?= python3
# Files of tests that run at once; each may start servers, workers and trainings of its own. 0: one after the other.
TEST_PROCESSES ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed

.PHONY: demo test lint format bench docs-images lock clean help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

demo: $(RUNTIME)  ## run everything on 1,797 real digits; results in demo/
	$(BIN)/augment-dataset demo --folder demo

test: $(DEVELOPMENT)  ## run all tests; TEST_PROCESSES=4 on a larger machine
	$(BIN)/python -m pytest -q --numprocesses $(TEST_PROCESSES) --dist loadfile

lint: $(DEVELOPMENT)  ## formatting, linting, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(DEVELOPMENT)  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else \
	"augment-dataset needs Python 3.11, 3.12 or 3.13, this is %d.%d; set PYTHON=python3.12, for example" % v[:2])'
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): $(VENV)/bin/python requirements.lock pyproject.toml
	$(PIP) install --quiet --no-deps --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOPMENT): $(RUNTIME) requirements-dev.lock
	$(PIP) install --quiet --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

bench: $(DEVELOPMENT)  ## print the tables of benchmarks; DATA=folder with fashion-mnist/ and clothing/, PEERS=environments
	$(BIN)/python -m benchmarks $(if $(DATA),--data $(DATA)) $(if $(PEERS),--peers $(PEERS)) $(if $(ONLY),--only $(ONLY))

docs-images: demo  ## make the pictures of the README from the demo
	$(BIN)/python docs/make_images.py demo docs/images
	$(BIN)/python -m docs.make_operation_pictures docs/images/pixel-operations.jpg

lock:  ## resolve the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --override lock-overrides.txt -o requirements.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --override lock-overrides.txt --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean:  ## remove the environment and the demo
	rm -rf $(VENV) demo
