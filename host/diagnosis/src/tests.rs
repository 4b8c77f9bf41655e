//! Excerpts of logs that real compilers, makes and kernels wrote.

use super::*;

/// The log of a make that failed.
fn make(output: &str) -> String {
    format!(
        "DKMS (dkms-3.2.2) make.log for m/1 for kernel 6.1.0-56-amd64 (x86_64)\nSat Nov 21 16:32:54 UTC 2026\n\n\
         Building module(s)\n# command: make -C /lib/modules/6.1.0-56-amd64/build M=/var/lib/dkms/m/1/build --error=no\n\
         make: Entering directory '/usr/src/linux-headers-6.1.0-56-amd64'\n{output}\n\
         make: Leaving directory '/usr/src/linux-headers-6.1.0-56-amd64'\n\n# exit code: 2\n\
         # elapsed time: 00:00:01\n----------------------------------------------------------------\n"
    )
}

/// Class and text of the first error of what a failing make said.
#[track_caller]
fn says(output: &str, class: Class, first: &str) -> Diagnosis {
    let found = of_log(make(output).as_bytes()).unwrap();
    let line = found.first_error.clone().expect("a line is found");
    assert!(line.text.contains(first), "first error is {line:?}");
    assert_eq!(found.class, class, "{line:?}");
    let text = make(output).lines().nth(line.line as usize - 1).unwrap().to_owned();
    assert!(table::plain(text.trim()).starts_with(&line.text), "the line number leads to {text:?}");
    found
}

const STOPS: &str = "make[1]: *** [/usr/src/linux-headers-6.1.0-56-common/scripts/Makefile.build:255: /b/m.o] Error 1\n\
                     make: *** [/usr/src/linux-headers-6.1.0-56-common/Makefile:2065: /b] Error 2";

/// openrazer-driver-dkms 3.5.1: colours, then an argument that 6.1.0-56 added.
#[test]
fn too_few_arguments_are_a_changed_api() {
    says(
        &format!(
            "-e \n\u{1b}::[32m Compiling OpenRazer kernel modules\u{1b}[0m\n\
             /b/driver/razerkbd_driver.c: In function ‘razer_raw_event_bitfield’:\n\
             /b/driver/razerkbd_driver.c:3124:29: error: too few arguments to function ‘hid_report_raw_event’\n\
             /usr/src/linux-headers-6.1.0-56-common/include/linux/hid.h:1225:5: note: declared here\n{STOPS}"
        ),
        Class::ApiChanged,
        "razerkbd_driver.c:3124:29: error: too few arguments",
    );
}

/// lttng-modules-dkms 2.13.9: remarks on files that are not found come first.
#[test]
fn conflicting_types_are_a_changed_api_and_remarks_are_not_errors() {
    says(
        "/b/src/probes/Kbuild:27: File /usr/src/linux-headers-6.1.0-56-common/mm/slab.h not found. Probe \"kmem\" is \
         disabled. Use full kernel source tree to enable it.\n\
         /b/include/lttng/tracepoint-event-impl.h:133:6: error: conflicting types for ‘trace_hrtimer_start’; have \
         ‘void(struct hrtimer *, enum hrtimer_mode)’",
        Class::ApiChanged,
        "conflicting types for",
    );
}

/// librem-ec-acpi-dkms 0.9.1.
#[test]
fn incompatible_pointers_are_a_changed_api() {
    says(
        "/b/librem_ec_acpi.c:276:24: error: initialization of ‘int (*)(struct power_supply *, struct acpi_battery_hook \
         *)’ from incompatible pointer type ‘int (*)(struct power_supply *)’ [-Werror=incompatible-pointer-types]\n\
         cc1: some warnings being treated as errors",
        Class::ApiChanged,
        "librem_ec_acpi.c:276:24",
    );
}

#[test]
fn these_errors_of_compilers_and_modpost_are_a_changed_api() {
    for line in [
        "/b/a.c:4:28: error: implicit declaration of function ‘init_timer’ [-Werror=implicit-function-declaration]",
        "/b/a.c:4:28: error: call to undeclared function 'init_timer'; ISO C99 and later do not support implicit",
        "/b/a.c:4:43: error: ‘struct module’ has no member named ‘nosuch’",
        "/b/a.c:7:10: error: macro \"access_ok\" passed 3 arguments, but takes just 2",
        "/b/a.c:9:5: error: unknown type name ‘mm_segment_t’",
        "/b/a.c:9:5: error: ‘KERNEL_DS’ undeclared (first use in this function)",
        "/b/a.c:3:10: fatal error: linux/no_such_header.h: No such file or directory",
        "/b/a.c:3:10: fatal error: stdarg.h: No such file or directory",
        "ERROR: modpost: module m uses symbol dma_buf_put from namespace DMA_BUF, but does not import it.",
    ] {
        says(&format!("{line}\n{STOPS}"), Class::ApiChanged, line);
    }
}

