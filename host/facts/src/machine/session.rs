//! What the administrator reaches the machine by: the network of the default route, screens
//! and keyboards.

use std::collections::BTreeSet;

use super::{Machine, Need, Use};

impl Machine {
    pub(super) fn session(&self) -> BTreeSet<Use> {
        let mut uses = BTreeSet::new();
        let mut add = |directory: String, why: String| {
            let modules = self.drivers(&self.path(&directory));
            uses.extend(modules.into_iter().map(|module| Use { need: Need::Session, module, why: why.clone() }));
        };
        for interface in self.default_interfaces() {
            let directory = format!("sys/class/net/{interface}");
            add(directory, format!("the default route is by the network interface {interface}"));
        }
        for card in self.names("sys/class/drm").into_iter().filter(|name| is_numbered(name, "card")) {
            add(format!("sys/class/drm/{card}"), format!("{card} is a display"));
        }
        for input in self.names("sys/class/input").into_iter().filter(|name| is_numbered(name, "input")) {
            add(format!("sys/class/input/{input}"), format!("{input} is an input device"));
        }
        uses
    }

    /// Names of the interfaces that default routes of IPv4 and IPv6 lead to.
    ///
    /// Source: proc_pid_net(5); the kernel's `net/ipv6/route.c`, `rt6_info_route`.
    fn default_interfaces(&self) -> BTreeSet<String> {
        let v4 = self.text("proc/net/route").unwrap_or_default();
        let v4 = v4.lines().skip(1).filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_default = *words.get(1)? == "00000000" && *words.get(7)? == "00000000";
            is_default.then(|| (*words.first().unwrap_or(&"")).to_owned())
        });
        let v6 = self.text("proc/net/ipv6_route").unwrap_or_default();
        let v6 = v6.lines().filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_default = words.first()?.bytes().all(|byte| byte == b'0') && *words.get(1)? == "00";
            is_default.then(|| (*words.last().unwrap_or(&"")).to_owned())
        });
        v4.chain(v6).filter(|name| name != "lo" && !name.is_empty() && !name.contains('/')).collect()
    }
}

fn is_numbered(name: &str, word: &str) -> bool {
    name.strip_prefix(word).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}
