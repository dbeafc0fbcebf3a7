# Two commands: `make demo` and `make test`. Each sets up what it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP := $(BIN)/python -m pip install --quiet --prefer-binary
OUT := out

.PHONY: demo docs test test-firmware firmware lint types contract check format bench bench-compare fuzz matrix \
    fixtures clean help

help:
	@echo "make demo    four workloads measured on the virtual bench, with table and pictures"
	@echo "make test    the tests, but those of the firmware"
	@echo "make test-firmware  the firmware's tests (needs compilers and emulators: .ci/toolchains installs them)"
	@echo "make check   lint, types and the import contract"
	@echo "make docs    the documentation as pages, in $(OUT)/docs"
	@echo "make firmware  the images of IO manager and DUT, and the emulators' programs (needs compilers)"
	@echo "make bench   timings beside the least that the same bytes take"
	@echo "make bench-compare BASE=commit [ONLY=name]  this checkout and another commit, timed by turns"
	@echo "make fuzz    every parser against mutated input; SECONDS_EACH=60"
	@echo "make matrix  every fault on every virtual bench beside the truth; writes docs/reference/matrix.md"
	@echo "make clean   remove .venv and what the commands above made"

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "joulebench needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make PYTHON=python3.11 ...")'
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/made pyproject.toml constraints.txt
	@echo "Installing joulebench into $(VENV) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP) --editable '.[dev,docs,sweep,joulescope,visa,report,live,firmware,fast,archive,cluster]'
	@touch $@

$(VENV)/installed-firmware: $(VENV)/installed
	@echo "Installing what the firmware's tables are made with into $(VENV) ..."
	@$(PIP) --editable '.[firmware]'
	@touch $@

$(VENV)/installed-docs: $(VENV)/installed
	@echo "Installing what the documentation is made with into $(VENV) ..."
	@$(PIP) --editable '.[docs,sweep]'
	@touch $@

# Strict: a warning is an error. Notebooks and what follows from the code are made afresh each time.
docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -b html -E -W --keep-going -n -q -d $(OUT)/doctrees docs $(OUT)/docs
	@echo "open $(OUT)/docs/index.html"

firmware: $(VENV)/installed-firmware
	$(MAKE) --no-print-directory -C firmware PYTHON=$(abspath $(BIN)/python)

demo: $(VENV)/installed
	@$(BIN)/joulebench demo --out $(OUT)/demo

# Half as many again as cores: a test waits a third of its time, for a disk, a child or a pty.
WORKERS := $(shell $(PYTHON) -c 'import os; print(max((os.cpu_count() or 1) * 3 // 2, 2))')
test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m 'not clock' --ignore tests/firmware
	$(BIN)/python -m pytest -n 2 --dist worksteal -m clock --ignore tests/firmware  # apart: they compare with real time
	@echo "The firmware's tests were left out: make test-firmware"

FIRMWARE_TOOLS := avr-gcc arm-none-eabi-gcc qemu-system-arm clang cppcheck
test-firmware: $(VENV)/installed-dev
	@for tool in $(FIRMWARE_TOOLS); do command -v $$tool >/dev/null || { \
		echo "$$tool is missing, so tests are skipped; as root on Debian or Ubuntu: .ci/toolchains"; break; }; done
	$(BIN)/python -m pytest -n auto tests/firmware

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/pyright

contract: $(VENV)/installed-dev
	$(BIN)/lint-imports

check: lint types contract

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks

bench-compare: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.compare $(BASE) $(addprefix --only ,$(ONLY))

$(VENV)/installed-fuzz: $(VENV)/installed
	@echo "Installing what fuzzing needs into $(VENV) ..."
	@$(PIP) --editable '.[fuzz]'
	@touch $@

SECONDS_EACH ?= 60
fuzz: $(VENV)/installed-fuzz
	$(BIN)/python -m fuzz --seconds $(SECONDS_EACH)

matrix: $(VENV)/installed-dev
	$(BIN)/python -m tests.faults.processes; status=$$?; $(BIN)/python -m tests.faults.matrix && exit $$status

fixtures: $(VENV)/installed
	$(BIN)/python -m fixtures.make_recordings
	$(BIN)/python -m fixtures.make_wiring
	$(BIN)/python -m fixtures.make_figures

clean:
	rm -rf $(VENV) $(OUT) .pytest_cache .ruff_cache .import_linter_cache .hypothesis
