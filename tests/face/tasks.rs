//! The ten tasks of a newcomer: the help alone leads to each command, and the command does
//! what the task asks for.

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{World, paths};

/// Task, page of the help and command, as the guide has them.
fn tasks() -> Vec<[String; 3]> {
    let path = paths::checkout().join("docs/guides/ten-tasks.md");
    let text = std::fs::read_to_string(path).expect("the page is there");
    let table =
        text.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with("| "));
    let cell = |text: &str| text.trim_matches(['|', ' ', '`']).to_owned();
    let row = |line: &str| {
        let cells: Vec<String> = line.trim_matches('|').split(" | ").map(cell).collect();
        cells.try_into().expect("three columns")
    };
    table.map(row).collect()
}

#[test]
fn the_help_alone_leads_to_each_command() {
    let world = World::new(&[]);
    let tasks = tasks();
    assert_eq!(tasks.len(), 10);
    let list = world.modsmith("help").expect(0).stdout;
    for [task, page, command] in tasks {
        let page = page.strip_prefix("modsmith ").expect("a page of the help");
        let text = world.modsmith(page).expect(0).stdout;
        let mut words = command.strip_prefix("modsmith ").expect("a command").split(' ');
        let word = words.next().unwrap();
        assert!(text.contains(word), "{task}: `{page}` does not name {word}: {text}");
        for option in words.filter(|word| word.starts_with('-')) {
            assert!(text.contains(option), "{task}: `{page}` does not name {option}: {text}");
        }
        // The list leads to the page: it names the command or the topic.
        let topic = page.strip_prefix("help").unwrap().trim();
        assert!(list.contains(topic), "{task}: the list does not name {topic}");
    }
}

#[test]
fn each_command_does_what_its_task_asks_for() {
    let kernel = kernel::newest(Flavour::Generic);
    let world = World::generic().without_key();
    world.add_package(&Package::new("demo", "1.0").conf("AUTOINSTALL=yes"));
    world.add_package(&Package::new("bad", "1.0").conf("MAKE[0]=\"false\"\nAUTOINSTALL=no"));
    let run = |line: &str, code: i32| world.modsmith(line).expect(code);
    let status = || run("status --view people", 0).stdout;
    run("add demo/1.0", 0);
    run(&format!("build bad/1.0 -k {kernel}"), 10);
    // What is wrong, and why it failed.
    let shown = status();
    assert!(shown.starts_with("1 failed, 1 missing\n"), "{shown}");
    assert!(run("log bad", 0).stdout.contains("the build failed"));
    // What will happen: nothing yet.
    let before = world.snapshot();
    let plan = run(&format!("install demo/1.0 -k {kernel} --dry-run"), 0);
    assert!(plan.stdout.contains("Would install demo/1.0"), "{plan}");
    before.assert_same(&world.snapshot(), "a dry run");
    // Build for the new kernel.
    run(&format!("autoinstall -k {kernel}"), 0);
    assert!(status().starts_with("1 failed, 1 installed\n"), "{}", status());
    // Sign.
    run("generate_mok", 0);
    assert!(world.path("var/lib/dkms/mok.pub").is_file());
    assert!(run("status demo --view people", 0).stdout.contains("; signed"), "the key is the machine's");
    // Make a package.
    run(&format!("mktarball demo/1.0 -k {kernel} --archive /boot/demo.tar.gz"), 0);
    assert!(world.path("boot/demo.tar.gz").is_file());
    // Undo.
    run(&format!("uninstall demo/1.0 -k {kernel}"), 0);
    assert!(status().starts_with("1 failed, 1 built\n"), "{}", status());
    // Remove what a kernel has.
    run(&format!("kernel_prerm -k {kernel}"), 0);
    assert!(world.dkms("status").expect(0).stdout.contains("demo/1.0: added"));
    // Back to dkms: it finds the same.
    assert_eq!(run("status --view dkms", 0).stdout, world.peer("status").expect(0).stdout);
}

#[test]
fn a_plugin_is_added_as_the_help_says() {
    let world = World::generic().of_system("ID=debian\nVERSION_ID=12\n");
    let file = paths::programs().join("plugins/sysext.wasm");
    std::fs::copy(&file, world.path("boot/mine.wasm")).expect("the plugin is built");
    let help = world.modsmith("help plugins").expect(0).stdout;
    for command in ["plugin list", "plugin install", "plugin inspect", "plugin grant"] {
        assert!(help.contains(&format!("modsmith {command}")), "{help}");
    }
    world.modsmith("plugin install /boot/mine.wasm").expect(0);
    world.modsmith("plugin grant sysext").expect(0);
    assert!(world.modsmith("plugin list").expect(0).stdout.contains("sysext"));
}
