//! What is measured, and how good it has to be.

use modsmith_tests::fixture::Package;
use modsmith_tests::registry::{Registry, signing_keys};
use modsmith_tests::{World, tool, world::modsmith};

use crate::job::{Cost, Job, Turn, measure};
use crate::scene;
use crate::table::{Row, Target};

/// What the command line says about all rows.
pub struct Bench {
    /// Instead of each row's own number of repetitions.
    pub repeat: Option<usize>,
}

type Group = fn(&Bench) -> Vec<Row>;

/// Rows that share a world.
pub const GROUPS: [(&str, Group); 15] = [
    ("start-up", start_up),
    ("status-installed", status_installed),
    ("status-added", status_added),
    ("status-large", status_large),
    ("autoinstall-nothing", autoinstall_nothing),
    ("add-remove", add_remove),
    ("build", build),
    ("store", from_store),
    ("registry", from_registry),
    ("autoinstall-ten", autoinstall_ten),
    ("confinement-small", confinement_small),
    ("confinement-ten", confinement_ten),
    ("verification", verification),
    ("ready", ready),
    ("completion", completion),
];

/// What was built before is built again.
const EMPTY_STORE: &str = "rm -rf /var/cache/modsmith/store";

const PEER: &str = "dkms 3.0.10";

impl Bench {
    fn measure<const N: usize>(&self, world: &World, repetitions: usize, turns: [Turn; N]) -> [Cost; N] {
        self.job(world, self.repeat.unwrap_or(repetitions), turns, false)
    }

    /// The program's own memory, in KiB.
    fn own_memory(&self, world: &World, turn: Turn) -> u64 {
        let [cost] = self.job(world, 1, [turn], true);
        cost.peak_kib
    }

    fn job<const N: usize>(&self, world: &World, repetitions: usize, turns: [Turn; N], own_memory: bool) -> [Cost; N] {
        let costs = measure(world, &Job { repetitions, turns: turns.into(), own_memory });
        costs.try_into().expect("one cost for each turn")
    }
}

/// modsmith, under its name `dkms`.
fn ours(world: &World, line: &str) -> String {
    format!("{} {line}", world.path("bin/dkms").display())
}

fn peer(line: &str) -> String {
    format!("{} {line}", tool::path("dkms").display())
}

