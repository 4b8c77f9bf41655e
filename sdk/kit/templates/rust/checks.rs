//! Compares the package of the module `example` with the library that programs use it through.

use modsmith_plugin::prelude::*;

const VERSION: &str = "lib/example/version";

struct Plugin;

impl Checks for Plugin {
    fn inspect(request: &CheckRequest) -> Result<CheckReport> {
        let library = Path::usr(VERSION).read_text()?.ok_or_else(|| unsupported("the library is not installed"))?;
        let packages = request.packages_of("example");
        let mut report = CheckReport::default();
        if !packages.contains(&format!("example/{}", library.trim())) {
            report.findings.push(Finding {
                id: "library-differs".into(),
                subject: "example".into(),
                level: FindingLevel::Degraded,
                message: format!("the library is of version {}, and the tree has {}", library.trim(), packages.join(", ")),
                evidence: Some(format!("/usr/{VERSION}")),
                remedy: Some("Install the library and the package in one version.".into()),
            });
        }
        Ok(report)
    }
}

export!(Plugin: Checks);
