# Everything a bare machine needs: Python >= 3.11 with venv, and make. Each target sets itself up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# How many processes run the tests; each has its own homes, ports and Valkey.
PROCESSES ?= auto

.PHONY: up test check bench journey pictures messages lock clean

up: $(STAMP)
	@exec $(BIN)/ulak up

test: $(STAMP)
	$(BIN)/pytest -n $(PROCESSES) --dist loadfile

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

journey: $(STAMP)
	@test -x /usr/bin/chromium || { echo "The journeys need Debian's Chromium: apt-get install chromium fonts-noto-core fonts-noto-color-emoji"; exit 1; }
	$(BIN)/pytest tests/journeys --timeout 600

pictures: $(STAMP)
	@test -x /usr/bin/chromium || { echo "The pictures need Debian's Chromium: apt-get install chromium fonts-noto-core fonts-noto-color-emoji"; exit 1; }
	$(BIN)/python docs/pictures.py

bench: $(STAMP)
	$(BIN)/python -m bench

messages: $(STAMP)
	$(BIN)/python -m pages.ui.messages

# Needs uv on PATH. Names no index.
lock:
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra dev pyproject.toml -o requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Ulak needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "The venv module is missing: apt-get install python3-venv"; exit 1; }
	@echo "Installing what Ulak needs into $(VENV) (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
