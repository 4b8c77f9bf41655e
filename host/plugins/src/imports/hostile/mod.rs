//! For all requests of a plugin, in any order: nothing outside its grant changes, and no content
//! that is kept from it appears in a file that it can read.
//!
//! Random sequences of steps go through the real checks (when a step is added
//! and when it runs) and the real executor, in a small system full of traps. A
//! failure names the seed of its sequence.

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Resource;

use super::{CallState, StepBuffer, state_of};
use crate::bindings::modsmith::plugin::plan::{HostBuilder, HostPieces};
use crate::bindings::modsmith::plugin::system::{Host, HostDir, HostFile};
use crate::bindings::modsmith::plugin::types::{self, Error};
use crate::grant::named::Named;
use crate::grant::{Grant, Reach};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::policy::Denials;
use crate::settings::{FrameworkSettings, Values};
use modsmith_facts::{OsRelease, Places, System};
use modsmith_plan::{Action, Builder, Executor, Guard, Jobs, Origin, Silent, Watch, no_reruns};

mod random;
mod world;

use random::Random;
use world::{NAMED_KEYS, Rights, World};

/// Sequences in `make test`, and in `make test-all`.
const FEW: u64 = 2_000;
const MANY: u64 = 20_000;

/// Narrow rights, as a real plugin has them, and keys.
const NARROW: &str = "[read]\nroots = [\"etc/open\", \"install-tree/*/build\"]\n\
    [write]\nroots = [\"etc/evil-*\", \"boot/img-*\", \"tree/m\", \"modules/evil\"]\nlink-targets = [\"/lib/modules/*/kernel/**\"]\n\
    [sign]\nkeys = [\"tree/mok.key*\", \"etc/keys/*.key\", \"etc/evil-*/own.key\"]\n";

/// Whole roots, from which keys and the policy take something away.
const WIDE: &str = "[write]\nroots = [\"etc\", \"tree\", \"var\", \"modules\"]\n\
    [sign]\nkeys = [\"tree/mok.key*\", \"etc/keys/*.key\", \"etc/evil-*/own.key\"]\n";

/// Whole roots, and keys that only settings name.
const NAMED: &str = "[write]\nroots = [\"etc\", \"tree\", \"var\", \"modules\"]\n\
    [sign]\nsettings = [\"key-a\", \"key-b\", \"key-c\"]\n[settings]\n\
    key-a = { type = \"string\", default = \"\" }\nkey-b = { type = \"string\", default = \"\" }\n\
    key-c = { type = \"string\", default = \"\" }\n";
const POLICY: &str = "[deny]\nroots = [\"etc/secret\", \"etc/cron.d\", \"etc/shadow\", \"var/lib/evil/denied*\"]\n";

/// The plugin's rights, as [`crate::Plugins`] hands them out.
struct Granted(Arc<Grant>);

impl Guard for Granted {
    fn permits(&self, _: &Origin, action: &Action, places: &Arc<Places>) -> Result<(), String> {
        Reach::new(&self.0, places.clone()).permits(action)
    }

    fn watch(&self, _: &Origin, places: &Arc<Places>) -> Option<Arc<dyn Watch>> {
        Some(Arc::new(Reach::new(&self.0, places.clone())))
    }
}

fn grant(manifest: &str, policy: &str) -> Arc<Grant> {
    let text = format!("id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n{manifest}");
    let denials = Denials::parse("/p/site.toml", policy).unwrap();
    let manifest = Manifest::parse(&text).unwrap();
    let framework = FrameworkSettings(NAMED_KEYS.map(|(name, key)| (name.to_owned(), key.to_owned())).into());
    let values = Values::merge(&manifest.settings, &Default::default(), Path::new("/none"), &framework).unwrap();
    // The locations are the same below every root.
    let system = System::new("/", OsRelease::default());
    let named = Named::of(&manifest, &values, &system, &system.roots);
    Arc::new(Grant::new("x", &manifest, &denials).unwrap()).with(&named)
}

/// Asks for one random step; whether it got into the plan.
fn ask(state: &mut CallState, plan: u32, random: &mut Random, world: &World) -> Result<(), Error> {
    let plan = Resource::<StepBuffer>::new_borrow(plan);
    let (one, two) = (world.path(random), world.path(random));
    // A rename stays within one root, and most copies that harm do.
    let beside = types::Path { root: one.root.clone(), ..world.path(random) };
    let outcome = match random.below(17) {
        0 => state.make_directory(plan, one),
        1 | 2 => state.write_file(plan, one, b"written".to_vec(), 0o644),
        3 | 4 => state.copy(plan, one, two),
        5 => state.copy(plan, one, beside),
        6 => state.rename(plan, one, beside),
        7 | 8 => state.symlink(plan, one, world.target(random)),
        9 => state.remove(plan, one),
        10 => state.back_up(plan, one, random.pick(&[".old", "", "/x", ".key", "\u{fc}"]).into()),
        11 => state.pack(plan, one, two, "tar".into(), random.chance(10).then(|| "gzip".into())),
        12 => state.unpack(plan, one, two),
        13 => state.prune(plan, one),
        14 => state.write_if_changed(plan, one, b"written".to_vec(), 0o644),
        15 => {
            let pieces = HostPieces::new(state).unwrap();
            let lent = || Resource::new_borrow(pieces.rep());
            state.bytes(lent(), b"written".to_vec()).unwrap();
            state.file(lent(), one).unwrap();
            state.concatenate(plan, pieces, two, 0o644)
        }
        _ => state.collect(plan, one, random.pick(&["*", "*.key", "?", ".*", "{s,f,l}", "**"]).into(), two),
    };
    outcome.unwrap()
}

