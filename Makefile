# Two commands do everything: `make run` and `make test`. `make help` lists the rest.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What the console needs, then what the tests start, then what draws the pictures.
RUN_PACKAGES := python3-venv python3-dev gcc libasound2-dev libpulse0 libusb-1.0-0 libudev1
TEST_PACKAGES := $(RUN_PACKAGES) mopidy mopidy-mpd gstreamer1.0-alsa gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
	gstreamer1.0-plugins-bad gstreamer1.0-libav gstreamer1.0-tools pulseaudio pulseaudio-utils libasound2-plugins \
	umockdev gir1.2-umockdev-1.0 python3-gi voctomix-core lxd lxd-client busybox-static iproute2 strace tmux \
	systemd-journal-remote mpd systemd dbus sudo snapserver netcat-openbsd
PICTURE_PACKAGES := librsvg2-bin fonts-dejavu-core

.PHONY: help run setup setup-test test check bench soak rig screenshots lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: setup ## set up and open the console on the embedded venue
	@$(BIN)/foh demo

setup: $(VENV)/.done ## system packages and the virtual environment

$(VENV)/.done: pyproject.toml requirements.lock
	@.ci/system-packages $(RUN_PACKAGES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable tests/projector
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable tests/outside
	@$(BIN)/python -m compileall -q backends console
	@touch $@

setup-test: setup
	@.ci/system-packages $(TEST_PACKAGES)

test: setup-test check ## set everything up, servers included, and run all the tests
	$(BIN)/python -m tests.run

check: setup ## style, types, and the arrows between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup-test ## what the screen costs, as ratios to a bare Textual application in the same run
	$(BIN)/python -m tests.bench

soak: setup-test ## ten minutes of nine healthy zones in use, in which no rule may speak (SOAK=seconds)
	SOAK=$${SOAK:-600} $(BIN)/python -m pytest -q tests/integration/test_venue.py -k healthy_zones

rig: setup ## the drills on real kernels' devices, in guests built when missing (DRILLS=fast, stock, or a drill's file)
	$(BIN)/python -m tests.rig $(DRILLS)

screenshots: setup ## pictures of the embedded venue, as SVG and PNG
	@.ci/system-packages $(PICTURE_PACKAGES)
	$(BIN)/python -m tests.screenshots

lock: ## renew requirements.lock from pyproject.toml
	$(PYTHON) -m venv .cache/lock && .cache/lock/bin/pip install -q uv
	.cache/lock/bin/uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-header \
		--no-emit-index-url -q -o requirements.lock

clean: ## remove what setup made here
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .import_linter_cache
