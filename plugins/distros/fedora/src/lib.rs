//! Fedora, RHEL and everything that names them in ID_LIKE.

use modsmith_plugin::prelude::*;

struct Fedora;

impl InstallPolicy for Fedora {
    fn destination(_: &InstallRequest) -> Result<String> {
        Ok("extra".into())
    }

    fn prune(_: &RemovalRequest) -> Result<Prune> {
        Ok(Prune::UnlessOwned(vec!["rpm".into(), "-qf".into()]))
    }
}

impl KernelLayout for Fedora {
    fn header_directories(request: &HeadersRequest) -> Result<Vec<String>> {
        Ok(vec![format!("/usr/src/kernels/{}", request.kernel().release())])
    }

    fn header_package(request: &HeadersRequest) -> Result<String> {
        Ok(devel_package(&request.kernel().release()))
    }
}

/// The package with the headers of a release. A variant kernel has it in its
/// release, after `+` (`6.12.0-55.el10.x86_64+rt`) or, with Oracle's own kernel,
/// inside (`5.15.0-200.131.27.el9uek.x86_64`).
fn devel_package(release: &str) -> String {
    match release.split_once('+') {
        Some((plain, variant)) => format!("kernel-{variant}-devel-{plain}"),
        None if release.contains("uek") => format!("kernel-uek-devel-{release}"),
        None => format!("kernel-devel-{release}"),
    }
}

export!(Fedora: InstallPolicy, KernelLayout);

#[cfg(test)]
mod tests {
    use super::devel_package;

    #[test]
    fn the_variant_of_a_kernel_is_in_the_name_of_its_package() {
        let cases = [
            ("6.17.4-200.fc42.x86_64", "kernel-devel-6.17.4-200.fc42.x86_64"),
            ("6.17.4-200.fc42.x86_64+debug", "kernel-debug-devel-6.17.4-200.fc42.x86_64"),
            ("5.15.0-200.131.27.el9uek.x86_64", "kernel-uek-devel-5.15.0-200.131.27.el9uek.x86_64"),
        ];
        for (release, package) in cases {
            assert_eq!(devel_package(release), package);
        }
    }
}