fn row(what: impl Into<String>, ours: &Cost, other: (&Cost, &'static str), target: Target) -> Row {
    Row { what: what.into(), ours: ours.median(), other: Some((other.0.median(), other.1)), target }
}

fn memory(what: impl Into<String>, kib: u64, limit: f64) -> Row {
    Row { what: what.into(), ours: kib as f64 / 1024.0, other: None, target: Target::Mebibytes(limit) }
}

fn start_up(bench: &Bench) -> Vec<Row> {
    let world = scene::machine();
    let turns = [Turn::of(format!("{} --version", modsmith().display())), Turn::of("/bin/true")];
    let [ours, other] = bench.measure(&world, 200, turns);
    vec![row("start-up (`--version`)", &ours, (&other, "/bin/true"), Target::Within(4.0))]
}

fn status_installed(bench: &Bench) -> Vec<Row> {
    let world = scene::real_installed();
    let [us, them] = bench.measure(&world, 21, [Turn::of(ours(&world, "status")), Turn::of(peer("status"))]);
    let what =
        format!("`status`, {} packages with {} modules installed", scene::REAL.len(), scene::module_count(&world));
    vec![
        row(&what, &us, (&them, PEER), Target::Faster(100.0)),
        memory(format!("peak memory of {what}"), us.peak_kib, 16.0),
    ]
}

fn status_added(bench: &Bench) -> Vec<Row> {
    let world = scene::synthetic_added(40);
    let turns = [Turn::of(ours(&world, "status")), Turn::of(peer("status")), Turn::of("find /var/lib/dkms")];
    let [us, them, find] = bench.measure(&world, 101, turns);
    vec![
        row("`status`, 40 packages only added", &us, (&them, PEER), Target::Faster(8.0)),
        row("the same", &us, (&find, "find"), Target::None),
    ]
}

/// 1,000 packages for ten kernels each, and smaller trees to see how it grows.
fn status_large(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for installed in [false, true] {
        let state = if installed { "installed" } else { "built" };
        let mut last: Option<Cost> = None;
        for packages in [100, 1000] {
            let world = scene::synthetic_built(packages, 10, installed);
            let turns = [Turn::of(ours(&world, "status")), Turn::of("find /var/lib/dkms")];
            let [us, find] = bench.measure(&world, 11, turns);
            let what = format!("`status`, {packages} packages × 10 kernels {state}");
            rows.push(row(&what, &us, (&find, "find"), Target::Within(3.0)));
            if let Some(smaller) = last.replace(us) {
                let us = last.as_ref().expect("just put there");
                // Ten times as much, and caches that hold less of it; a square would be a
                // hundred times.
                rows.push(row("the same", us, (&smaller, "a tenth of it"), Target::Within(15.0)));
                rows.push(memory(format!("peak memory of {what}"), us.peak_kib, 16.0));
            }
        }
    }
    rows
}

fn autoinstall_nothing(bench: &Bench) -> Vec<Row> {
    let world = scene::real_installed();
    let line = format!("autoinstall -k {}", scene::kernel());
    let [us, them] = bench.measure(&world, 21, [Turn::of(ours(&world, &line)), Turn::of(peer(&line))]);
    vec![row("`autoinstall` with nothing to do, the same packages", &us, (&them, PEER), Target::Faster(40.0))]
}

fn add_remove(bench: &Bench) -> Vec<Row> {
    let world = scene::machine();
    world.add_package(&Package::new("small", "1.0").compiled());
    let (add, remove) = ("add small/1.0", "remove small/1.0 --all");
    let turns = [Turn::of(ours(&world, add)).then(ours(&world, remove)), Turn::of(peer(add)).then(peer(remove))];
    let [us, them] = bench.measure(&world, 31, turns);
    vec![row("`add` and `remove`", &us, (&them, PEER), Target::Faster(10.0))]
}

/// A small package, and the largest of those that are quick to build, each registered.
fn small_and_jool() -> [(&'static str, World, String); 2] {
    let small = scene::machine();
    small.add_package(&Package::new("small", "1.0").compiled());
    small.dkms("add small/1.0").expect(0);
    let (jool, ids) = scene::added(&["jool-dkms"]);
    [("a small module", small, "small/1.0".to_owned()), ("jool-dkms", jool, ids.concat())]
}

fn from_store(bench: &Bench) -> Vec<Row> {
    let kernel = scene::kernel();
    let one = |((what, world, id), target): ((&str, World, String), f64)| {
        let line = format!("install {id} -k {kernel}");
        world.dkms(&line).expect(0);
        let unbuild = format!("unbuild {id} -k {kernel}");
        let again = |line: String| Turn::of(line).before([ours(&world, &unbuild)]);
        let turns = [again(ours(&world, &line)), again(ours(&world, &format!("{line} --force")))];
        let [taken, built] = bench.measure(&world, 11, turns);
        let what = format!("`install` of {what} from the store, signed");
        row(what, &taken, (&built, "building it"), Target::Faster(target))
    };
    let mut rows: Vec<Row> = small_and_jool().into_iter().zip([15.0, 50.0]).map(one).collect();
    rows.push(ten_from_store(bench));
    rows
}

fn ten_from_store(bench: &Bench) -> Row {
    let (world, ids) = scene::added(&scene::TEN);
    let line = ours(&world, &format!("autoinstall -k {}", scene::kernel()));
    let unbuild: Vec<String> =
        ids.iter().map(|id| ours(&world, &format!("unbuild {id} -k {}", scene::kernel()))).collect();
    // The first turn fills the store for the second.
    let cold = Turn::of(line.clone()).before(unbuild.iter().cloned().chain([EMPTY_STORE.to_owned()]));
    let [built, taken] = bench.measure(&world, 3, [cold, Turn::of(line).before(unbuild)]);
    let what = "`autoinstall` of ten packages from the store, signed";
    row(what, &taken, (&built, "building them"), Target::Faster(20.0))
}

/// A store elsewhere: a registry on this machine.
fn from_registry(bench: &Bench) -> Vec<Row> {
    let registry = Registry::open();
    let kernel = scene::kernel();
    let one = |((what, world, id), target): ((&str, World, String), f64)| {
        let line = format!("install {id} -k {kernel}");
        world.dkms(&line).expect(0);
        let (private, public) = signing_keys(world.dir(), "team");
        let to = format!("oci://{}/modules", registry.host());
        let push = format!("push {id} -k {kernel} --to {to} --key {}", private.display());
        world.modsmith(&push).expect(0);
        world.settings("modsmith/keys/team.pub", std::fs::read(public).expect("a key"));
        world.settings("modsmith/settings/store-oci.toml", format!("address = \"{to}\"\nkeys = [\"team\"]\n"));
        let unbuild = format!("unbuild {id} -k {kernel}");
        let again = |line: String| Turn::of(line).before([ours(&world, &unbuild), EMPTY_STORE.to_owned()]);
        let turns = [again(ours(&world, &line)), again(ours(&world, &format!("{line} --force")))];
        let [fetched, built] = bench.measure(&world, 11, turns);
        let what = format!("`install` of {what} from a registry on this machine, verified and signed");
        row(what, &fetched, (&built, "building it"), Target::Faster(target))
    };
    small_and_jool().into_iter().zip([8.0, 30.0]).map(one).collect()
}

/// What the checks of a module cost, and the answer whether a restart is safe.
fn verification(bench: &Bench) -> Vec<Row> {
    let world = scene::machine();
    world.add_package(&Package::new("small", "1.0").compiled());
    world.dkms("add small/1.0").expect(0);
    let build = format!("build small/1.0 -k {} --force", scene::kernel());
    world.dkms(&build).expect(0);
    let verify = format!("{} verify small/1.0 -k {}", modsmith().display(), scene::kernel());
    let [verified, built] = bench.measure(&world, 11, [Turn::of(verify), Turn::of(ours(&world, &build))]);
    let what = "`verify` of a small module, the facts of the image known";
    vec![row(what, &verified, (&built, "building it"), Target::Within(0.03))]
}

fn ready(bench: &Bench) -> Vec<Row> {
    let world = scene::real_installed();
    // The exit code is the verdict.
    let line = format!("{} ready -k {} >/dev/null; [ $? -le 3 ]\n", modsmith().display(), scene::kernel());
    world.write("ready", line);
    let [ready] = bench.measure(&world, 11, [Turn::of(format!("/bin/sh {}", world.path("ready").display()))]);
    let what = format!("`ready`, {} modules of packages installed", scene::module_count(&world));
    vec![Row { what, ours: ready.median(), other: None, target: Target::Milliseconds(300.0) }]
}

/// What a press of the tabulator costs in a shell that has read the script.
fn completion(bench: &Bench) -> Vec<Row> {
    let world = scene::synthetic_added(1000);
    let words = [
        ("packages: 1,000 in the tree, 100 of which begin so", "install synthetic09"),
        ("kernels", "build -k 6"),
        ("the ids of messages", "explain b"),
        ("options", "status --"),
    ];
    let asked = |shell: &str, line: &str| match shell {
        "fish" => format!("test (count (complete -C 'modsmith {line}')) -gt 0\n"),
        _ => asked_in_bash(line),
    };
    let mut rows = Vec::new();
    for (shell, program) in [("bash", "bash --norc"), ("fish", "fish -N")] {
        let script = world.path(format!("completion.{shell}"));
        world.write(&format!("completion.{shell}"), world.modsmith(&format!("completion {shell}")).expect(0).stdout);
        let turn = |name: &str, call: String| {
            world.write(name, format!("source {}\n{call}", script.display()));
            Turn::of(format!("{program} {}", world.path(name).display()))
        };
        for (what, line) in words {
            let [with, without] =
                bench.measure(&world, 51, [turn("with", asked(shell, line)), turn("without", String::new())]);
            let ours = with.median() - without.median();
            let what = format!("{shell} completes {what}");
            rows.push(Row { what, ours, other: None, target: Target::Milliseconds(30.0) });
        }
    }
    rows
}

fn asked_in_bash(line: &str) -> String {
    let (count, last) = (line.split(' ').count(), line.rsplit(' ').next().unwrap_or_default());
    let before = line.rsplit(' ').nth(1).unwrap_or_default();
    format!(
        "COMP_WORDS=(modsmith {line}); COMP_CWORD={count}; COMP_LINE='modsmith {line}'\n\
         _modsmith_with_system modsmith '{last}' '{before}'; [[ ${{#COMPREPLY[@]}} -gt 0 ]]\n"
    )
}

fn build(bench: &Bench) -> Vec<Row> {
    let world = scene::machine();
    let source = world.add_package(&Package::new("small", "1.0").compiled());
    world.dkms("add small/1.0").expect(0);
    // A key pair is made once per tree.
    let line = format!("build small/1.0 -k {}", scene::kernel());
    world.dkms(&line).expect(0);
    let scratch = world.path("scratch");
    let fresh = [format!("rm -rf {}", scratch.display()), format!("cp -a {} {}", source.display(), scratch.display())];
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let make = format!("make -j{jobs} -C /lib/modules/{}/build M={} modules", scene::kernel(), scratch.display());
    let unbuild = format!("unbuild small/1.0 -k {}", scene::kernel());
    let again = |line: String| Turn::of(line).before([ours(&world, &unbuild), EMPTY_STORE.to_owned()]);
    let [us, make, them] =
        bench.measure(&world, 11, [again(ours(&world, &line)), Turn::of(make).before(fresh), again(peer(&line))]);
    vec![
        row("`build` of a small module, signed", &us, (&make, "make alone"), Target::Within(1.06)),
        row("the same", &us, (&them, PEER), Target::None),
        memory("peak memory of modsmith itself in it", bench.own_memory(&world, again(ours(&world, &line))), 64.0),
    ]
}

fn autoinstall_ten(bench: &Bench) -> Vec<Row> {
    let (world, ids) = scene::added(&scene::TEN);
    let line = format!("autoinstall -k {}", scene::kernel());
    let turn = |line: String| {
        let unbuild = |id: &String| ours(&world, &format!("unbuild {id} -k {}", scene::kernel()));
        Turn::of(line).before(ids.iter().map(unbuild).chain([EMPTY_STORE.to_owned()]))
    };
    let [us, them] = bench.measure(&world, 3, [turn(ours(&world, &line)), turn(peer(&line))]);
    vec![
        row("`autoinstall` of ten packages, jool-dkms among them", &us, (&them, PEER), Target::Within(0.65)),
        memory("peak memory of modsmith itself in it", bench.own_memory(&world, turn(ours(&world, &line))), 64.0),
    ]
}

fn confinement_small(bench: &Bench) -> Vec<Row> {
    let world = scene::machine();
    world.add_package(&Package::new("small", "1.0").compiled());
    world.dkms("add small/1.0").expect(0);
    let line = format!("build small/1.0 -k {}", scene::kernel());
    confinement(bench, "`build` of a small module", &world, &line, &["small/1.0".to_owned()], 41)
}

fn confinement_ten(bench: &Bench) -> Vec<Row> {
    let (world, ids) = scene::added(&scene::TEN);
    let line = format!("autoinstall -k {}", scene::kernel());
    confinement(bench, "`autoinstall` of ten packages", &world, &line, &ids, 5)
}

/// What the walls around recipes cost. Nothing is kept in the store: a build without walls is not,
/// and the identity of one with walls takes its time.
fn confinement(bench: &Bench, what: &str, world: &World, line: &str, ids: &[String], repetitions: usize) -> Vec<Row> {
    world.settings("modsmith/store.toml", "store = \"off\"\n");
    world.settings("modsmith/confinement.toml", "");
    world.write("free.toml", "confinement = \"off\"\n");
    let settings = world.path("settings/modsmith/confinement.toml");
    let turn = |policy: &str| {
        // The file stays the same one: it is mounted.
        let policy = format!("cp {policy} {}", settings.display());
        let unbuild = |id: &String| ours(world, &format!("unbuild {id} -k {}", scene::kernel()));
        Turn::of(ours(world, line)).before(ids.iter().map(unbuild).chain([policy]))
    };
    let free = world.path("free.toml").display().to_string();
    world.dkms(line).expect(0);
    let [confined, free] = bench.measure(world, repetitions, [turn("/dev/null"), turn(&free)]);
    vec![row(format!("{what}, confined"), &confined, (&free, "without walls"), Target::Within(1.03))]
}
