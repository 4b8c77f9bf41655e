//! Shims: programs that builds find under the names of others. They save builds
//! work, and builds cannot tell, whatever they do to their environment.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{World, paths, tool};

/// The program that is called by the names of others.
fn shim() -> PathBuf {
    let shim = paths::programs().join("modsmith-shim");
    assert!(shim.exists(), "{} has not been built: run `make build`", shim.display());
    shim
}

fn registered(names: &[&str]) -> World {
    let world = World::generic();
    world.opens_boot();
    for name in names {
        let package = Package::new(name, "1.0").compiled();
        world.add_package(&package);
        world.dkms(&format!("add {}", package.id())).expect(0);
    }
    world
}

/// Puts a script on the path that writes down what it is called with, and then is
/// the program of that name.
fn watch(world: &World, name: &str) {
    let real = tool::path(name);
    let script = format!("#!/bin/sh\necho \"$*\" >>/boot/asked\nexec {} \"$@\"\n", real.display());
    world.write(&format!("bin/{name}"), script);
    fs::set_permissions(world.path(format!("bin/{name}")), PermissionsExt::from_mode(0o755)).unwrap();
}

fn watch_compilers(world: &World) {
    let names = fs::read_dir("/usr/bin").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let is_gcc =
        |name: &String| name.strip_prefix("gcc-").is_some_and(|version| version.chars().all(|c| c.is_ascii_digit()));
    let compilers: Vec<String> = names.filter(is_gcc).collect();
    assert!(!compilers.is_empty(), "no gcc with a version in its name is installed: apt-get install gcc");
    compilers.iter().for_each(|name| watch(world, name));
}

/// The questions that reached the compiler, without the name of the file.
fn questions(world: &World) -> Vec<String> {
    let asked = fs::read_to_string(world.path("boot/asked")).unwrap();
    let question = |line: &str| line.split_once(" /dev/null -o ").map(|(question, _)| question.to_owned());
    asked.lines().filter_map(question).collect()
}

#[test]
fn compilers_are_asked_the_same_question_once() {
    let names = ["one", "two", "three"];
    let world = registered(&names);
    watch_compilers(&world);
    // One after the other, so that no two ask at the same time.
    world.write("etc/dkms/framework.conf", "tmp_location=/boot/tmp\n");
    let command = format!("mkdir /boot/tmp && dkms autoinstall -k {} -j 1", kernel());
    world.shell(&command).run().expect(0);
    let questions = questions(&world);
    let different: BTreeSet<&String> = questions.iter().collect();
    assert!(different.len() > 10, "{questions:?}");
    assert_eq!(questions.len(), different.len(), "{questions:?}");
    let asked = fs::read_to_string(world.path("boot/asked")).unwrap();
    for name in names {
        assert!(asked.contains(&format!("{name}.o")) || asked.contains(&format!("{name}.mod.o")), "{asked}");
    }
    assert_eq!(fs::read_dir(world.path("boot/tmp")).unwrap().count(), 0, "temporary files are left");
}

/// As packages of a transaction have them: each clears its environment.
#[test]
fn answers_are_found_where_a_recipe_clears_its_environment() {
    let world = World::generic();
    world.opens_boot();
    for name in ["one", "two"] {
        let recipe = "for times in 1 2; do\n    env -i PATH=\"$PATH\" make -C \"/lib/modules/$1/build\" M=\"$PWD\" || exit\ndone";
        let package = Package::new(name, "1.0").conf("MAKE[0]='./recipe $kernelver'").script("recipe", recipe);
        world.add_package(&package);
        world.dkms(&format!("add {}", package.id())).expect(0);
    }
    watch_compilers(&world);
    world.dkms(&format!("autoinstall -k {} -j 1", kernel())).expect(0);
    let questions = questions(&world);
    let different: BTreeSet<&String> = questions.iter().collect();
    assert!(different.len() > 10, "{questions:?}");
    // Once for each package, and once beforehand with another language: not by each of four makes.
    assert_eq!(questions.len(), 3 * different.len(), "{questions:?}");
}

/// A package whose module is not stripped and not signed: it is as make left it.
fn as_made(recipe: &str) -> (World, Package) {
    let world = World::generic();
    world.opens_boot();
    world.write("etc/dkms/framework.conf", "try_sign_modules=false\n");
    let conf = "STRIP[0]=no\nMAKE[0]=\"./recipe\"\nCLEAN=true\n";
    let package = Package::new("one", "1.0").conf(conf).script("recipe", &format!("set -e\n{recipe}"));
    world.add_package(&package);
    (world, package)
}

