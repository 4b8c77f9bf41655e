//! Proxies, as the environment names them.
//!
//! Source: the variables that curl(1) documents. `http_proxy` counts in lower case only:
//! a CGI program gets a header `Proxy` of its caller in the other.

use crate::address::{Address, is_loopback};

/// Through which proxy a host is spoken to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    plain: Option<String>,
    secure: Option<String>,
    /// Hosts that are spoken to directly; with a dot before it, a whole domain; `*` all.
    direct: Vec<String>,
}

impl Proxies {
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
        let all = set(&["all_proxy", "ALL_PROXY"]);
        let direct = set(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Self {
            plain: set(&["http_proxy"]).or_else(|| all.clone()),
            secure: set(&["https_proxy", "HTTPS_PROXY"]).or(all),
            direct: direct
                .split(',')
                .map(|host| host.trim().to_ascii_lowercase())
                .filter(|host| !host.is_empty())
                .collect(),
        }
    }

    /// The proxy for an address. This machine is never spoken to through one.
    pub fn of(&self, address: &Address) -> Option<&str> {
        if is_loopback(address.host()) || self.is_direct(address) {
            return None;
        }
        if address.is_secure() { self.secure.as_deref() } else { self.plain.as_deref() }
    }

    fn is_direct(&self, address: &Address) -> bool {
        let host = address.host();
        self.direct.iter().any(|entry| {
            let domain = entry.trim_start_matches("*.").trim_start_matches('.');
            entry == "*"
                || entry == address.authority()
                || host == domain
                || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        let value = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        Proxies::of_environment(value)
    }

    fn of<'p>(proxies: &'p Proxies, address: &str) -> Option<&'p str> {
        proxies.of(&Address::parse(address).unwrap())
    }

    #[test]
    fn each_scheme_has_its_proxy_and_some_hosts_have_none() {
        let set = proxies(&[
            ("https_proxy", "http://p:1"),
            ("http_proxy", "http://p:2"),
            ("NO_PROXY", "a.example, .b.example,c.example:5000"),
        ]);
        assert_eq!(of(&set, "https://h.example/"), Some("http://p:1"));
        assert_eq!(of(&set, "http://h.example/"), Some("http://p:2"));
        for direct in ["a.example", "x.a.example", "x.b.example", "c.example:5000", "localhost:5000", "127.0.0.1"] {
            assert_eq!(of(&set, &format!("https://{direct}/")), None, "{direct}");
        }
        assert_eq!(of(&set, "https://xa.example/"), Some("http://p:1"));
        assert_eq!(of(&proxies(&[("ALL_PROXY", "http://p"), ("no_proxy", "*")]), "https://h.example/"), None);
    }

    #[test]
    fn a_variable_that_a_caller_of_a_web_program_can_set_does_not_count() {
        assert_eq!(proxies(&[("HTTP_PROXY", "http://p")]), Proxies::default());
        assert_eq!(of(&proxies(&[("ALL_PROXY", "http://p")]), "http://h.example/"), Some("http://p"));
    }
}
