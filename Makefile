# Two commands for a newcomer: `make demo` and `make test`. Everything lives in .venv; nothing else is touched.
PYTHON ?= python3
BIN := .venv/bin
TESTS = $(BIN)/python -m pytest -n 2 --dist worksteal -o console_output_style=classic

.PHONY: demo test quick soak check bench setup clean

setup: .venv/ready

.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "caviar needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch .venv/ready

demo: setup  ## train on real data, then search on it; writes models and pictures into demo/
	$(BIN)/python examples/demo.py
	$(BIN)/python examples/search.py

check: setup  ## style and types
	$(BIN)/ruff check src tests examples benchmarks
	$(BIN)/ruff format --check src tests examples benchmarks
	$(BIN)/mypy

test: check  ## every test: seven minutes on two cores
	$(TESTS)

quick: setup  ## while working: of each test the first case, without the slow files: a minute
	$(TESTS) --quick tests

soak: setup  ## minutes of structures, shapes and searches without end, watching memory maps; make test has a short form
	PYTHONPATH=tests $(BIN)/python -m soak

bench: setup  ## side by side with the peers that are installed; ROWS=lstm,gru for some rows
	$(BIN)/python -m benchmarks $(if $(ROWS),--rows $(ROWS))

clean:
	rm -rf .venv demo