/// Makes with `CC=gcc-99`, without a compiler's back end, and without ld.
#[test]
fn a_compiler_that_is_not_there_is_a_missing_compiler() {
    let found = says(&format!("/bin/sh: 1: gcc-99: not found\n{STOPS}"), Class::CompilerMissing, "gcc-99: not found");
    assert_eq!(found.program.as_deref(), Some("gcc-99"));
    for line in [
        "/bin/bash: line 1: x86_64-linux-gnu-gcc-12: command not found",
        "gcc-12: fatal error: cannot execute ‘cc1’: execvp: No such file or directory",
        "make[2]: clang: No such file or directory",
        "/bin/sh: 1: ld.lld: not found",
    ] {
        says(line, Class::CompilerMissing, line);
    }
}

#[test]
fn a_compiler_that_is_another_one_is_a_mismatch() {
    says(
        &format!("gcc-12: error: unrecognized command-line option ‘-fno-such-option’\n{STOPS}"),
        Class::CompilerMismatch,
        "unrecognized command-line option",
    );
    says(
        "cc1: error: cannot load plugin /tmp/x.so: /tmp/x.so: cannot open shared object file: No such file or directory",
        Class::CompilerMismatch,
        "cannot load plugin",
    );
    // A remark of every build with another compiler: only where nothing says more.
    let remark = "warning: the compiler differs from the one used to build the kernel";
    says(&format!("{remark}\n{STOPS}"), Class::CompilerMismatch, "the compiler differs");
    says(&format!("{remark}\n/b/a.c:4:28: error: ‘x’ undeclared"), Class::ApiChanged, "undeclared");
}

#[test]
fn a_tool_that_is_not_there_is_a_missing_tool() {
    let found = says(
        "no-such-tool x\nmake: no-such-tool: No such file or directory\nmake: *** [mf:2: all] Error 127",
        Class::ToolMissing,
        "make: no-such-tool",
    );
    assert_eq!(found.program.as_deref(), Some("no-such-tool"));
    says("/bin/sh: 1: bc: not found", Class::ToolMissing, "bc");
    says("/usr/bin/env: ‘python3’: No such file or directory", Class::ToolMissing, "python3");
    says(
        "Makefile:1059: *** \"Cannot generate ORC metadata for CONFIG_UNWINDER_ORC=y, please install libelf-dev\".  Stop.",
        Class::ToolMissing,
        "libelf",
    );
}

/// As modsmith writes it for the system, which does not say what is missing.
#[test]
fn an_interpreter_that_is_not_there_is_a_missing_tool_and_a_line_end_a_line_to_correct() {
    let found = says(
        "/b/configure.py: its interpreter `/usr/bin/python2` is not installed.",
        Class::ToolMissing,
        "its interpreter `/usr/bin/python2`",
    );
    assert_eq!(found.program.as_deref(), Some("python2"));
    says(
        "/b/pre.sh: it cannot be started: its first line ends in a carriage return. Convert the file to Unix line ends.",
        Class::Unknown,
        "Convert the file to Unix line ends",
    );
}

/// dahdi-dkms 3.4.0, where Debian's small perl-base is all that there is of Perl.
#[test]
fn a_module_of_an_interpreter_that_is_not_there_is_a_missing_tool() {
    says(
        "  VERIFY  xpp/init_card_1_30\n\
         Can't locate Getopt/Std.pm in @INC (you may need to install the Getopt::Std module) (@INC entries checked: \
         /etc/perl /usr/share/perl5) at xpp/init_card_1_30 line 46.\n\
         BEGIN failed--compilation aborted at xpp/init_card_1_30 line 46.\n\
         make[5]: *** [xpp/Kbuild:78: xpp/init_card_1_30.verified] Error 1",
        Class::ToolMissing,
        "Can't locate Getopt/Std.pm",
    );
    says(
        "Traceback (most recent call last):\n  File \"/b/gen.py\", line 1, in <module>\n    import yaml\n\
         ModuleNotFoundError: No module named 'yaml'\nmake: *** [Makefile:3: x.h] Error 1",
        Class::ToolMissing,
        "No module named 'yaml'",
    );
}

