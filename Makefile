# Two targets are all that a newcomer needs: `make demo` and `make test`. Each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OLDEST := .venv-oldest
STAMP_OLDEST := $(OLDEST)/.installed
# Chinese, progress bars and long lines reach logs unbuffered and in UTF-8, whatever the locale.
export PYTHONUTF8 := 1
# What one process compiled the others read: without it each worker of the tests takes 13 s to begin instead of 7.
unexport PYTHONDONTWRITEBYTECODE
# Python compiles what is imported when it is imported: compiling all that is installed takes most of a minute of
# processor time in each environment.
PIP_FLAGS := --quiet --disable-pip-version-check --no-compile

.DEFAULT_GOAL := help
.PHONY: help demo test oldest browser check lint types layers notebooks docs dist packages bench clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(STAMP) ## Run the main steps on data/ without a key and write report.html (half a minute after installing)
	$(BIN)/mmembed demo

test: $(STAMP) ## Run the test suite, all but the browser (some 8 minutes on two free cores)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup -m 'not browser and not live' $(ARGS)

# A Chromium that gives no frame for three minutes says nothing of the page: a test that timed out runs once more, and is
# named (R) in the summary. Any other failure stays one.
browser: docs ## Run the tests that look at the report and the site in headless Chromium
	@command -v chromium >/dev/null || { echo "make browser: Chromium is not on the PATH."; \
	  echo "On Debian or Ubuntu: sudo apt-get install chromium fonts-noto-cjk"; exit 1; }
	MMEMBED_SITE=docs/_build/html $(BIN)/python -m pytest -n auto --maxprocesses 2 --dist loadfile \
	  --reruns 1 --only-rerun TimeoutError -raR -m browser tests/browser $(ARGS)

check: lint types layers docs test oldest browser notebooks ## Run everything that CI runs

lint: $(STAMP) ## Lint and check the formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## Check the types
	$(BIN)/mypy

layers: $(STAMP) ## Check that imports point down
	$(BIN)/lint-imports

# What pandas, numpy and the others decide themselves: types, files, drawing, fits, the SDK and its HTTP. Rules of our own
# that hold on the newest versions hold on these.
OF_DEPENDENCIES := tests/vectors tests/figures tests/typing tests/analysis/tallies tests/test_embedding_transformer.py \
  $(addprefix tests/accessor/,test_frame.py test_mixed_kinds.py test_odd_tables.py test_series.py test_table.py test_written_columns.py) \
  $(addprefix tests/analysis/,test_notebook_tables.py test_row_labels.py clusters/test_fit.py clusters/test_given_estimators.py \
    finding/test_duplicates.py finding/test_index.py graphs/test_graph_methods.py graphs/test_nearest.py \
    labels/test_kernel_classifier.py labels/test_labels.py maps/test_projection.py maps/test_umap_learn.py names/test_phrases.py) \
  $(addprefix tests/report/,test_profile.py test_report.py test_thumbnails.py) \
  $(addprefix tests/cli/,test_commands.py test_tables.py test_terminal.py) \
  tests/contents/test_clips.py \
  $(addprefix tests/providers/,test_chat.py test_openai_server.py local/test_provider.py dashscope/test_connection.py \
    dashscope/test_http.py dashscope/test_request_pictures.py dashscope/test_what_is_shown.py) \
  $(addprefix tests/wire/,test_certificates.py test_dashscope_server_faults.py test_odd_connections.py test_settings_of_the_sdk.py) \
  tests/flow/test_interrupting.py tests/flow/test_progress.py

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
oldest: $(STAMP_OLDEST) ## Run the tests of what dependencies decide on the oldest versions that are allowed
	@$(OLDEST)/bin/python -W ignore -c 'import umap'  # compiled once, before the workers would do it side by side
	$(OLDEST)/bin/python -m pytest -n auto --maxprocesses 4 --dist loadgroup -m 'not browser and not live and not ours' $(OF_DEPENDENCIES)

packages: $(STAMP) ## Try the wheel in clean environments: Pythons, dependencies, extras, upgrade from 0.1 (some 10 minutes)
	$(BIN)/python scripts/check_packages.py $(ARGS)

bench: $(STAMP) ## Measure beside peers, and write docs/benchmarks.md (some 15 minutes; the figures of the README)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python scripts/write_benchmarks.py $(ARGS)

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
	@$(BIN)/python -m pip install $(PIP_FLAGS) --constraint constraints.txt --editable '.[dev]' || { \
	  echo "The versions of constraints.txt cannot be had (was one withdrawn?): installing the newest that are allowed."; \
	  $(BIN)/python -m pip install $(PIP_FLAGS) --editable '.[dev]'; }
	@touch $(STAMP)

$(STAMP_OLDEST): pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install $(PIP_FLAGS) --constraint constraints-oldest.txt \
	  --editable '.[index,local,test,video,widget]'
	@touch $(STAMP_OLDEST)
