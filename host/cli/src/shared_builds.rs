//! `modsmith push` and `modsmith pull`: builds on their way between this machine's store and one that
//! machines share.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::arguments::DirectoryArguments;
use super::identity::{package, target};
use super::invocation::handle_signals;
use super::output;
use super::renderers::{Dkms, Terminal};
use super::setup::working;
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{
    Base, Invocation, Profile, Purpose, PushOptions, SharedStore, Wanted, configured, identity, named, public_key,
    signing_key,
};
use modsmith_core::tree::{PackageId, Target};
use modsmith_facts::kernel::running_release;
use modsmith_facts::text::line;

/// The arguments of both commands.
#[derive(Debug, Parser)]
struct BuildArguments {
    /// Package in the tree, as m/v
    #[arg(value_name = "MODULE")]
    package: String,
    /// Kernel release; default: the running one
    #[arg(short, long = "kernelver", value_name = "KERNEL")]
    kernel: Option<String>,
    /// Architecture
    #[arg(short, long, value_name = "ARCH")]
    arch: Option<String>,
    #[command(flatten)]
    directories: DirectoryArguments,
}

/// Sends a build from this machine's store to one that machines share, signed.
#[derive(Debug, Parser)]
#[command(name = "modsmith push")]
pub struct PushArguments {
    #[command(flatten)]
    build: BuildArguments,
    /// A directory, or `oci://HOST[:PORT]/PATH`; default: the first store that a plugin names
    #[arg(long, value_name = "STORE")]
    to: Option<String>,
    /// Private key (PEM without a passphrase, P-256) that signs the build
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Form of the artefact; default: `typed`, or `image` where the store takes nothing else
    #[arg(long, value_name = "FORM")]
    profile: Option<ProfileWord>,
    /// Image that an image of the modules is based on: `oci://HOST/PATH:TAG`, or `DIRECTORY:TAG`
    #[arg(long, value_name = "IMAGE", requires = "profile")]
    base: Option<String>,
    /// Replace another build of the same identity
    #[arg(long)]
    force: bool,
}

/// Fetches a build from a store that machines share into this machine's store.
#[derive(Debug, Parser)]
#[command(name = "modsmith pull")]
pub struct PullArguments {
    #[command(flatten)]
    build: BuildArguments,
    /// A directory, an `https` address, or `oci://HOST[:PORT]/PATH`; default: the stores that plugins name
    #[arg(long, value_name = "STORE")]
    from: Option<String>,
    /// Public key (PEM, P-256), one of which has to have signed the build
    #[arg(long, value_name = "FILE", requires = "from")]
    key: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProfileWord {
    Typed,
    Image,
}

impl From<ProfileWord> for Profile {
    fn from(word: ProfileWord) -> Self {
        match word {
            ProfileWord::Typed => Self::Typed,
            ProfileWord::Image => Self::Image,
        }
    }
}

impl BuildArguments {
    fn read(&self) -> Result<(PackageId, Target)> {
        let kernel = self.kernel.clone().unwrap_or_else(running_release);
        Ok((package(&self.package)?, target(kernel, self.arch.clone())?))
    }
}

/// Sends a build.
pub fn push(arguments: &PushArguments, environment: &Environment) -> Result<()> {
    let (id, target) = arguments.build.read()?;
    let key = signing_key(&arguments.key)?;
    let lines = Dkms::new(false, false);
    handle_signals();
    let run = working(&arguments.build.directories, environment, &lines)?;
    let to = match &arguments.to {
        Some(address) => named(&run.env, address, Vec::new())?,
        None => of_plugins(&run, &id, &target, Purpose::Push)?.swap_remove(0),
    };
    let profile = arguments.profile.map(Profile::from);
    if arguments.base.is_some() && profile == Some(Profile::Typed) {
        return Err(Error::new(Kind::Usage, "Only an image has a base.").hint("Add --profile image."));
    }
    let base = arguments.base.as_ref().map(|base| Base::open(&run.env, base, &target)).transpose()?;
    let options = PushOptions { key: &key, profile, base: base.as_ref(), force: arguments.force };
    let outcome = modsmith_core::flow::push(&run, &id, &target, &to, &options);
    Terminal::flush();
    let Some(pushed) = outcome? else { return Ok(()) };
    pushed.refused.iter().for_each(|refused| output::warning(refused));
    let what = if pushed.is_new { "is pushed" } else { "is there already" };
    output::lines(&line(&format!("{id} for kernel {target} {what}: {}, {}", pushed.reference, pushed.digest)));
    Ok(())
}

/// Fetches a build.
pub fn pull(arguments: &PullArguments, environment: &Environment) -> Result<()> {
    let (id, target) = arguments.build.read()?;
    let keys = arguments.key.iter().map(|file| public_key(file)).collect::<Result<Vec<_>>>()?;
    let lines = Dkms::new(false, false);
    handle_signals();
    let run = working(&arguments.build.directories, environment, &lines)?;
    let stores = match &arguments.from {
        Some(address) => vec![named(&run.env, address, keys)?],
        None => of_plugins(&run, &id, &target, Purpose::Pull)?,
    };
    if let Some(store) = stores.iter().find(|store| store.keys.is_empty()) {
        return Err(Error::new(Kind::Usage, format!("No key is known for {}.", store.address()))
            .hint("Name a public key with --key: builds that it has signed are used."));
    }
    let mut failure = None;
    for store in &stores {
        match modsmith_core::flow::pull(&run, &id, &target, store) {
            Ok(pulled) => {
                Terminal::flush();
                if let Some(pulled) = pulled {
                    let origin = pulled.origin;
                    let text = format!(
                        "{id} for kernel {target} is in the store: from {}, {}, signed with {}",
                        origin.address, origin.artefact, origin.signer
                    );
                    output::lines(&line(&text));
                }
                return Ok(());
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Terminal::flush();
    failure.map_or(Ok(()), Err)
}

/// The stores that plugins name; there is one at least.
fn of_plugins(run: &Invocation<'_>, id: &PackageId, target: &Target, purpose: Purpose) -> Result<Vec<SharedStore>> {
    let described = identity(run, id, target)?;
    let wanted = Wanted { package: id, target, identity: &described.identity };
    let stores = configured(run, purpose, wanted)?;
    if stores.is_empty() {
        let option = if purpose == Purpose::Push { "--to" } else { "--from" };
        return Err(Error::new(Kind::Usage, "No store is named.").hint(format!(
            "Name one with {option}, or in the settings of a plugin of the role `store`, such as /etc/modsmith/settings/store-directory.toml."
        )));
    }
    Ok(stores)
}