#[test]
fn symbols_that_no_module_exports_are_missing_symbols() {
    says(
        "  MODPOST /b/Module.symvers\nERROR: modpost: \"no_such_symbol\" [/b/undef.ko] undefined!\n\
         make[1]: *** [/usr/src/linux-headers-6.1.0-56-common/scripts/Makefile.modpost:127: /b/Module.symvers] Error 1",
        Class::SymbolMissing,
        "no_such_symbol",
    );
    says(
        "ERROR: modpost: GPL-incompatible module gpl.ko uses GPL-only symbol 'register_kprobe'",
        Class::SymbolMissing,
        "register_kprobe",
    );
}

#[test]
fn files_that_the_source_lacks_are_an_incomplete_source() {
    says(
        "make[1]: *** No rule to make target '/b/nosrc.o', needed by '/b/'.  Stop.",
        Class::SourceIncomplete,
        "No rule to make target",
    );
    says("/b/a.c:3:10: fatal error: common.h: No such file or directory", Class::SourceIncomplete, "common.h");
    says("/bin/sh: 1: ./conftest.sh: not found", Class::SourceIncomplete, "conftest.sh");
}

#[test]
fn headers_that_are_missing_or_half_there_are_missing_headers() {
    says(
        "make: *** /lib/modules/9.9/build: No such file or directory.  Stop.",
        Class::HeadersMissing,
        "/lib/modules/9.9",
    );
    says("/bin/sh: 1: scripts/basic/fixdep: not found", Class::HeadersMissing, "fixdep");
    says("  ERROR: Kernel configuration is invalid.", Class::HeadersMissing, "configuration is invalid");
    says("Makefile:12: *** Kernel headers not found, set KDIR.  Stop.", Class::HeadersMissing, "Kernel headers");
    says(
        "./include/linux/kconfig.h:5:10: fatal error: generated/autoconf.h: No such file or directory",
        Class::HeadersMissing,
        "autoconf.h",
    );
}

/// On a tmpfs of 20 and of 120 kB.
#[test]
fn a_full_file_system_is_a_lack_of_space() {
    says(
        &format!("/b/ok.c:3:1: fatal error: error writing to /tmp/cchCX9fn.s: No space left on device\n{STOPS}"),
        Class::NoSpace,
        "No space left",
    );
    says(&format!("fixdep: not all data was written to the output\n{STOPS}"), Class::NoSpace, "fixdep");
}

/// In a control group of 12 MB, with a limited address space, and killed by hand.
#[test]
fn memory_that_does_not_suffice_is_a_lack_of_memory() {
    for line in [
        "gcc-12: fatal error: Killed signal terminated program cc1",
        "virtual memory exhausted: Cannot allocate memory",
        "Killed",
        "make[1]: *** [/usr/src/linux-headers-6.1.0-56-common/scripts/Makefile.build:255: /b/ok.o] Killed",
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1: error while loading shared libraries: libc.so.6: failed to map segment from shared object",
        "make[1]: *** [/usr/src/linux-headers-6.1.0-56-common/scripts/Makefile.build:255: /b/ok.o] Error 137",
    ] {
        says(line, Class::OutOfMemory, line);
    }
}

#[test]
fn errors_without_a_class_are_found_and_make_is_quoted_only_without_any() {
    says(
        &format!("/b/syntax.c:3:9: error: expected expression before ‘;’ token\n{STOPS}"),
        Class::Unknown,
        "syntax.c:3:9",
    );
    says(
        &format!(
            "ld: /b/b.o: in function `f':\n/b/b.c:1: multiple definition of `f'; /b/a.o:/b/a.c:1: first defined here\n{STOPS}"
        ),
        Class::Unknown,
        "multiple definition",
    );
    says(STOPS, Class::Unknown, "make[1]: *** [");
    says("quiet", Class::Unknown, "quiet");
}

/// dahdi-linux 3.1.0: make names its rule, the recipe what is wrong.
#[test]
fn what_the_recipe_said_is_the_first_error_and_not_that_make_stopped() {
    let stopped = "make[5]: *** [xpp/Kbuild:78: /b/xpp/init_card_1_30.verified] Error 1\nmake[4]: *** [xpp] Error 2";
    for said in [
        "init_card_1_30 has errors:",
        "Checking is not possible (missing interpreter)",
        "/b/gen.sh: the table is inconsistent",
    ] {
        let output = format!("  CC [M]  /b/a.o\n{said}\nmake[5]: Entering directory '/b'\n  CC [M]  /b/b.o\n{stopped}");
        let found = says(&output, Class::Unknown, said);
        assert!(found.first_error.is_some_and(|line| line.text == said));
    }
    // What tells of a failure, before what comes later of another recipe.
    says(&format!("lock.verified exists already\nanother recipe is done\n{stopped}"), Class::Unknown, "exists already");
    // Nothing but what makes say themselves.
    says(&format!("  CC [M]  /b/a.o\nmake -C sub all\n{stopped}"), Class::Unknown, "make[5]: ***");
    // What is known for a cause stays it.
    says(&format!("done\n/b/a.c:1:1: error: expected ‘;’\n{stopped}"), Class::Unknown, "a.c:1:1");
}

