# `make demo` and `make test` are all that is needed; each makes .venv from the lock when it is not there.
PYTHON ?= python3
# Files of tests that run at once; each may start servers, workers and trainings of its own. 0: one after the other.
TEST_PROCESSES ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed

.PHONY: demo serve test faults soak coverage lint format bench bench-compare fuzz mutate docs-images lock clean help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 15

demo: $(RUNTIME)  ## run everything on 1,797 real digits; results in demo/
	$(BIN)/augment-dataset demo --folder demo

serve: $(RUNTIME)  ## Prefect server, deployments and a worker on this machine until Ctrl-C; OPTIONS="--port 4300"
	$(BIN)/augment-dataset serve $(OPTIONS)

test: $(DEVELOPMENT)  ## run all tests; TEST_PROCESSES=4 on a larger machine
	$(BIN)/python -m pytest -q --numprocesses $(TEST_PROCESSES) --dist loadfile

faults: $(DEVELOPMENT)  ## strike every stage with every fault (tests/faults); RESULTS=file gets a line per case
	FAULTS=all FAULTS_RESULTS=$(RESULTS) $(BIN)/python -m pytest -q tests/faults --numprocesses $(TEST_PROCESSES) --dist load

soak: $(DEVELOPMENT)  ## run everything twenty times on images that change (tests/soak); RESULTS=file gets a line per round
	SOAK=all SOAK_RESULTS=$(RESULTS) $(BIN)/python -m pytest -q tests/soak

coverage: $(DEVELOPMENT)  ## which lines the tests run, in all processes; tests of what is imported fail in it
	$(BIN)/python -m coverage erase
	-$(BIN)/python -m coverage run -m pytest -q --numprocesses $(TEST_PROCESSES) --dist loadfile
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --ignore-errors

lint: $(DEVELOPMENT)  ## formatting, linting, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(DEVELOPMENT)  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/bin/python:
	@[ "$$(uname -s)" = Linux ] || { echo "augment-dataset runs on Linux, this is $$(uname -s); use a container (docs/deploy.md)"; exit 2; }
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

bench: $(DEVELOPMENT)  ## measure the tables of the docs (benchmarks/README.md); DATA=, PEERS=folders, ONLY="reading demo", LONG=1
	$(BIN)/python -m benchmarks $(if $(DATA),--data $(DATA)) $(if $(PEERS),--peers $(PEERS)) $(if $(LONG),--long) \
	    $(if $(ONLY),--only $(ONLY))

bench-compare: $(DEVELOPMENT)  ## what differs between the last two results of `make bench`; OPTIONS="OLDER NEWER --threshold 0.3"
	$(BIN)/python -m benchmarks.compare $(OPTIONS)

fuzz: $(DEVELOPMENT)  ## try every reader with 100,000 damaged and hostile files; OPTIONS="--seed 2 --minutes 30"
	$(BIN)/python -m tests.hostile $(OPTIONS)

mutate: $(DEVELOPMENT)  ## change metrics, splits and the TFRecord codec in thousands of ways, each of which a test should notice
	CI=1 $(BIN)/mutmut run $(OPTIONS)
	$(BIN)/mutmut results

docs-images: demo $(DEVELOPMENT)  ## make the pictures of the README and the docs from the demo; needs Chromium
	$(BIN)/python docs/make_images.py demo docs/images
	$(BIN)/python -m docs.make_report_pictures demo docs/images
	$(BIN)/python -m docs.make_operation_pictures docs/images/pixel-operations.jpg

lock:  ## resolve the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --override lock-overrides.txt -o requirements.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --override lock-overrides.txt --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean:  ## remove the environment and the demo
	rm -rf $(VENV) demo