/// The module that plain make makes, without modsmith.
fn made_by_plain_make() -> Vec<u8> {
    let (world, _) = as_made("");
    let script = format!(
        "mkdir -p /var/lib/dkms/one/1.0 && cp -r /usr/src/one-1.0 /var/lib/dkms/one/1.0/build && \
         make -C /lib/modules/{}/build M=/var/lib/dkms/one/1.0/build",
        kernel()
    );
    world.shell(&script).run().expect(0);
    fs::read(world.path("var/lib/dkms/one/1.0/build/one.ko")).unwrap()
}

/// What modsmith makes with a recipe, in which `$make` is the kernel's make and
/// `$k` its arguments. Two makes in a recipe are what compilers have shims for.
fn made_by(recipe: &str) -> Vec<u8> {
    let before = "# make; make\n\
                  case $(command -v gcc) in */compilers/gcc) ;; *) echo \"no shim on $PATH\"; exit 1 ;; esac\n\
                  command -v nm\n\
                  k=\"-C /lib/modules/$kernelver/build M=$PWD\"";
    let (world, package) = as_made(&format!("{before}\n{recipe}"));
    let conf = fs::read_to_string(world.path("usr/src/one-1.0/dkms.conf")).unwrap();
    // Two words `make`, and the kernel for the script.
    let conf = conf.replace("./recipe", "kernelver=$kernelver ./recipe make make");
    world.write("usr/src/one-1.0/dkms.conf", conf);
    let out = world.dkms(&format!("build {} -k {}", package.id(), kernel()));
    let log = format!("var/lib/dkms/one/1.0/{}/{}/log/make.log", kernel(), kernel::arch());
    let failed = world.path("var/lib/dkms/one/1.0/build/make.log");
    let log = fs::read_to_string(world.path(log)).or_else(|_| fs::read_to_string(failed)).unwrap_or_default();
    assert_eq!(out.code, 0, "{recipe}: {out}\n{log}");
    let module = format!("var/lib/dkms/one/1.0/{}/{}/module/one.ko", kernel(), kernel::arch());
    fs::read(world.path(module)).unwrap()
}

/// Recipes build what plain make builds, byte for byte.
fn same_as_plain_make(recipes: &[&str]) {
    let expected = made_by_plain_make();
    for recipe in recipes {
        assert!(made_by(recipe) == expected, "another module than plain make's: {recipe}");
    }
}

#[test]
fn recipes_that_clear_or_replace_their_environment_build_as_with_plain_make() {
    same_as_plain_make(&[
        "make $k",
        "env -i PATH=\"$PATH\" make $k",
        "env -i PATH=/usr/bin make $k",
        "PATH=/usr/bin:/bin make $k",
        "PATH=\"/opt/none:$PATH:/usr/bin\" TMPDIR=/none make $k",
        "exec env -i PATH=\"$PATH\" sh -c \"make $k\"",
        "for variable in $(env | sed -n 's/^\\([A-Za-z_]*\\)=.*/\\1/p'); do [ $variable = PATH ] || unset $variable; done; make -C /lib/modules/*/build M=\"$(pwd)\"",
    ]);
}

#[test]
#[ignore = "slow"]
fn compilers_that_are_called_by_a_path_build_as_with_plain_make() {
    same_as_plain_make(&[
        "make $k CC=\"$(command -v gcc)\"",
        "gcc=$(command -v gcc); PATH=/usr/bin:/bin make $k CC=$gcc",
        "gcc=$(command -v gcc); env -i PATH=/usr/bin:/bin make $k CC=$gcc NM=/usr/bin/nm",
        "gcc=$(command -v gcc); cd \"$(dirname \"$gcc\")\" && make $k CC=\"$gcc\" HOSTCC=./gcc",
        // A link, and a program that calls the compiler under another name.
        "ln -s \"$(command -v gcc)\" mygcc; make $k CC=\"$PWD/mygcc\"; rm mygcc",
        "printf '#!/bin/bash\\nexec -a cc env gcc \"$@\"\\n' >wrapped; chmod +x wrapped; make $k CC=\"$PWD/wrapped\"",
    ]);
}

