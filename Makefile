# Everything runs in .venv, which the first target makes; Python >= 3.11 is all that is needed.
#   make compare the side-by-side study     make demo    fit photographs, write pictures
#   make test    the whole suite            make lint    style
#   make bench   quick benchmarks           make types   static types
#   make examples the posts' experiments    make clean   remove what these made

VENV := .venv
BIN := $(VENV)/bin
PYTEST_FLAGS ?=
# Test processes: one per core; a file's tests stay together, since they share what they fitted.
PYTEST_JOBS ?= auto
DEMO_FLAGS ?=
# Another study, or another folder: make compare COMPARE_FLAGS="study.toml -o results/mine"
COMPARE_FLAGS ?= -o results/compare
# The whole tables: make bench BENCH_FLAGS=
BENCH_FLAGS ?= --quick
# The first interpreter that is new enough; override with `make PYTHON=...`.
NEW_ENOUGH = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)

# Byte-compiling all of torch at once would take longer than the rest of the install; Python does
# it for what is imported.
INSTALL = $(BIN)/python -m pip install -q --no-compile --disable-pip-version-check -c constraints.txt

# The tests' problems are small: threads of BLAS and torch would only wait for numba's, and for each other.
TEST_THREADS = OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} OPENBLAS_NUM_THREADS=$${OPENBLAS_NUM_THREADS:-1}

.PHONY: test compare demo examples lint types bench clean

test: $(VENV)/.with-test
	$(TEST_THREADS) $(BIN)/python -m pytest -n $(PYTEST_JOBS) --dist loadfile $(PYTEST_FLAGS)

compare: $(VENV)/.with-nothing
	$(BIN)/overica compare $(COMPARE_FLAGS)

demo: $(VENV)/.with-nothing
	$(BIN)/overica demo $(DEMO_FLAGS)

# Every experiment at its small size; a claim that does not hold is a failure.
examples: $(VENV)/.with-nothing
	$(BIN)/python examples/gallery.py --run

lint: $(VENV)/.with-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.with-lint
	$(BIN)/mypy

bench: $(VENV)/.with-bench
	@for f in benchmarks/[!_]*.py; do echo "== $$f"; $(BIN)/python $$f $(BENCH_FLAGS) || exit 1; done

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "overica needs Python 3.11 or newer (make PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# One stamp per extra: a second call installs nothing until the requirements change.
$(VENV)/.with-nothing: setup.cfg pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing overica and what it needs into $(VENV) (a minute) ..."
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.with-%: setup.cfg pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing overica and what it needs into $(VENV) (a minute) ..."
	@$(INSTALL) -e ".[$*]"
	@touch $@
