//! `generate_mok`: the key pair that modules are signed with.

use crate::error::{Error, Kind, Result};
use crate::flow::Session;
use crate::plan::Builder;
use crate::plugin::Answer;
use crate::system::Root;
use crate::tree::Target;

impl Session<'_> {
    /// Makes the signing pair where there is none, and says where it is.
    pub fn generate_mok(&self, target: &Target) -> Result<()> {
        let _lock = self.begin()?;
        let kernel = self.kernel(target);
        let mut roots = self.system.roots.clone();
        roots.set(Root::Modules, kernel.module_dir());
        if let Some(headers) = kernel.headers() {
            roots.set(Root::Headers, headers);
        }
        let mut plan = Builder::new("prepare the signing of modules", roots);
        match self.plugins.prepare_signing(&kernel, &mut plan)? {
            Answer::Given { value, .. } => {
                let lines = [
                    format!("Signing key: {}", plan.shown(&value.key)),
                    format!("Public certificate (MOK): {}", plan.shown(&value.certificate)),
                ];
                self.run(plan)?;
                lines.iter().for_each(|line| self.say(line));
                Ok(())
            }
            Answer::Unsupported(reasons) => {
                let reasons: Vec<String> =
                    reasons.into_iter().map(|(plugin, why)| format!("{plugin}: {why}")).collect();
                Err(Error::new(Kind::Usage, "No signing key could be prepared.")
                    .details(reasons)
                    .hint("Name a kernel with headers by -k: its configuration says how modules are signed."))
            }
        }
    }
}