#[test]
fn recipes_that_call_another_make_build_as_with_plain_make() {
    same_as_plain_make(&[
        "env -i PATH=\"$PATH\" sh -c \"sh -c 'exec make $k'\"",
        "echo \"$k\" | xargs -P 2 make",
        "printf 'all:\\n\\tenv -i PATH=\"$$PATH\" $(MAKE) %s\\n' \"$k\" >again.mk; make -f again.mk",
        "printf 'all:\\n\\tcd / && $(MAKE) %s\\n' \"$k\" >again.mk; env -u MAKEFLAGS make -j2 -f again.mk",
    ]);
}

#[test]
#[ignore = "slow"]
fn compilers_behind_ccache_build_as_with_plain_make() {
    tool::path("ccache");
    same_as_plain_make(&[
        "export CCACHE_DIR=/boot/ccache; make $k CC='ccache gcc'",
        "export CCACHE_DIR=/boot/ccache; PATH=\"/usr/lib/ccache:$PATH\" make $k",
        // The path is ccache's before the shims are on it, or after them.
        "export CCACHE_DIR=/boot/ccache; unset CCACHE_PATH; PATH=\"$PATH:/usr/lib/ccache\" make $k CC='ccache gcc'",
        "env -i CCACHE_DIR=/boot/ccache PATH=\"/usr/lib/ccache:$PATH\" make $k",
        "env -i CCACHE_DIR=/boot/ccache PATH=\"$PATH\" make $k CC=\"ccache $(command -v gcc)\"",
    ]);
}

#[test]
fn ccache_before_all_compilers_is_the_real_one_and_knows_compilers_by_their_own_files() {
    tool::path("ccache");
    let world = registered(&["one", "two"]);
    let script = format!(
        "export PATH=/boot/bin:/usr/lib/ccache:$PATH CCACHE_DIR=/boot/ccache CCACHE_LOGFILE=/boot/log; dkms autoinstall -k {}",
        kernel()
    );
    world.shell(&script).run().expect(0);
    let log = fs::read_to_string(world.path("boot/log")).unwrap();
    let executed = log.lines().filter_map(|line| line.split_once(" Executing ")?.1.split(' ').next());
    let compilers: BTreeSet<&str> = executed.collect();
    assert!(!compilers.is_empty(), "{log}");
    assert!(compilers.iter().all(|compiler| compiler.starts_with("/usr/bin/")), "{compilers:?}");
}

/// The program by itself, where nothing that it needs is beside it.
#[test]
fn a_shim_with_nothing_beside_it_is_the_real_program() {
    let world = World::new(&[]);
    world.opens_boot();
    let link = |directory: &str| {
        fs::create_dir_all(world.path(directory)).unwrap();
        symlink(shim(), world.path(directory).join("gcc")).unwrap();
        world.path(directory).display().to_string()
    };
    let (one, other) = (link("one"), link("other/compilers"));
    fs::copy(shim(), world.path("one/gcc-0")).unwrap();
    fs::create_dir(world.path("two")).unwrap();
    fs::copy(shim(), world.path("two/gcc-0")).unwrap();
    let real = tool::run(Command::new(tool::path("gcc")).arg("--version"));
    let path = format!("{one}:{other}:{}:/usr/bin:/bin", world.path("two").display());
    let version = |program: &str, path: &str| {
        let script = format!("PATH={path}; exec {program} --version");
        tool::output(Command::new("/bin/sh").args(["-c", &script]).env_clear())
    };
    let link = format!("{one}/gcc");
    for (program, path) in [("gcc", path.as_str()), (link.as_str(), "/usr/bin"), (link.as_str(), path.as_str())] {
        let out = version(program, path);
        assert_eq!((out.stdout.as_str(), out.stderr.as_str(), out.code), (real.as_str(), "", 0), "{program} on {path}");
    }
    let without_path = tool::output(Command::new(&link).arg("--version").env_clear());
    assert_eq!((without_path.stdout.as_str(), without_path.code), (real.as_str(), 0));
    // Copies under a name that no program has call nothing, not even each other for ever.
    let out = version("gcc-0", &path);
    assert_eq!((out.stdout.as_str(), out.stderr.as_str(), out.code), ("", "", 127), "{out}");
    // Its own name is no other program's.
    let out = tool::output(&mut Command::new(shim()));
    assert_eq!((out.stdout.as_str(), out.stderr.as_str(), out.code), ("", "", 127), "{out}");
}