/// A PRE_BUILD with this output, which ends with 0, and a make that fails.
fn after_pre_build(pre_build: &str, make: &str) -> Diagnosis {
    let log = format!(
        "DKMS (dkms-3.2.2) make.log for m/1 for kernel k (x86_64)\ndate\n\nRunning the pre_build script\n\
         # command: ./configure\n{pre_build}\n\n# exit code: 0\n\nBuilding module(s)\n# command: make\n{make}\n\n# exit code: 2\n"
    );
    of_log(log.as_bytes()).unwrap().with_error(Stop::Make, [])
}

#[test]
fn a_pre_build_that_hides_its_error_is_the_cause_of_what_follows() {
    let missing = "make: *** No rule to make target 'config.mk', needed by 'all'.  Stop.";
    let stopped = "make: *** [Makefile:3: all] Error 2";
    for make in [missing, stopped, "/b/a.c:1:10: fatal error: config.h: No such file or directory"] {
        let found = after_pre_build("checking\nconfigure: error: no library", make);
        assert_eq!((found.class, found.of_pre_build), (Class::ScriptFailed, true), "{make}");
        assert_eq!(found.first_error.unwrap().line, 7);
        let found = after_pre_build("./configure: line 3: bc: command not found", make);
        assert_eq!((found.class, found.program.as_deref()), (Class::ToolMissing, Some("bc")));
    }
    // What configure tries out, and what is not there, hides no error of the build's own.
    for pre_build in
        ["conftest.c:1:1: error: unknown type name ‘x’", "cat: /etc/none: No such file or directory", "fine"]
    {
        let found = after_pre_build(pre_build, missing);
        assert_eq!((found.class, found.of_pre_build), (Class::SourceIncomplete, false), "{pre_build}");
    }
    let found = after_pre_build("configure: error: no library", "/b/a.c:1:1: error: unknown type name ‘x’");
    assert_eq!((found.class, found.of_pre_build), (Class::ApiChanged, false));
}

#[test]
fn a_build_for_the_running_kernel_is_told_as_that_and_not_as_missing_headers() {
    let of = |output: &str, kernel: &str| {
        let found = of_log(make(output).as_bytes()).unwrap().with_error(Stop::Make, []);
        let found = found.for_kernel(kernel, "6.9.9-running");
        (found.class, found.other_kernel)
    };
    let other = (Class::OtherKernel, Some("6.9.9-running".to_owned()));
    let gone = "make[1]: *** /lib/modules/6.9.9-running/build: No such file or directory.  Stop.";
    assert_eq!(of(gone, "6.1.0-56-amd64"), other);
    assert_eq!(of(gone, "6.9.9-running"), (Class::HeadersMissing, None), "its own headers are missing");
    let uname = "cat: /lib/modules/6.9.9-running/build/.config: No such file or directory";
    assert_eq!(of(uname, "6.1.0-56-amd64"), other);
    // It has headers, and the source is not for that one.
    let api = "make -C /lib/modules/6.9.9-running/build M=/b modules\n/b/a.c:1:1: error: unknown type name ‘x’";
    assert_eq!(of(api, "6.1.0-56-amd64"), other);
    let both = format!("make -C /lib/modules/6.1.0-56-amd64/build M=/b\n{api}");
    assert_eq!(of(&both, "6.1.0-56-amd64"), (Class::ApiChanged, None));
}

/// ipt-netflow 2.6 without iptables.
#[test]
fn a_script_says_itself_what_it_lacks() {
    let log = "DKMS (dkms-3.2.2) make.log for ipt-netflow/2.6 for kernel 6.1.0-56-amd64 (x86_64)\n\
               Sat Nov 21 16:33:22 UTC 2026\n\nRunning the pre_build script\n# command: ./configure\n\
               Iptables binary version: no iptables binary found\n\
               ! Error: Can not find iptables version, try setting it with --ipt-ver=\n\n# exit code: 1\n";
    let found = of_log(log.as_bytes()).unwrap().with_error(Stop::Script, []);
    assert_eq!(found.class, Class::ScriptFailed);
    assert_eq!(found.first_error.unwrap().line, 7);
}

