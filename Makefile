# What newcomers and packagers type. `make help` lists it.

CARGO    ?= cargo
PROGRAMS := target/release
MODSMITH := $(PROGRAMS)/modsmith

# Debian's names. For other systems, `make` prints them and stops; with
# DEPENDENCIES=installed it takes your word for it.
export DEPENDENCIES
# cargo downloads over HTTPS.
FOR_BUILD := gcc libc6-dev make ca-certificates
FOR_DEMO  := linux-headers-amd64 kmod openssl
# The tools of package formats, which read what the plugins make.
FOR_FORMATS := build-essential debhelper lintian \
               rpm bzip2 createrepo-c cpio \
               mtools dosfstools e2fsprogs xorriso genisoimage \
               squashfs-tools systemd systemd-container pacman-package-manager
FOR_TEST  := $(FOR_DEMO) linux-headers-cloud-amd64 linux-headers-rt-amd64 dkms patch xz-utils zstd \
             dracut-core initramfs-tools-core util-linux python3-jsonschema \
             shellcheck zsh fish groff-base binutils strace ccache skopeo \
             softhsm2 libengine-pkcs11-openssl gnutls-bin \
             clang lld wasi-libc libclang-rt-dev-wasm32 $(FOR_FORMATS)
# iptables-netflow-dkms builds with these.
FOR_NETFLOW  := iptables libxtables-dev pkg-config
FOR_BENCH    := $(FOR_TEST) $(FOR_NETFLOW)
FOR_FUZZ     := g++ gcc binutils openssl cpio xz-utils zstd bzip2
FOR_TEST_ALL := debootstrap qemu-system-x86 slurm-wlm munge hostname chromium python3-venv $(FOR_NETFLOW) $(FOR_FUZZ)

# What plugins and the guest crate need is compiled once for both.
WITH_PLUGINS := --target-dir plugins/target

.PHONY: help build demo test test-all fuzz bench lint clean

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

build: ## Build the program and its plugins (installs what is missing)
	@.ci/need $(FOR_BUILD)
	@.ci/need --rust
	$(CARGO) build --release --locked -p modsmith -p modsmith-shims -p modsmith-kit
	ln -sfn modsmith $(PROGRAMS)/dkms
	$(MODSMITH) plugin build plugins --out $(PROGRAMS)/plugins

demo: build ## Build, install and remove two real packages, in a scratch directory
	@.ci/need $(FOR_DEMO)
	@tests/demo.sh $(MODSMITH) target/demo

# Unit tests of plugins run on this machine, not in the sandbox: they are quick to run
# and slow to optimise. All others run what ships.
test: build ## Run all tests (installs kernel headers, Debian's dkms and tools)
	@.ci/need $(FOR_TEST)
	@command -v cargo-nextest >/dev/null || $(CARGO) install cargo-nextest --locked
	$(CARGO) nextest run --locked --manifest-path wit/Cargo.toml
	$(CARGO) nextest run --locked --all-features --manifest-path sdk/guest/Cargo.toml $(WITH_PLUGINS)
	$(CARGO) nextest run --locked --manifest-path plugins/Cargo.toml
	$(CARGO) nextest run --release --locked --no-fail-fast

test-all: test ## Also what takes long: all Debian packages, a system from nothing (as root)
	@.ci/need $(FOR_TEST_ALL)
	$(CARGO) nextest run --release --locked --no-fail-fast --profile all --run-ignored only
	$(MAKE) fuzz SECONDS_EACH=30

# Files of others, changed without end, for so long each.
export SECONDS_EACH ?= 600
fuzz: ## Change modules, images, signatures and settings, and read them: ten minutes each
	@.ci/need --rust
	@.ci/need $(FOR_FUZZ)
	@cargo fuzz --version >/dev/null 2>&1 || $(CARGO) install cargo-fuzz --locked
	tests/fuzz/run

# ONLY=status: rows with that in their names. REPEAT=3: so often each.
export ONLY REPEAT
bench: build ## Compare with Debian's dkms: speed and memory, as a table
	@.ci/need $(FOR_BENCH)
	$(CARGO) build --release --locked -p modsmith-tests --example bench
	@$(PROGRAMS)/examples/bench

lint: ## Check formatting, lints and documentation
	$(CARGO) fmt --all --check
	$(CARGO) fmt --check --manifest-path wit/Cargo.toml
	$(CARGO) fmt --check --manifest-path sdk/guest/Cargo.toml
	$(CARGO) fmt --check --manifest-path tests/fuzz/Cargo.toml
	$(CARGO) fmt --all --check --manifest-path plugins/Cargo.toml
	$(CARGO) clippy --release --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --manifest-path wit/Cargo.toml -- -D warnings
	$(CARGO) clippy --locked --all-targets --all-features --manifest-path sdk/guest/Cargo.toml $(WITH_PLUGINS) -- -D warnings
	$(CARGO) clippy --locked --all-targets --manifest-path plugins/Cargo.toml -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --release --locked --no-deps

clean: ## Remove everything that was built or downloaded
	$(CARGO) clean
	$(CARGO) clean --manifest-path wit/Cargo.toml
	$(CARGO) clean --manifest-path sdk/guest/Cargo.toml
	$(CARGO) clean --manifest-path plugins/Cargo.toml

include integration/install.mk
