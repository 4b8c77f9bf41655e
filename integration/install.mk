# `make install` and `make deb`: what goes where, and for which distribution.

PREFIX  ?= /usr
DESTDIR ?=
# Which kernel hooks: debian, redhat (any system with kernel-install) or arch.
FLAVOUR ?= $(shell . /etc/os-release 2>/dev/null; case " $$ID $$ID_LIKE " in \
	(*" debian "*|*" ubuntu "*) echo debian ;; (*" arch "*) echo arch ;; (*) echo redhat ;; esac)

BINDIR  ?= $(PREFIX)/bin
SBINDIR ?= $(if $(filter arch,$(FLAVOUR)),$(BINDIR),$(PREFIX)/sbin)
# The program looks for plugins in ../lib/modsmith beside its own directory.
LIBDIR  ?= $(PREFIX)/lib
DATADIR ?= $(PREFIX)/share
UNITDIR ?= $(LIBDIR)/systemd/system
ZSHDIR  ?= $(DATADIR)/zsh/$(if $(filter debian,$(FLAVOUR)),vendor-completions,site-functions)

DIRECTORY := install -d -m 755
# For files that name directories.
FILL      := sed -e 's|@SBINDIR@|$(SBINDIR)|g' -e 's|@LIBDIR@|$(LIBDIR)|g'

# $(call fill,FROM,TO,MODE)
define fill
	@$(DIRECTORY) $(dir $(DESTDIR)$(2))
	$(FILL) $(1) >$(DESTDIR)$(2)
	@chmod $(3) $(DESTDIR)$(2)

endef

# $(call put,MODE,DIRECTORY,FILES)
define put
	@$(DIRECTORY) $(DESTDIR)$(2)
	install -m $(1) $(3) $(DESTDIR)$(2)

endef

.PHONY: install install-program install-completion install-manual install-service install-settings \
	install-debian install-redhat install-arch deb

install: install-$(FLAVOUR) ## Install what was built (DESTDIR, PREFIX, FLAVOUR=debian|redhat|arch)

install-program:
	@test -x $(MODSMITH) && ls $(PROGRAMS)/plugins/* >/dev/null || \
		{ echo "The program or its plugins are not built: run \`make build\` first." >&2; exit 1; }
	$(call put,755,$(BINDIR),--strip $(MODSMITH))
	@$(DIRECTORY) $(DESTDIR)$(SBINDIR)
	ln -sfn $(if $(filter $(BINDIR),$(SBINDIR)),,$(shell realpath -ms --relative-to=$(SBINDIR) $(BINDIR))/)modsmith \
		$(DESTDIR)$(SBINDIR)/dkms
	$(call put,644,$(LIBDIR)/modsmith/plugins,$(wildcard $(PROGRAMS)/plugins/*.wasm $(PROGRAMS)/plugins/*.toml))
	$(call put,644,$(DATADIR)/doc/modsmith,README.md LICENSE-MIT LICENSE-APACHE)

install-completion:
	@$(DIRECTORY) $(addprefix $(DESTDIR),$(DATADIR)/bash-completion/completions $(ZSHDIR) \
		$(DATADIR)/fish/vendor_completions.d)
	@umask 022; for name in modsmith dkms; do \
		$(MODSMITH) completion bash --name $$name >$(DESTDIR)$(DATADIR)/bash-completion/completions/$$name && \
		$(MODSMITH) completion zsh --name $$name >$(DESTDIR)$(ZSHDIR)/_$$name && \
		$(MODSMITH) completion fish --name $$name >$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/$$name.fish || exit; \
	done

install-manual:
	@$(DIRECTORY) $(DESTDIR)$(DATADIR)/man/man8
	@umask 022; for name in modsmith dkms; do \
		$(MODSMITH) manual --name $$name >$(DESTDIR)$(DATADIR)/man/man8/$$name.8 || exit; \
	done

install-settings:
	@$(DIRECTORY) $(addprefix $(DESTDIR),/var/lib/dkms /usr/share/dkms/modules_to_force_install /etc/dkms/framework.conf.d)
	$(call put,644,/etc/dkms,integration/framework.conf)

install-service:
	$(call fill,integration/systemd/dkms.service,$(UNITDIR)/dkms.service,644)

# What every system has.
COMMON := install-program install-completion install-manual install-settings

install-debian: $(COMMON) install-service
	$(call put,755,$(LIBDIR)/dkms,integration/common.postinst integration/dkms_autoinstaller)
	$(call fill,integration/debian/preinst.d,/etc/kernel/preinst.d/dkms,755)
	$(call fill,integration/debian/postinst.d,/etc/kernel/postinst.d/dkms,755)
	$(call fill,integration/debian/postinst.d,/etc/kernel/header_postinst.d/dkms,755)
	$(call fill,integration/debian/prerm.d,/etc/kernel/prerm.d/dkms,755)
	$(call put,755,/usr/lib/kernel/install.d,integration/debian/40-dkms.install)

install-redhat: $(COMMON) install-service
	$(call put,755,$(LIBDIR)/dkms,integration/common.postinst)
	$(call put,755,/usr/lib/kernel/install.d,integration/redhat/40-dkms.install)

# Packages here have no scripts of their own: hooks do it all.
install-arch: $(COMMON) install-service
	$(call put,644,/usr/share/libalpm/hooks,$(wildcard integration/arch/*.hook))
	$(call put,755,/usr/share/libalpm/scripts,integration/arch/dkms)

DEB_VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
DEB_ARCH    = $(shell dpkg --print-architecture)
DEB_OUT    ?= target/deb

deb: ## Make a Debian package of what was built, in target/deb
	rm -rf $(DEB_OUT)/stage
	$(MAKE) install DESTDIR=$(DEB_OUT)/stage PREFIX=/usr FLAVOUR=debian
	integration/debian/deb/build $(DEB_OUT)/stage $(DEB_VERSION) $(DEB_ARCH)
	dpkg-deb --root-owner-group --build $(DEB_OUT)/stage $(DEB_OUT)/modsmith_$(DEB_VERSION)_$(DEB_ARCH).deb
