# Two commands do everything: `make run` and `make test`. `make help` lists the rest.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
HASHED = --require-hashes --no-build-isolation

# What the console needs, then what the tests start, then what draws the pictures.
RUN_PACKAGES := python3-venv python3-dev gcc libasound2-dev libpulse0 libusb-1.0-0 libudev1
TEST_PACKAGES := $(RUN_PACKAGES) mopidy mopidy-mpd gstreamer1.0-alsa gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
	gstreamer1.0-plugins-bad gstreamer1.0-libav gstreamer1.0-tools pulseaudio pulseaudio-utils libasound2-plugins \
	umockdev gir1.2-umockdev-1.0 python3-gi voctomix-core lxd lxd-client busybox-static iproute2 strace tmux \
	systemd-journal-remote mpd systemd dbus sudo snapserver netcat-openbsd
PICTURE_PACKAGES := librsvg2-bin fonts-dejavu-core

.PHONY: help run setup setup-dev setup-test test check bench soak rig screenshots lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: setup ## set up and open the console on the embedded venue
	@$(BIN)/foh demo

setup: $(VENV)/.done ## system packages and the virtual environment

# What builds comes first, pinned and hashed like the rest: pip would fetch the newest.
$(VENV)/.done: pyproject.toml .ci/build.lock requirements.lock
	@.ci/system-packages $(RUN_PACKAGES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) $(HASHED) --only-binary :all: -r .ci/build.lock
	@$(PIP) $(HASHED) -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q backends console
	@touch $@

setup-dev: $(VENV)/.dev ## the same, with what tests and lints need

$(VENV)/.dev: $(VENV)/.done .ci/dev.lock tests/projector/pyproject.toml tests/outside/pyproject.toml
	@$(PIP) $(HASHED) -r .ci/dev.lock
	@$(PIP) --no-deps --no-build-isolation --editable tests/projector --editable tests/outside
	@touch $@

setup-test: setup-dev
	@.ci/system-packages $(TEST_PACKAGES)

test: setup-test check ## set everything up, servers included, and run all the tests
	$(BIN)/python -m tests.run

check: setup-dev ## style, types, and the arrows between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup-test ## what the screen costs, as ratios to a bare Textual application in the same run
	$(BIN)/python -m tests.bench

soak: setup-test ## ten minutes of nine healthy zones in use, in which no rule may speak (SOAK=seconds)
	SOAK=$${SOAK:-600} $(BIN)/python -m pytest -q tests/integration/test_venue.py -k healthy_zones

rig: setup-dev ## the drills on real kernels' devices, in guests built when missing (DRILLS=fast, stock, or a drill's file)
	$(BIN)/python -m tests.rig $(DRILLS)

screenshots: setup-dev ## pictures of the embedded venue, as SVG and PNG
	@.ci/system-packages $(PICTURE_PACKAGES)
	$(BIN)/python -m tests.screenshots

COMPILE = .cache/lock/bin/uv pip compile --universal --generate-hashes --no-header --no-emit-index-url -q

lock: ## renew the locks from pyproject.toml: what builds, what runs, what tests
	$(PYTHON) -m venv .cache/lock && .cache/lock/bin/pip install -q uv
	$(COMPILE) --group build -o .ci/build.lock
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --extra dev -c requirements.lock -c .ci/build.lock -o .ci/dev.lock

clean: ## remove what setup made here
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .import_linter_cache