/// What a process inherits is as the caller left it.
#[test]
fn the_real_program_gets_arguments_environment_and_signals_as_they_are() {
    let world = World::new(&[]);
    world.opens_boot();
    for directory in ["bin", "links/compilers", "links/real"] {
        fs::create_dir_all(world.path(directory)).unwrap();
    }
    let script = "#!/bin/sh\nprintf '<%s>' \"$0\" \"$@\"\necho\nenv | grep -v -e ^_= -e ^PWD= | sort\n\
                  grep -e SigIgn -e SigBlk /proc/self/status\nfor fd in 0 1 2 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$fd ] || echo $fd; done\nexit 42\n";
    world.write("real/cc", script);
    fs::set_permissions(world.path("real/cc"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink(shim(), world.path("links/compilers/cc")).unwrap();
    symlink(world.path("real/cc"), world.path("links/real/cc")).unwrap();
    let location = |part: &str| world.path(part).display().to_string();
    let run = |path: &str| {
        let caller = format!(
            "trap '' PIPE USR1; export PATH={path}; exec cc -c 'a b' '' \"$(printf '\\377')\" 3<&- 7</dev/null <&-"
        );
        tool::output(
            Command::new("/bin/bash")
                .args(["-c", &caller])
                .env_clear()
                .env("X", "y z")
                .env("BASH_FUNC_f%%", "() { :; }"),
        )
    };
    let plain = run(&format!("{}:/usr/bin:/bin", location("real")));
    let ours = run(&format!("{}:{}:/usr/bin:/bin", location("links/compilers"), location("real")));
    assert_eq!(plain.code, 42, "{plain}");
    assert!(plain.stdout.contains("X=y z") && plain.stdout.contains("SigIgn"), "{plain}");
    assert_eq!(ours.stdout, plain.stdout);
    assert_eq!((ours.code, ours.stderr.as_str()), (42, plain.stderr.as_str()));
}

/// A program without its shims beside it, as where they were not installed.
#[test]
fn builds_go_on_where_the_shim_is_not_installed() {
    let world = registered(&["one", "two"]);
    fs::remove_file(world.path("bin/dkms")).unwrap();
    tool::run(
        Command::new("cp").args(["--reflink=auto"]).arg(paths::programs().join("modsmith")).arg(world.path("bin/dkms")),
    );
    let plugins = paths::programs().join("plugins").display().to_string();
    watch_compilers(&world);
    let out = world.program(world.path("bin/dkms")).words(&format!("autoinstall -k {} -j 1", kernel()));
    out.env("MODSMITH_PLUGIN_PATH", plugins).run().expect(0);
    let questions = questions(&world);
    assert_eq!(questions.len(), 2 * questions.iter().collect::<BTreeSet<_>>().len(), "{questions:?}");
}

#[test]
fn a_single_make_asks_the_compiler_itself() {
    let world = World::generic();
    world.opens_boot();
    let path = |number: u32| format!("printenv PATH >/boot/path{number}");
    let make = "make -C $kernel_source_dir M=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build";
    for (number, recipe) in [(1, format!("{make} && {}", path(1))), (2, format!("{make} clean; {make}; {}", path(2)))] {
        let package = Package::new(&format!("package{number}"), "1.0").conf(&format!("MAKE[0]='{recipe}'"));
        world.add_package(&package);
        world.dkms(&format!("build {} -k {}", package.id(), kernel())).expect(0);
    }
    let path = |number: u32| fs::read_to_string(world.path(format!("boot/path{number}"))).unwrap();
    assert!(path(1).contains("/symbols:") && !path(1).contains("/compilers:"), "{}", path(1));
    assert!(path(2).contains("/compilers:"), "{}", path(2));
}

#[test]
fn nm_loads_no_plugin_but_gccs() {
    let world = registered(&["one"]);
    watch(&world, "nm");
    let plugins = world.path("lib/bfd-plugins");
    fs::create_dir_all(&plugins).unwrap();
    let gccs = tool::run(Command::new("gcc").arg("-print-file-name=liblto_plugin.so"));
    symlink(gccs.trim(), plugins.join("liblto_plugin.so")).unwrap();
    fs::write(plugins.join("LLVMgold-99.so"), "not a plugin").unwrap();
    world.dkms(&format!("install one/1.0 -k {}", kernel())).expect(0);
    let asked = fs::read_to_string(world.path("boot/asked")).unwrap();
    assert!(asked.lines().count() > 0);
    for line in asked.lines() {
        assert!(line.starts_with("--plugin ") && line.contains("/lib/bfd-plugins/liblto_plugin.so "), "{asked}");
    }
}