/// Reads what it can through the facts; the contents.
fn read(state: &mut CallState, location: &types::Path) -> Vec<Vec<u8>> {
    let Ok(dir) = state.open_dir(location.root.clone()).unwrap() else { return Vec::new() };
    let dir = || Resource::new_borrow(dir.rep());
    let mut seen = Vec::new();
    seen.extend(HostDir::read(state, dir(), location.relative.clone()).unwrap().ok().flatten());
    seen.extend(HostDir::read_unpacked(state, dir(), location.relative.clone()).unwrap().ok().flatten());
    if let Some(file) = HostDir::open(state, dir(), location.relative.clone()).unwrap().ok().flatten() {
        seen.extend(HostFile::read(state, Resource::new_borrow(file.rep()), 1 << 16).unwrap().ok());
        HostFile::drop(state, file).unwrap();
    }
    for entry in HostDir::entries(state, dir(), location.relative.clone()).unwrap().unwrap_or_default() {
        let below = format!("{}/{}", location.relative, entry.name);
        seen.extend(HostDir::read(state, dir(), below).unwrap().ok().flatten());
    }
    seen
}

/// Counts of a sequence: steps that were carried out, and all that were asked for.
#[derive(Default)]
struct Tally {
    done: usize,
    asked: usize,
    read: usize,
}

fn sequence(seed: u64, rights: Rights, grant: &Arc<Grant>, tally: &mut Tally) {
    let mut random = Random::new(seed);
    let world = World::new(rights);
    let before = world.outside();
    let mut log = Vec::new();
    for _ in 0..random.below(8) + 3 {
        let limits = Limits::default();
        let mut state = state_of(world.system(), world.roots(), grant.clone(), limits);
        let plan = state.table.push(StepBuffer::default()).unwrap();
        // Several steps in one plan: what they lead to changes in between.
        for _ in 0..random.below(3) + 1 {
            let _ = ask(&mut state, plan.rep(), &mut random, &world);
            tally.asked += 1;
        }
        let steps = state.table.delete(plan).unwrap().steps;
        let mut builder = Builder::new("try it", world.roots());
        for step in &steps {
            builder.push_step(step.clone());
        }
        let jobs = Jobs::new(1);
        let system = world.system();
        let guard = Granted(grant.clone());
        let outcome = Executor { system: &system, guard: &guard, reporter: &Silent, jobs: &jobs, reruns: no_reruns }
            .run(&builder.finish());
        tally.done += if outcome.is_ok() { steps.len() } else { 0 };
        log.push(format!("{:?}: {:?}", steps.iter().map(|s| &s.action).collect::<Vec<_>>(), outcome.err()));
        let context = || format!("seed {seed}, {rights:?}:\n{}", log.join("\n"));
        world.assert_unchanged(&before, &context);
        world.assert_nothing_leaked(&context);
        for _ in 0..4 {
            let location = world.path(&mut random);
            for contents in read(&mut state, &location) {
                tally.read += 1;
                let leaked = rights.markers().iter().find(|marker| world::holds(&contents, marker));
                assert!(leaked.is_none(), "{location:?} shows {leaked:?}; {}", context());
            }
        }
    }
}

/// Plays `count` sequences, the first one of `seed`; `HOSTILE_SEED` chooses another.
fn sequences(seed: u64, count: u64) {
    let from = std::env::var("HOSTILE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(seed);
    let mut tally = Tally::default();
    let kinds =
        [(Rights::Narrow, grant(NARROW, "")), (Rights::Wide, grant(WIDE, POLICY)), (Rights::Named, grant(NAMED, ""))];
    for seed in from..from + count {
        let (rights, grant) = &kinds[usize::try_from(seed % 3).expect("it is less than three")];
        sequence(seed, *rights, grant, &mut tally);
    }
    // Sequences in which nothing is ever granted would show nothing.
    let Tally { done, asked, read } = tally;
    assert!(done as u64 > count && read as u64 > count / 4, "{done} of {asked} steps were carried out, {read} reads");
    eprintln!("{done} of {asked} steps were carried out, {read} files read");
}

#[test]
fn no_sequence_of_steps_changes_or_shows_what_is_outside_the_grant() {
    sequences(0, FEW);
}

#[test]
#[ignore = "slow"]
fn no_sequence_of_many_changes_or_shows_what_is_outside_the_grant() {
    sequences(FEW, MANY);
}
