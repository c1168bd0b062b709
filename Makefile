# Two targets are all that a newcomer needs: `make demo` and `make test`. Each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OLDEST := .venv-oldest
STAMP_OLDEST := $(OLDEST)/.installed
# Chinese, progress bars and long lines reach logs unbuffered and in UTF-8, whatever the locale.
export PYTHONUTF8 := 1
# What one process compiled the others read: on it hangs a third of the time of short ones.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test oldest browser check lint types layers notebooks docs dist packages bench clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(STAMP) ## Run the main steps on data/ without a key and write report.html (half a minute after installing)
	$(BIN)/mmembed demo

test: $(STAMP) ## Run the test suite, all but the browser (some 10 minutes on two free cores)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup -m 'not browser and not live' $(ARGS)

browser: docs ## Run the tests that look at the report and the site in headless Chromium
	@command -v chromium >/dev/null || { echo "make browser: Chromium is not on the PATH."; \
	  echo "On Debian or Ubuntu: sudo apt-get install chromium fonts-noto-cjk"; exit 1; }
	MMEMBED_SITE=docs/_build/html $(BIN)/python -m pytest -n auto --maxprocesses 2 --dist loadfile -m browser tests/browser $(ARGS)

check: lint types layers docs test oldest browser notebooks ## Run everything that CI runs

lint: $(STAMP) ## Lint and check the formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## Check the types
	$(BIN)/mypy

layers: $(STAMP) ## Check that imports point down
	$(BIN)/lint-imports

# Rules of our own on figures and clocks, and what the local model knows: no dependency decides them.
NOT_OF_DEPENDENCIES := tests/wire/test_refused_rows.py tests/wire/test_dashscope_server_rates.py \
  tests/wire/test_dashscope_server_refusals.py tests/flow/test_comparing_models.py \
  tests/providers/dashscope/test_limiter.py tests/providers/dashscope/test_batches.py \
  tests/providers/dashscope/test_outages.py tests/providers/dashscope/test_faults.py \
  tests/providers/local/test_meaning.py tests/providers/local/test_network.py tests/providers/local/test_tables.py

notebooks: $(STAMP) ## Run the notebooks, and compare with their stored outputs
	$(BIN)/python scripts/run_notebooks.py --check

docs: $(STAMP) ## Build the site in docs/_build/html; a warning is an error (its code runs in make test)
	$(BIN)/python -m sphinx --builder html --jobs auto --quiet --fail-on-warning --keep-going --fresh-env docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

dist: $(STAMP) ## Build the wheel and the sdist in dist/
	rm -rf dist
	$(BIN)/python -m build --outdir dist

# Beside the code, two versions of numba would take turns in throwing away what the other compiled.
oldest: export NUMBA_CACHE_DIR := $(CURDIR)/$(OLDEST)/numba
oldest: $(STAMP_OLDEST) ## Run the tests that touch dependencies on the oldest versions that are allowed
	$(OLDEST)/bin/python -m pytest -n auto --maxprocesses 4 --dist loadgroup -m 'not browser and not live' \
	  tests/vectors tests/accessor tests/analysis tests/figures tests/report tests/typing tests/test_embedding_transformer.py \
	  tests/cli/test_commands.py tests/cli/test_tables.py tests/cli/test_terminal.py \
	  tests/providers tests/wire tests/flow tests/contents/test_clips.py \
	  $(addprefix --ignore ,$(NOT_OF_DEPENDENCIES))

packages: $(STAMP) ## Try the wheel in clean environments: Python 3.11 to 3.13, newest to oldest dependencies (some 6 minutes)
	$(BIN)/python scripts/check_packages.py $(ARGS)

bench: $(STAMP) ## Measure what the README and the specification claim
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean: ## Remove the environment and what the demo wrote
	rm -rf $(VENV) $(OLDEST) docs/_build report.html

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "mmembed needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Install one, or name it: make demo PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' has no venv module. On Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip || { \
	  echo "pip cannot reach a package registry: the first run needs one; later runs need no network."; exit 1; }
	@echo "Installing into $(VENV) (some 100 packages, one or two minutes) …"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

$(STAMP_OLDEST): pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-oldest.txt \
	  --editable '.[index,local,test,video,widget]'
	@touch $(STAMP_OLDEST)