#[test]
fn a_patch_is_rejected_or_there_is_no_patch_program() {
    let log = "DKMS (dkms-3.2.2) make.log for m/1 for kernel k (x86_64)\ndate\n\nApplying patch a\n# command: patch\n\
               patching file f.c\nHunk #1 FAILED at 1.\n1 out of 1 hunk FAILED -- saving rejects to file f.c.rej\n\n# exit code: 1\n";
    let found = of_log(log.as_bytes()).unwrap().with_error(Stop::Patch, []);
    assert_eq!(found.class, Class::PatchRejected);
    assert_eq!(found.first_error.unwrap().text, "Hunk #1 FAILED at 1.");
    let found = Diagnosis::default().with_error(Stop::Patch, ["`patch` is not installed."]);
    assert_eq!((found.class, found.program.as_deref()), (Class::ToolMissing, Some("patch")));
}

#[test]
fn only_the_command_that_failed_is_looked_at() {
    let log = "DKMS (dkms-3.2.2) make.log for m/1 for kernel k (x86_64)\ndate\n\nRunning the pre_build script\n\
               # command: ./probe\nconftest.c:1:1: error: implicit declaration of function ‘probe’\n\n# exit code: 0\n\
               \nBuilding module(s)\n# command: make\n/b/a.c:4:43: error: expected ‘;’\n\n# exit code: 2\n";
    let found = of_log(log.as_bytes()).unwrap();
    assert_eq!((found.class, found.first_error.unwrap().line), (Class::Unknown, 12));
    // A plan that fails after make has nothing to do with what make said.
    let log = log.replace("exit code: 2", "exit code: 0");
    let found = of_log(log.as_bytes()).unwrap().with_error(Stop::Other, ["No space left on device (os error 28)."]);
    assert_eq!((found.class, found.first_error), (Class::NoSpace, None));
    let found = of_log(log.as_bytes()).unwrap().with_error(Stop::Product, []);
    assert!(found.class == Class::ProductMissing && found.first_error.is_some());
}

#[test]
fn logs_of_older_dkms_have_no_blocks() {
    let log = "DKMS make.log for m-1 for kernel 5.4 (x86_64)\nMon Jan  1\nmake: Entering directory '/h'\n/b/a.c:1:1: error: unknown type name ‘x’\n";
    let found = of_log(log.as_bytes()).unwrap();
    assert_eq!((found.class, found.first_error.unwrap().line), (Class::ApiChanged, 4));
}

#[test]
fn a_log_that_is_no_text_or_empty_is_no_error() {
    assert_eq!(of_log(&b""[..]).unwrap(), Diagnosis::default());
    of_log(&b"\xff\xfe\n\0\0\n"[..]).unwrap();
}

#[test]
fn every_remedy_is_one_sentence_with_the_facts_at_hand() {
    let facts = Facts {
        package: "m/1",
        kernel: "6.1",
        header_package: Some("headers-6.1".into()),
        compiler: Some("gcc-12 (X 12.2.0) 12.2.0"),
        program: Some("bc"),
        refusal: None,
        confinement_file: "/etc/confinement.toml",
        has_error: false,
        of_pre_build: false,
        other_kernel: Some("6.9"),
        asks_running: None,
        other_versions: vec!["2".into()],
        built_for: vec!["6.0".into()],
        source: "/usr/src/m-1".into(),
        tree: "/var/lib/dkms".into(),
    };
    use Class::*;
    for (class, fact) in [
        (HeadersMissing, "headers-6.1"),
        (OtherKernel, "instead of 6.9"),
        (ApiChanged, "in the tree: 2"),
        (ApiChanged, "built for: 6.0"),
        (CompilerMissing, "gcc-12 (X 12.2.0)"),
        (CompilerMismatch, "gcc-12 (X 12.2.0)"),
        (ToolMissing, "bc"),
        (SymbolMissing, "6.1"),
        (SourceIncomplete, "/usr/src/m-1"),
        (NoSpace, "/var/lib/dkms"),
        (OutOfMemory, "-j 1"),
        (PatchRejected, "PATCH_MATCH"),
        (ScriptFailed, "dkms build m/1 -k 6.1"),
        (DependencyMissing, "BUILD_DEPENDS"),
        (ProductMissing, "BUILT_MODULE_NAME"),
        (ConfInvalid, "modsmith conf m/1"),
        (Unknown, "modsmith log m/1 -k 6.1"),
    ] {
        let text = remedy(class, &facts);
        assert!(text.contains(fact) && text.ends_with('.'), "{class:?}: {text}");
    }
}
