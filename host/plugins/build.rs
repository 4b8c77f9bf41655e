//! Generates the module `bindings` from its template and the interface's text.

fn main() -> std::io::Result<()> {
    let out = std::env::var_os("OUT_DIR").expect("cargo names it");
    modsmith_wit::V1_0.generate("src/bindings.rs.in", &std::path::Path::new(&out).join("bindings.rs"))
}
