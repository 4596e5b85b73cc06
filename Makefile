# Everything starts here: `make run` from a fresh clone, `make test` to check it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test quick test-faults bench bench-gpu publish republish lint format install lock clean

run: install        ## sweep the tutorial's problem and write its report
	$(BIN)/sweep run experiments/tutorial.toml

test: install       ## all tests
	$(BIN)/pytest -n 2 --dist worksteal

quick: install      ## the tests that take under a second each
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not faults"

test-faults: install ## processes killed, stopped and starved; some ten minutes
	FAULTS=1 $(BIN)/pytest -n 3 --dist worksteal --timeout 3600 -m faults tests/faults

bench: install      ## what training costs here; PEERS=~/peers/bin/python where PyTorch and JAX are installed
	$(BIN)/sweep bench $(if $(PEERS),--python $(PEERS))

# A folder for each commit: what was interrupted goes on, what other code made stays out. 30 seeds a row, for Table 3.
RUN := build/publish-$(shell git rev-parse --short HEAD)
NAMES ?= $(basename $(notdir $(wildcard experiments/*.toml)))
SPECIAL := hochreiter_2c
OPTIONS_hochreiter_2c := --seeds 30
publish: install    ## run every experiment anew, or NAMES="tutorial shuffle", and publish it; all: an hour and a half
	$(foreach name,$(filter $(SPECIAL),$(NAMES)),$(BIN)/sweep run $(name) $(OPTIONS_$(name)) --results $(RUN) &&) true
	$(if $(filter-out $(SPECIAL),$(NAMES)),$(BIN)/sweep run $(filter-out $(SPECIAL),$(NAMES)) --results $(RUN))
	$(BIN)/python experiments/publishing/publish.py $(RUN) $(NAMES)

republish: install  ## draw every published report, table and page anew from the published records; nothing is trained
	$(BIN)/python experiments/publishing/publish.py

# Install "jax[cuda12]" or "tensorflow[and-cuda]" into .venv first; BACKEND=jax is for one of them.
BACKEND ?= both
GPU_RESULTS ?= results/gpu
bench-gpu: install  ## on a machine with a GPU: the trainers held together there, and the GPU beside the CPU
	nvidia-smi
	$(BIN)/sweep plan tutorial --device gpu
	$(BIN)/pytest tests/test_backends.py
	for backend in $(subst both,tensorflow jax,$(BACKEND)); do for device in cpu gpu; do \
		for run in "tutorial --seeds 1024" hochreiter_2c; do \
			set -- $$run; folder=$(GPU_RESULTS)/$$backend-$$device; \
			$(BIN)/sweep run $$run --backend $$backend --device $$device --results $$folder || exit 1; \
			$(BIN)/sweep export $$1 --table trials --format csv --results $$folder || exit 1; \
		done; \
		nvidia-smi --query-gpu=memory.used,memory.total --format=csv; \
	done; done
	$(BIN)/sweep bench --backend $(BACKEND)

lint: install       ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(READY)   ## .venv with the locked dependencies and this package

# The lock holds a hash of every file, so a mirror can be any; the package itself is built from what is locked.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("sweep needs Python 3.11 or newer: make run PYTHON=python3.12") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	touch $(READY)

lock:               ## renew requirements.lock from pyproject.toml; needs uv
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info
