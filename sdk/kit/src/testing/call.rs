//! The calls that a case can make: each is one function of a role.

use serde::Deserialize;

use modsmith_plugins::manifest::Role;

/// A question to a plugin, by the name that `call` in facts.toml has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Call {
    Score,
    Destination,
    Compression,
    Prune,
    KernelArch,
    HeaderDirs,
    HeaderPackage,
    Compiler,
    KernelPrepare,
    KernelClean,
    Images,
    Refresh,
    Regeneration,
    Prepare,
    Sign,
    Enrolment,
    ModprobeAdd,
    ModprobeRemove,
    WeakLink,
    WeakUnlink,
    KernelRemoved,
    Assemble,
    Load,
    Arrange,
    OnEvent,
    HookFiles,
    BootMenu,
    Inspect,
    Places,
    Owners,
    Validate,
}

const CALLS: [(Call, &str, Role); 31] = [
    (Call::Score, "score", Role::Distro),
    (Call::Destination, "destination", Role::InstallPolicy),
    (Call::Compression, "compression", Role::InstallPolicy),
    (Call::Prune, "prune", Role::InstallPolicy),
    (Call::KernelArch, "kernel-arch", Role::KernelLayout),
    (Call::HeaderDirs, "header-dirs", Role::KernelLayout),
    (Call::HeaderPackage, "header-package", Role::KernelLayout),
    (Call::Compiler, "compiler", Role::KernelLayout),
    (Call::KernelPrepare, "kernel-prepare", Role::KernelPrepare),
    (Call::KernelClean, "kernel-clean", Role::KernelPrepare),
    (Call::Images, "images", Role::Initrd),
    (Call::Refresh, "refresh", Role::Initrd),
    (Call::Regeneration, "regeneration", Role::Initrd),
    (Call::Prepare, "prepare", Role::Signer),
    (Call::Sign, "sign", Role::Signer),
    (Call::Enrolment, "enrolment", Role::Signer),
    (Call::ModprobeAdd, "modprobe-add", Role::ModprobeConfig),
    (Call::ModprobeRemove, "modprobe-remove", Role::ModprobeConfig),
    (Call::WeakLink, "weak-link", Role::WeakModules),
    (Call::WeakUnlink, "weak-unlink", Role::WeakModules),
    (Call::KernelRemoved, "kernel-removed", Role::WeakModules),
    (Call::Assemble, "assemble", Role::Packager),
    (Call::Load, "load", Role::Packager),
    (Call::Arrange, "arrange", Role::Packager),
    (Call::OnEvent, "on-event", Role::KernelHooks),
    (Call::HookFiles, "hook-files", Role::KernelHooks),
    (Call::BootMenu, "boot-menu", Role::BootLoader),
    (Call::Inspect, "inspect", Role::Checks),
    (Call::Places, "places", Role::Store),
    (Call::Owners, "owners", Role::FileOwner),
    (Call::Validate, "validate", Role::SettingsCheck),
];

impl Call {
    /// All calls.
    pub fn all() -> impl Iterator<Item = Call> {
        CALLS.into_iter().map(|(call, ..)| call)
    }

    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The role that answers it.
    pub fn role(self) -> Role {
        self.row().2
    }

    /// The call that takes back what this one adds.
    pub fn inverse(self) -> Option<Call> {
        match self {
            Call::ModprobeAdd => Some(Call::ModprobeRemove),
            Call::WeakLink => Some(Call::WeakUnlink),
            Call::KernelPrepare => Some(Call::KernelClean),
            _ => None,
        }
    }

    fn row(self) -> (Call, &'static str, Role) {
        CALLS.into_iter().find(|(call, ..)| *call == self).expect("every call is in the table")
    }
}

impl TryFrom<String> for Call {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let found = CALLS.into_iter().find(|(_, known, _)| *known == name);
        found.map(|(call, ..)| call).ok_or_else(|| {
            let known: Vec<&str> = CALLS.into_iter().map(|(_, known, _)| known).collect();
            format!("`{name}` is no call; there are: {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = include_str!("../../../../docs/guides/test-a-plugin.md");

    #[test]
    fn every_call_is_found_by_its_name() {
        for call in Call::all() {
            assert_eq!(Call::try_from(call.name().to_owned()), Ok(call));
        }
        assert!(Call::try_from("refresj".to_owned()).unwrap_err().contains("refresh"));
    }

    #[test]
    fn the_guide_has_every_call() {
        for call in Call::all() {
            assert!(GUIDE.contains(&format!("`{}`", call.name())), "{}", call.name());
        }
    }

    #[test]
    fn the_schema_has_every_call() {
        let schema: serde_json::Value = serde_json::from_str(include_str!("../../schemas/facts.json")).unwrap();
        let known: Vec<&str> = Call::all().map(Call::name).collect();
        assert_eq!(schema["properties"]["call"]["enum"], serde_json::json!(known));
    }

    #[test]
    fn what_is_taken_back_is_of_the_same_role() {
        for (call, inverse) in Call::all().filter_map(|call| Some((call, call.inverse()?))) {
            assert_eq!(call.role(), inverse.role());
        }
    }
}
