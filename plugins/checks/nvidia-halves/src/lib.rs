//! NVIDIA's driver has two halves, which work only in the same version: the kernel module, and the
//! libraries of programs. Newer ones load firmware of that version, too.
//!
//! Source: NVIDIA's README, chapters "GSP Firmware" and "Installed Components".

use std::collections::BTreeSet;

use modsmith_plugin::prelude::*;

/// Names of the module: Debian has several versions beside each other.
const MODULES: [&str; 2] = ["nvidia", "nvidia-current"];

/// Libraries that talk to the kernel module.
const LIBRARIES: [&str; 2] = ["libnvidia-ml.so.", "libcuda.so."];

/// Where distributions keep libraries for the machine's own programs.
const DIRECTORIES: [&str; 4] = ["lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib"];

struct NvidiaHalves;

impl Checks for NvidiaHalves {
    fn inspect(request: &CheckRequest) -> Result<CheckReport> {
        let libraries = libraries()?;
        if libraries.is_empty() {
            return Err(unsupported("the machine has none of NVIDIA's libraries"));
        }
        let (module, version) = module(request)?.ok_or_else(|| unsupported("the kernel has no module nvidia"))?;
        let evidence = format!("modinfo {module} for {}", request.kernel().release());
        let mut findings = Vec::new();
        if libraries.iter().all(|(_, library)| *library != version) {
            findings.push(differs(request, module, &version, &libraries));
        }
        findings.extend(without_firmware(request, module, &version, &evidence)?);
        Ok(CheckReport { findings, needs: Vec::new() })
    }
}

/// The name and the version of the module as it is installed for the kernel.
fn module(request: &CheckRequest) -> Result<Option<(&'static str, String)>> {
    for module in MODULES {
        match request.module_info(module, "version") {
            Ok(versions) => return Ok(versions.into_iter().next().map(|version| (module, version))),
            Err(error) if error.kind == ErrorKind::Missing => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Files of libraries, each with the version in its name.
fn libraries() -> Result<BTreeSet<(String, String)>> {
    let mut found = BTreeSet::new();
    for directory in DIRECTORIES.map(Path::usr) {
        let deeper = [directory.join("nvidia"), directory.join("nvidia/current")];
        for directory in [directory].into_iter().chain(deeper) {
            for entry in directory.entries()? {
                let version = LIBRARIES.iter().find_map(|library| entry.name.strip_prefix(library));
                if let Some(version) = version.filter(|version| is_version(version)) {
                    found.insert((directory.join(&entry.name).absolute()?, version.to_owned()));
                }
            }
        }
    }
    Ok(found)
}

/// `535.183.01`, and not the `1` of the name that programs load.
fn is_version(text: &str) -> bool {
    text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn differs(request: &CheckRequest, module: &str, version: &str, libraries: &BTreeSet<(String, String)>) -> Finding {
    let versions: BTreeSet<&str> = libraries.iter().map(|(_, version)| version.as_str()).collect();
    let versions: Vec<&str> = versions.into_iter().collect();
    let files: Vec<&str> = libraries.iter().map(|(file, _)| file.as_str()).collect();
    let release = request.kernel().release();
    Finding {
        id: "library-differs".into(),
        subject: module.into(),
        level: FindingLevel::Degraded,
        message: format!(
            "the kernel module has version {version}, and the libraries have {}: programs do not find the device",
            versions.join(", ")
        ),
        evidence: Some(format!("modinfo {module} for {release}; {}", files.join(", "))),
        remedy: Some(format!(
            "Install the module and the libraries in one version, then build the module for {release}."
        )),
    }
}

/// The module names the firmware that it loads.
fn without_firmware(request: &CheckRequest, module: &str, version: &str, evidence: &str) -> Result<Option<Finding>> {
    let files = request.module_info(module, "firmware")?;
    let own = format!("nvidia/{version}/");
    if !files.iter().any(|file| file.starts_with(&own)) {
        return Ok(None);
    }
    let directory = Path::usr("lib/firmware/nvidia").join(version);
    if !directory.entries()?.is_empty() {
        return Ok(None);
    }
    let shown = directory.absolute()?;
    Ok(Some(Finding {
        id: "no-firmware".into(),
        subject: module.into(),
        level: FindingLevel::Degraded,
        message: format!("the kernel module of version {version} names firmware in {shown}, where there is none"),
        evidence: Some(evidence.to_owned()),
        remedy: Some(format!("Install NVIDIA's firmware of version {version}.")),
    }))
}

export!(NvidiaHalves: Checks);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_programs_load_has_no_version() {
        assert!(is_version("535.183.01") && is_version("390.157"));
        assert!(!is_version("1") && !is_version("1.old") && !is_version(""));
    }
}
