# Everything a newcomer runs. `make run` and `make test` set up all they need.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Only the app is run as root, and writes no bytecode then: all files belong to who makes them.
SUDO   := $(if $(filter-out 0,$(shell id -u)),$(shell command -v sudo))
STAMP  := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev

.PHONY: run demo test test-vm lint bench screenshots screenshots-vm demo-cast clean

run: $(STAMP)
	@$(SUDO) env PYTHONDONTWRITEBYTECODE=1 $(BIN)/stops-tui $(ARGS)

demo: $(STAMP)
	@$(BIN)/stops-tui --demo $(ARGS)

test: $(DEV) lint
	@tests/setup-host
	$(BIN)/pytest $(ARGS)

# On real kernels: all, or KERNEL="6.1 7.2"; ARGS go to pytest.
test-vm: $(DEV)
	@tests/setup-host vm
	$(BIN)/python -m tests.vm $(addprefix --kernel=,$(KERNEL)) $(ARGS)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV)
	@tests/setup-host
	$(BIN)/python -m tests.bench

screenshots: $(DEV)
	$(BIN)/python -m tests.screenshots

# What no machine that one works on should be asked for: made in a guest.
screenshots-vm: $(DEV)
	@tests/setup-host vm
	$(BIN)/python -m tests.vm.screenshots

# The programs and types of the demo kernel, taken anew from a real one in a guest.
demo-cast: $(DEV)
	@tests/setup-host vm
	$(BIN)/python -m tests.vm.demo_cast

$(VENV)/bin/pip:
	@PYTHON=$(PYTHON) ./setup-venv $(VENV)

$(STAMP): pyproject.toml | $(VENV)/bin/pip
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@$(BIN)/python -m compileall -q stops_tui
	@touch $@

$(DEV): pyproject.toml | $(VENV)/bin/pip
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(STAMP)

clean:
	rm -rf $(VENV) dist build
