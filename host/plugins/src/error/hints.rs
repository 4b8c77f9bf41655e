//! What to do about each error.

use super::Error;
use crate::manifest::Role;

impl Error {
    /// What to do about the error, one imperative sentence each.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::FormatImpossible { hints, .. } => hints.clone(),
            Self::LimitsUnreadable { file, .. } => {
                vec![format!("Correct {}, or remove it for the default limits.", file.display())]
            }
            Self::GrantsUntrusted { untrusted } => vec![untrusted.remedy()],
            Self::NoSuchPlugin { .. } | Self::BadId { .. } => {
                vec!["List the plugins with `modsmith plugin list`, or give the path of a file.".to_owned()]
            }
            Self::NotLoaded { component, .. } => {
                vec![format!("Look at it with `modsmith plugin inspect {}`.", component.display())]
            }
            Self::Unusable { plugin, granted: true, .. } => vec![
                format!("Put the file back that was granted, or run `modsmith plugin grant {plugin}` for this one."),
                format!("To go on without it, run `modsmith plugin revoke {plugin}`."),
            ],
            Self::Unusable { plugin, file, .. } => vec![
                format!("Install the package again that {} belongs to.", file.display()),
                format!(
                    "To go on without it, put `[deny] plugins = [\"{plugin}\"]` into a file of /etc/modsmith/policy.d."
                ),
            ],
            Self::SettingsUnusable { file, .. } => vec![format!("Correct {}.", file.display())],
            Self::NoGrant { .. } => {
                vec![
                    "Plugins of the system's packages need none; deny one in /etc/modsmith/policy.d instead."
                        .to_owned(),
                ]
            }
            Self::NoHookFiles { others, .. } => vec![format!("Plugins with hook files: {}.", others.join(", "))],
            other => other.hints_of_call(),
        }
    }

    /// What to do where a plugin was asked, and did not do it.
    fn hints_of_call(&self) -> Vec<String> {
        match self {
            Self::CannotGoOn { hints, .. } | Self::Failed { hints, .. } if !hints.is_empty() => hints.to_vec(),
            Self::CannotGoOn { plugin, .. } => {
                vec![format!("Correct what it names, or its settings in /etc/modsmith/settings/{plugin}.toml.")]
            }
            Self::Failed { plugin, .. } => {
                vec![format!("Look at what it may do with `modsmith plugin inspect {plugin}`.")]
            }
            Self::Denied { plugin, .. } => {
                vec![format!("See what it was granted with `modsmith plugin inspect {plugin}`.")]
            }
            Self::Exceeded { role, limit, .. } => vec![format!(
                "If it rightly needs more, raise `{}`{} in /etc/modsmith/limits.toml; else report it to its author.",
                limit.key,
                if *role == Role::Packager.name() { " below [packager]" } else { "" }
            )],
            Self::Crashed { plugin, .. } => vec![format!(
                "Report it to the author of `{plugin}`; until it is mended, deny it: `[deny] plugins = [\"{plugin}\"]` in a file of /etc/modsmith/policy.d."
            )],
            Self::BadDestination { .. } | Self::BadSigningPath { .. } | Self::SignerUnwilling { .. } => {
                vec!["Report it to the plugin's author.".to_owned()]
            }
            Self::SignerMissing { plugin, .. } => vec![format!("Install {plugin}.wasm again.")],
            Self::FormatRefused { advice, .. } => advice.clone(),
            Self::FormatUnsupported { .. } => vec!["Choose another format.".to_owned()],
            other => other.hints_of_distribution(),
        }
    }

    /// What to do where a plugin could not be found, installed or brought up to date.
    fn hints_of_distribution(&self) -> Vec<String> {
        match self {
            Self::NoSuchSource { .. } => {
                vec!["Name a file, a directory, an https address, or a reference such as HOST/NAME:1.0.0.".to_owned()]
            }
            Self::SourceRefused { .. } => vec!["Report it to the publisher of the plugin.".to_owned()],
            Self::SourcesUnreadable { file, .. } => vec![format!("Correct {}.", file.display())],
            Self::OutOfRoot { .. } => {
                vec!["Make it a directory of that system, or work inside it with chroot.".to_owned()]
            }
            Self::LockUnreadable { file, .. } => {
                vec![format!("Put {} right, or remove it and install the plugins again.", file.display())]
            }
            Self::NotManaged { file: Some(file), .. } => {
                vec![format!("Remove {}, or put another file into its place, by hand.", file.display())]
            }
            Self::NotManaged { .. } => vec!["`modsmith plugin list` says where plugins come from.".to_owned()],
            Self::LockMismatch { plugin, source_word, .. } => vec![
                "Find out who has changed it, and why.".to_owned(),
                format!("Then run `modsmith plugin remove {plugin}` and `modsmith plugin install {source_word}`."),
            ],
            Self::Republished { plugin, source_word, .. } => vec![
                "Ask its author why: a version that is published does not change.".to_owned(),
                format!("Then run `modsmith plugin remove {plugin}` and `modsmith plugin install {source_word}`."),
            ],
            Self::AsksForMore { plugin, .. } => vec![format!(
                "To have it, run `modsmith plugin update {plugin} --more-rights`; then it is not used before `modsmith plugin grant {plugin}`."
            )],
            Self::Registry(error) => registry_hints(error),
            Self::Io { error, .. } => io_hints(error),
            _ => Vec::new(),
        }
    }
}

fn registry_hints(error: &modsmith_registry::Error) -> Vec<String> {
    use modsmith_registry::Error::*;
    let hint = match error {
        BadReference { .. } => "A reference is HOST[:PORT]/NAME[:TAG], such as registry.example/team/plugin:1.0.0.",
        BadAddress { .. } => "Use https; a registry without TLS is named in /etc/modsmith/registries.toml.",
        Unreachable { .. } | Busy { .. } | Truncated { .. } | TooSlow { .. } => "Try it again later.",
        Unauthorized { .. } | Forbidden { .. } => {
            "Log in with `podman login` or `docker login`, or name an `auth-file` in /etc/modsmith/registries.toml."
        }
        SlowHelper { .. } => {
            "Find out what it waits for, or raise `helper-timeout` of the registry in /etc/modsmith/registries.toml."
        }
        TooLarge { .. } => "If it rightly is as large, raise `component-mib` in /etc/modsmith/limits.toml.",
        Unsigned { .. } | OtherSigner { .. } => {
            "Ask who offers it for the right key; /etc/modsmith/registries.toml says which keys count."
        }
        Refused { .. } | Malformed { .. } | Redirected { .. } | WrongDigest { .. } => {
            "Report it to the operator of the registry; nothing was kept."
        }
        NotALayout { .. } => "Name a directory that is new or empty, or one that `modsmith push` has begun.",
        ReadOnly { .. } => "Push to the directory that is served there.",
        File { error, .. } | Io { error, .. } => return io_hints(error),
        _ => return Vec::new(),
    };
    vec![hint.to_owned()]
}

fn io_hints(error: &std::io::Error) -> Vec<String> {
    use std::io::ErrorKind::*;
    let hint = match error.kind() {
        PermissionDenied => "Run it as root.",
        StorageFull => "Free space on that file system; nothing was changed.",
        ReadOnlyFilesystem => "Remount that file system read-write.",
        _ => return Vec::new(),
    };
    vec![hint.to_owned()]
}
