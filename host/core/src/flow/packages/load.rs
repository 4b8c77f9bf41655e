//! From an archive into the tree.

use std::path::Path;

use super::FormatRequest;
use super::shape::{Shape, malformed};
use super::staging::Staging;
use crate::conf::Strictness;
use crate::error::{Error, Kind, Result};
use crate::flow::Session;
use crate::tree::{Package, PackageId, SourceState, Target};
use modsmith_facts::{Location, Root};
use modsmith_plan::{Builder, verbs};

impl Session<'_> {
    /// Loads an archive: its source is registered, and what it has built for
    /// kernels becomes built here. `target` is the kernel that its dkms.conf is
    /// evaluated for.
    pub fn load_archive(&self, archive: &Path, target: &Target, request: &FormatRequest) -> Result<PackageId> {
        check_archive(archive)?;
        let _lock = self.begin()?;
        let kernel = self.kernel(target);
        let staging = Staging::new(self)?;
        self.unpack(archive, request, &staging)?;
        let shape = Shape::read(staging.path(), archive)?;
        let id = self.identify(&shape.source, &kernel)?;
        let known = self.tree.entry(&id).map(|entry| entry.source);
        if known.is_some() && !self.options.force {
            return Err(Error::new(
                Kind::AlreadyLoaded,
                format!(
                    "{id} is already in the tree {}, so {} was not loaded.",
                    self.tree.path().display(),
                    archive.display()
                ),
            )
            .hint("With --force, what is there is replaced by what the archive holds."));
        }
        let staged = Package { id: id.clone(), source: shape.source.clone() };
        let conf = self.conf(&staged, &kernel, Strictness::Strict)?;
        self.notices(&conf);

        let mut roots = self.system.roots.clone();
        roots.set(Root::Staging, staging.path());
        let mut plan = Builder::new(format!("load {id} from {}", archive.display()), roots);
        self.plan_source(&id, &shape, known, &request.format.name, &mut plan);
        self.plan_built(&id, &shape, &mut plan)?;
        self.run(plan)?;
        if !shape.binaries_only && !self.is_dry_run() {
            self.post_add(&self.package(&id)?, &conf, &kernel)?;
        }
        Ok(id)
    }

    /// Has the plugin unpack the archive. Done in a dry run too: what would be
    /// loaded is not known before, and no place but the staging directory is
    /// touched.
    fn unpack(&self, archive: &Path, request: &FormatRequest, staging: &Staging) -> Result<()> {
        let format = &request.format;
        let title = format!("unpack {}", archive.display());
        let mut roots = staging.roots(self.system.roots.clone());
        // The archive's directory: no plugin can reach this root.
        roots.set(Root::System, archive.parent().unwrap_or(Path::new("/")));
        let name = archive.file_name().unwrap_or_default();
        let place = |root, path: &Path| Location::new(root, path).map_err(|e| Error::new(Kind::Usage, e.to_string()));
        let (from, copy) = (place(Root::System, Path::new(name))?, place(Root::Staging, Path::new("archive"))?);

        let mut plan = Builder::new(title.as_str(), roots.clone());
        plan.push(verbs::MakeDirectory { at: Staging::top() }, "archives are unpacked out of sight");
        plan.push(verbs::Copy { from, to: copy.clone() }, "the plugin gets a copy, which nobody changes meanwhile");
        let own = plan.steps().len();
        let said = self.plugins.load_archive(format, &copy, &request.options, &Staging::top(), &mut plan)?;
        said.map_err(|why| malformed(archive, &format!("{}.", why.0)))?;
        self.confine_steps(&mut plan, own)?;
        plan.fail_from(own, Kind::ArchiveMalformed, cannot_be_unpacked(archive));
        self.executor().run(&plan.finish())?;

        let mut plan = Builder::new(title.as_str(), roots);
        let said = self.plugins.arrange(format, &request.options, &Staging::top(), &mut plan)?;
        said.map_err(|why| malformed(archive, &format!("{}.", why.0)))?;
        self.confine_steps(&mut plan, 0)?;
        plan.fail_from(0, Kind::ArchiveMalformed, cannot_be_unpacked(archive));
        Ok(self.executor().run(&plan.finish())?)
    }

    /// The source into the source tree, and its registration.
    fn plan_source(&self, id: &PackageId, shape: &Shape, known: Option<SourceState>, format: &str, plan: &mut Builder) {
        let from = Location::new(Root::Staging, if shape.binaries_only { "binaries-only" } else { "source" });
        let from = from.expect("a plain name is a location");
        let registered = plan.roots().path(&id.source_dir()).unwrap_or_default();
        plan.push(verbs::MakeDirectory { at: id.version_dir() }, "a version's directory registers it")
            .lines([String::new(), format!("Loading {format} for {id}")]);
        if shape.binaries_only {
            if registered.is_dir() {
                self.plan_registration(id, plan);
            } else if !matches!(known, Some(SourceState::Present(_))) {
                // As dkms 2.x has it: a directory with the dkms.conf, no link.
                plan.push(
                    verbs::Copy { from, to: id.source_link() },
                    "without a source the dkms.conf is kept in the tree",
                )
                .line(format!("Copying dkms.conf to {}", self.tree.real(&id.source_link()).display()));
            }
            return;
        }
        self.plan_source_copy(id, from, plan);
        self.plan_registration(id, plan);
    }

    /// What is built, by renaming: a kernel's modules appear all at once.
    fn plan_built(&self, id: &PackageId, shape: &Shape, plan: &mut Builder) -> Result<()> {
        for target in &shape.built {
            let to = id.target_dir(target);
            let shown = self.tree.real(&to);
            if shown.exists() && !self.options.force {
                self.reporter.warning(&format!("{} already exists, skipping it.", shown.display()));
                continue;
            }
            let from = Location::new(Root::Staging, Path::new("built").join(&target.kernel).join(&target.arch))
                .map_err(|e| Error::new(Kind::ArchiveMalformed, e.to_string()))?;
            plan.push(verbs::MakeDirectory { at: id.kernel_dir(target) }, "what is built is kept by kernel");
            if shown.exists() {
                plan.push(verbs::Remove { at: to.clone() }, "--force replaces what was built");
            }
            plan.push(verbs::Rename { from, to }, "the built state appears at once")
                .line(format!("Loading {}...", shown.display()));
        }
        Ok(())
    }
}

fn cannot_be_unpacked(archive: &Path) -> String {
    format!("{} was not loaded: it cannot be unpacked.", archive.display())
}

/// Refuses what is not a file before anything is begun.
pub(super) fn check_archive(archive: &Path) -> Result<()> {
    match std::fs::metadata(archive) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(Error::new(Kind::ArchiveMalformed, format!("{} is not a file.", archive.display()))
            .hint("Name the archive that is to be loaded.")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::new(Kind::SourceMissing, format!("The archive {} is not there.", archive.display()))
                .hint("Name the archive that is to be loaded; a relative path counts from the current directory."))
        }
        Err(e) => Err(Error::io("read", archive, e)),
    }
}
