//! Debian's Slurm, three nodes on this machine: a node is lost, a cell fails, one is excluded, and what can be
//! built is built once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::{World, tool};
use serde_json::Value;

use crate::scene::{bad, document, shell, stored, total};

/// Slurm's programs, each as a child of the test.
struct Cluster {
    dir: PathBuf,
    programs: Vec<(String, Child)>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for (_, child) in &mut self.programs {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// As Slurm's manual has it, without cgroups and accounting, on the loopback interface only.
fn configuration(dir: &Path, host: &str) -> String {
    let dir = dir.display();
    format!(
        "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nCommunicationParameters=NoCtldInAddrAny,NoInAddrAny\n\
         AuthType=auth/munge\nAuthInfo=socket={dir}/munge/munge.sock\nCryptoType=crypto/munge\nSlurmUser=root\nSlurmdUser=root\n\
         SlurmctldPort=16817\nStateSaveLocation={dir}/state\nSlurmdSpoolDir={dir}/spool-%n\nSlurmdPidFile={dir}/slurmd-%n.pid\n\
         SlurmctldPidFile={dir}/slurmctld.pid\nSlurmctldLogFile={dir}/log/slurmctld.log\nSlurmdLogFile={dir}/log/slurmd-%n.log\n\
         ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nJobAcctGatherType=jobacct_gather/none\n\
         SelectType=select/cons_tres\nSelectTypeParameters=CR_CPU\nSchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0\n\
         AccountingStorageType=accounting_storage/none\nMpiDefault=none\nReturnToService=2\nMinJobAge=3600\n\
         NodeName=n[1-3] NodeHostname={host} NodeAddr=127.0.0.1 Port=[17001-17003] CPUs=1 RealMemory=500 State=UNKNOWN\n\
         PartitionName=main Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP\n"
    )
}

impl Cluster {
    /// The nodes see the world: each program of Slurm runs in its mounts.
    fn start(world: &World) -> Cluster {
        for program in ["slurmctld", "slurmd", "sbatch", "scontrol", "munged"] {
            tool::path(program);
        }
        let dir = world.path("slurm");
        for name in ["munge", "state", "log"] {
            fs::create_dir_all(dir.join(name)).unwrap();
        }
        let host = tool::run(Command::new(tool::path("hostname")).arg("-s")).trim().to_owned();
        fs::write(dir.join("slurm.conf"), configuration(&dir, &host)).unwrap();
        let key = dir.join("munge/munge.key");
        tool::run(
            Command::new(tool::path("dd"))
                .args(["if=/dev/urandom", "bs=128", "count=1"])
                .arg(format!("of={}", key.display())),
        );
        tool::run(Command::new(tool::path("chmod")).arg("400").arg(&key));
        tool::run(Command::new(tool::path("chmod")).arg("755").arg(world.dir()).arg(&dir).arg(dir.join("munge")));
        let mut cluster = Cluster { dir: dir.clone(), programs: Vec::new() };
        let munge = dir.join("munge").display().to_string();
        cluster.spawn(world, "munged", &format!(
            "munged --force --foreground --key-file={munge}/munge.key --socket={munge}/munge.sock --pid-file={munge}/pid --log-file={munge}/log --seed-file={munge}/seed"
        ));
        cluster.until("munge answers", || dir.join("munge/munge.sock").exists());
        cluster.spawn(world, "slurmctld", "slurmctld -D -c");
        for node in ["n1", "n2", "n3"] {
            cluster.spawn(world, node, &format!("slurmd -D -N {node}"));
        }
        cluster
            .until("three nodes are idle", || cluster.run("sinfo -h -o %t").is_some_and(|text| text.trim() == "idle"));
        cluster
    }

    fn spawn(&mut self, world: &World, name: &str, line: &str) {
        let conf = self.dir.join("slurm.conf").display().to_string();
        let program = world.shell(&format!("export SLURM_CONF={conf}; exec {line}"));
        self.programs.push((name.to_owned(), program.start()));
    }

    /// A client of Slurm; `None` when it fails.
    fn run(&self, line: &str) -> Option<String> {
        let mut words = line.split(' ');
        let mut command = Command::new(tool::path(words.next().unwrap()));
        let out = command.args(words).env("SLURM_CONF", self.dir.join("slurm.conf")).output().unwrap();
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// Waits for a state, as long as anything could take here.
    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(600);
        while !is_so() {
            assert!(Instant::now() < end, "never: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.dir.join("log/slurmctld.log")).unwrap_or_default();
        log.lines().rev().take(40).collect::<Vec<_>>().join("\n")
    }

    /// The node's daemon is killed, as a machine that goes away; the controller is told.
    fn lose(&mut self, node: &str) {
        let (_, daemon) = self.programs.iter_mut().find(|(name, _)| name == node).unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        self.run(&format!("scontrol update nodename={node} state=down reason=lost")).unwrap();
    }

    /// Submits the cells and waits until the index is there.
    fn farm(&mut self, world: &World, meanwhile: impl FnOnce(&mut Cluster)) -> Value {
        let _ = fs::remove_file(world.path("results/index.json"));
        let conf = self.dir.join("slurm.conf").display().to_string();
        let script = "modsmith matrix plan spec.toml --emit slurm > cells.sh && sh cells.sh";
        let out = shell(world, &format!("export SLURM_CONF={conf}; {script}")).expect(0);
        assert!(out.stdout.contains("array 0-23"), "{out}");
        meanwhile(self);
        self.until("the index is there", || world.path("results/index.json").exists());
        document(world, "results/index.json", "matrix-index-schema.json")
    }

    /// The exit codes of all tasks of the arrays, as Slurm tells them.
    fn codes(&self) -> Vec<String> {
        let text = self.run("scontrol show job -o").unwrap();
        let cells = text.lines().filter(|line| line.contains("JobName=modsmith-cells"));
        let code =
            |line: &str| line.split(' ').find_map(|word| word.strip_prefix("ExitCode=")).unwrap_or("?").to_owned();
        cells.map(code).collect()
    }
}

#[test]
#[ignore = "slow"]
fn slurm_builds_every_cell_once_although_a_node_is_lost() {
    let kernels = [Flavour::Generic, Flavour::Cloud, Flavour::Realtime].map(kernel::newest);
    let world = World::new(&kernels);
    let mut names: Vec<String> = (1..=6).map(|number| format!("good{number}")).collect();
    for name in &names {
        world.add_package(&Package::new(name, "1.0"));
    }
    world.add_package(&bad());
    world.add_package(&Package::new("rare", "1.0").conf("BUILD_EXCLUSIVE_KERNEL=\"^9\\.\""));
    names.extend(["bad".to_owned(), "rare".to_owned()]);
    let modules: Vec<String> = names.iter().map(|name| format!("\"{name}/1.0\"")).collect();
    world.write("spec.toml", format!("modules = [{}]\nkernels = [\"*\"]\n", modules.join(", ")));
    let before = world.snapshot();
    let mut cluster = Cluster::start(&world);
    let index = cluster.farm(&world, |cluster| {
        cluster.until("a cell runs on the second node", || {
            cluster.run("squeue -h -t running -w n2 -o %i").is_some_and(|text| !text.trim().is_empty())
        });
        cluster.lose("n2");
    });
    assert_eq!(total(&index, "built") + total(&index, "found"), 18, "{index:#}");
    assert_eq!((total(&index, "failed"), total(&index, "excluded"), total(&index, "not-run")), (3, 3, 0), "{index:#}");
    assert_eq!(stored(&world), 18);
    let codes = cluster.codes();
    let count = |code: &str| codes.iter().filter(|other| *other == code).count();
    assert_eq!((count("0:0"), count("10:0"), count("77:0")), (18, 3, 3), "{codes:?}");
    let stamps = || tool::run(Command::new("stat").args(["-c", "%i"]).args(entries(&world)));
    let built = stamps();

    let again = cluster.farm(&world, |_| {});
    assert_eq!((total(&again, "found"), total(&again, "built")), (18, 0), "{again:#}");
    assert_eq!(stamps(), built, "nothing was built");
    assert_eq!(world.snapshot(), before, "the machine's tree is as it was");
}

fn entries(world: &World) -> Vec<PathBuf> {
    let entries = fs::read_dir(world.path("var/cache/modsmith/store/entries")).unwrap();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}
