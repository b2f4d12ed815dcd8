# Everything runs in .venv, which the first target makes; Python >= 3.11 with its headers is all that is needed
# (where no C++ compiler works, the build brings one as a package).
#   make compare the side-by-side study     make demo    fit photographs, write pictures
#   make test    the whole suite            make lint    style
#   make bench   quick benchmarks           make types   static types
#   make examples the posts' experiments    make wheel   a wheel in dist/, tried in a bare environment
#   make docs    the site, in docs/_build/html make clean  remove what these made

VENV := .venv
BIN := $(VENV)/bin
PYTEST_FLAGS ?=
# Test processes: one per core; a file's tests stay together, since they share what they fitted.
PYTEST_JOBS ?= auto
DEMO_FLAGS ?=
# Another study, or another folder: make compare COMPARE_FLAGS="study.toml -o results/mine"
COMPARE_FLAGS ?= -o results/compare
# Other options of Sphinx: make docs DOCS_FLAGS="-v"
DOCS_FLAGS ?=
# The whole tables: make bench BENCH_FLAGS=
BENCH_FLAGS ?= --quick
# The first interpreter that is new enough; override with `make PYTHON=...`.
NEW_ENOUGH = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)

# Byte-compiling all of torch at once would take longer than the rest of the install; Python does
# it for what is imported.
# The environment in which the extension is built has the exact versions too (by the first name for
# an old pip, by the second for a new one).
INSTALL = PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	$(BIN)/python -m pip install -q --no-compile --disable-pip-version-check -c constraints.txt

# The tests run side by side, and their problems are small: threads would only wait for each other.
TEST_THREADS = OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} OPENBLAS_NUM_THREADS=$${OPENBLAS_NUM_THREADS:-1}

.PHONY: test compare demo examples docs lint types bench wheel clean

test: $(VENV)/.with-test
	$(TEST_THREADS) $(BIN)/python -m pytest -n $(PYTEST_JOBS) --dist loadfile $(PYTEST_FLAGS)

compare: $(VENV)/.with-nothing
	$(BIN)/overica compare $(COMPARE_FLAGS)

demo: $(VENV)/.with-nothing
	$(BIN)/overica demo $(DEMO_FLAGS)

# Every experiment at its small size; a claim that does not hold is a failure.
examples: $(VENV)/.with-nothing
	$(BIN)/python examples/gallery.py --run

# Without network; a warning is a failure, and so is a page that would load anything from elsewhere. Anew each time
# (-E): what Sphinx remembers knows nothing of new pages of the reference; tutorials run only if they have changed.
docs: $(VENV)/.with-docs
	$(BIN)/python -m sphinx -E -W --keep-going -q -j auto $(DOCS_FLAGS) docs docs/_build/html
	@echo "The site: docs/_build/html/index.html"

lint: $(VENV)/.with-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.with-lint
	$(BIN)/mypy

bench: $(VENV)/.with-bench
	@for f in benchmarks/[!_]*.py; do echo "== $$f"; $(BIN)/python $$f $(BENCH_FLAGS) || exit 1; done

wheel: $(VENV)/.with-wheel
	$(BIN)/python building/wheel.py

clean:
	rm -rf $(VENV) build dist docs/_build docs/made docs/tutorials/acts docs/tutorials/features docs/tutorials/theirs docs/tutorials/mix.wav *.egg-info overica/_kernels/*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "overica needs Python 3.11 or newer (make PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# One stamp per extra: a second call installs nothing, and compiles nothing, until what these are made of changes.
$(VENV)/.with-%: setup.cfg setup.py pyproject.toml constraints.txt $(wildcard building/*.py overica/_kernels/src/*) \
		| $(BIN)/python
	@$(BIN)/python building/compiler.py
	@echo "Installing overica and what it needs into $(VENV) (two minutes) ..."
	@$(INSTALL) -e ".$(patsubst %,[%],$(filter-out nothing,$*))"
	@touch $@
