# `make install` and `make deb`: what goes where, and for which distribution.

PREFIX  ?= /usr
DESTDIR ?=
# Which kernel hooks: debian, arch, void, alpine, or redhat (any system with
# kernel-install). The files themselves come from plugins.
FLAVOUR ?= $(shell . /etc/os-release 2>/dev/null; case " $$ID $$ID_LIKE " in \
	(*" debian "*|*" ubuntu "*) echo debian ;; (*" arch "*) echo arch ;; (*" void "*) echo void ;; \
	(*" alpine "*) echo alpine ;; (*) echo redhat ;; esac)

BINDIR  ?= $(PREFIX)/bin
SBINDIR ?= $(if $(filter arch,$(FLAVOUR)),$(BINDIR),$(PREFIX)/sbin)
# The program looks for its shim and for plugins in ../lib/modsmith beside its own directory.
LIBDIR  ?= $(PREFIX)/lib
DATADIR ?= $(PREFIX)/share
ZSHDIR  ?= $(DATADIR)/zsh/$(if $(filter debian,$(FLAVOUR)),vendor-completions,site-functions)

DIRECTORY := install -d -m 755

# $(call hooks,PLUGIN)
define hooks
	@umask 022; MODSMITH_CACHE_DIR=$(abspath $(PROGRAMS))/plugin-cache $(MODSMITH) plugin hook-files $(1) \
		--into $(or $(DESTDIR),/) --sbindir $(SBINDIR) --libdir $(LIBDIR)

endef

# $(call put,MODE,DIRECTORY,FILES)
define put
	@$(DIRECTORY) $(DESTDIR)$(2)
	install -m $(1) $(3) $(DESTDIR)$(2)

endef

.PHONY: install install-debug install-plugin-tool install-program install-completion install-manual install-settings install-user \
	install-debian install-redhat install-arch install-void install-alpine uninstall deb

install: install-$(FLAVOUR) ## Install what was built (DESTDIR, PREFIX, FLAVOUR=debian|redhat|arch|void|alpine)

install-program:
	@test -x $(MODSMITH) && test -x $(PROGRAMS)/modsmith-shim && ls $(PROGRAMS)/plugins/* >/dev/null || \
		{ echo "The program or its plugins are not built: run \`make build\` first." >&2; exit 1; }
	$(call put,755,$(BINDIR),--strip $(MODSMITH))
	@$(DIRECTORY) $(DESTDIR)$(SBINDIR)
	ln -sfn $(if $(filter $(BINDIR),$(SBINDIR)),,$(shell realpath -ms --relative-to=$(SBINDIR) $(BINDIR))/)modsmith \
		$(DESTDIR)$(SBINDIR)/dkms
	$(call put,755,$(LIBDIR)/modsmith,--strip $(PROGRAMS)/modsmith-shim)
	$(call put,644,$(LIBDIR)/modsmith/plugins,$(wildcard $(PROGRAMS)/plugins/*.wasm $(PROGRAMS)/plugins/*.toml))
	$(call put,644,$(DATADIR)/doc/modsmith,README.md LICENSE-MIT LICENSE-APACHE)

# For debuggers, which look there: https://sourceware.org/gdb/current/onlinedocs/gdb.html/Separate-Debug-Files.html
DEBUGDIR := $(PREFIX)/lib/debug

# $(call debug,DIRECTORY,FILE)
define debug
	@$(DIRECTORY) $(DESTDIR)$(DEBUGDIR)$(1)
	objcopy --only-keep-debug $(2) $(DESTDIR)$(DEBUGDIR)$(1)/$(notdir $(2)).debug
	objcopy --strip-all --add-gnu-debuglink=$(DESTDIR)$(DEBUGDIR)$(1)/$(notdir $(2)).debug $(2) $(DESTDIR)$(1)/$(notdir $(2))

endef

install-debug: install-program ## Install debug information apart, below PREFIX/lib/debug
	$(call debug,$(BINDIR),$(MODSMITH))
	$(call debug,$(LIBDIR)/modsmith,$(PROGRAMS)/modsmith-shim)

install-plugin-tool: ## Install modsmith-plugin, which builds and tests plugins
	$(call put,755,$(BINDIR),--strip $(PROGRAMS)/modsmith-plugin)

install-completion:
	@$(DIRECTORY) $(addprefix $(DESTDIR),$(DATADIR)/bash-completion/completions $(ZSHDIR) \
		$(DATADIR)/fish/vendor_completions.d)
	@umask 022; for name in modsmith dkms; do \
		$(MODSMITH) completion bash --on-demand --name $$name >$(DESTDIR)$(DATADIR)/bash-completion/completions/$$name && \
		$(MODSMITH) completion zsh --on-demand --name $$name >$(DESTDIR)$(ZSHDIR)/_$$name && \
		$(MODSMITH) completion fish --on-demand --name $$name >$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/$$name.fish || exit; \
	done

install-manual:
	@$(DIRECTORY) $(addprefix $(DESTDIR)$(DATADIR)/man/,man5 man8)
	@umask 022; for name in modsmith dkms; do \
		$(MODSMITH) manual --name $$name >$(DESTDIR)$(DATADIR)/man/man8/$$name.8 || exit; \
	done
	@umask 022; $(MODSMITH) manual --name dkms.conf >$(DESTDIR)$(DATADIR)/man/man5/dkms.conf.5

install-settings:
	@$(DIRECTORY) $(addprefix $(DESTDIR),/var/lib/dkms /usr/share/dkms/modules_to_force_install /etc/dkms/framework.conf.d)
	$(call put,644,$(DATADIR)/doc/modsmith,integration/framework.conf)

# What every system has.
COMMON := install-program install-completion install-manual install-settings

# Where systemd-sysusers makes the user at boot, or when a package asks for it.
install-user:
	@$(DIRECTORY) $(DESTDIR)/usr/lib/sysusers.d
	install -m 644 integration/sysusers.conf $(DESTDIR)/usr/lib/sysusers.d/modsmith.conf

install-debian: $(COMMON) install-user
	$(call put,755,$(LIBDIR)/dkms,sdk/guest/src/packaging/common.postinst integration/dkms_autoinstaller)
	$(call hooks,run-parts-hooks)
	$(call hooks,boot-service)

install-redhat: $(COMMON) install-user
	$(call put,755,$(LIBDIR)/dkms,sdk/guest/src/packaging/common.postinst)
	$(call hooks,kernel-install-hooks)
	$(call hooks,boot-service)

# Packages here have no scripts of their own: hooks do it all.
install-arch: $(COMMON) install-user
	$(call hooks,pacman-hooks)
	$(call hooks,boot-service)

install-void install-alpine: install-%: $(COMMON)
	$(call put,755,$(LIBDIR)/dkms,sdk/guest/src/packaging/common.postinst integration/dkms_autoinstaller)
	$(call hooks,$*-hooks)

# What `make install` puts where is asked of itself: it installs once more, out of the way.
UNINSTALL_STAGE := target/uninstall

uninstall: ## Remove what `make install` put there (the same DESTDIR, PREFIX, FLAVOUR), but nothing of yours
	@rm -rf $(UNINSTALL_STAGE)
	@$(MAKE) --no-print-directory install DESTDIR=$(abspath $(UNINSTALL_STAGE)) >/dev/null
	@integration/uninstall $(UNINSTALL_STAGE) "$(DESTDIR)/"
	@rm -rf $(UNINSTALL_STAGE)

DEB_VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
DEB_ARCH    = $(shell dpkg --print-architecture)
DEB_OUT    ?= target/deb
# dpkg-deb's own default; -Znone is quick.
DEB_COMPRESSION ?=

deb: ## Make Debian packages of what was built, in target/deb
	rm -rf $(DEB_OUT)/stage
	$(MAKE) install DESTDIR=$(DEB_OUT)/stage PREFIX=/usr FLAVOUR=debian
	integration/debian/deb/build $(DEB_OUT)/stage $(DEB_VERSION) $(DEB_ARCH)
	dpkg-deb --root-owner-group $(DEB_COMPRESSION) --build $(DEB_OUT)/stage $(DEB_OUT)/modsmith_$(DEB_VERSION)_$(DEB_ARCH).deb
	rm -rf $(DEB_OUT)/tool
	$(MAKE) install-plugin-tool DESTDIR=$(DEB_OUT)/tool PREFIX=/usr FLAVOUR=debian
	integration/debian/deb/build-tool $(DEB_OUT)/tool $(DEB_VERSION) $(DEB_ARCH)
	dpkg-deb --root-owner-group $(DEB_COMPRESSION) --build $(DEB_OUT)/tool $(DEB_OUT)/modsmith-plugin_$(DEB_VERSION)_$(DEB_ARCH).deb
