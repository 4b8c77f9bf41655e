//! The page in Debian's Chromium: filter, click, keyboard alone, 400 % zoom, screen readers, no network. The test makes
//! the picture in the documentation with `MODSMITH_KEEP_TEXTS=1`.

mod driver;

use std::fs;

use base64::Engine as _;
use modsmith_tests::paths;
use serde_json::json;

use crate::scene::{document, shell};
use driver::Browser;
use modsmith_tests::World;

const MODULES: usize = 60;
const KERNELS: usize = 40;

/// What came of a cell, by its place: most are built.
fn outcome(row: usize, column: usize) -> (&'static str, i32) {
    match (row, column) {
        (7 | 23, column) if column > 25 => ("failed", 10),
        (12, _) => ("failed", 10),
        (row, column) if row % 9 == 4 && column % 8 == 3 => ("excluded", 77),
        (_, 31) => ("headers-missing", 21),
        (41, 5) => ("infrastructure", 30),
        (row, _) if row % 2 == 0 => ("found", 0),
        _ => ("built", 0),
    }
}

/// A world with the page of many cells; two cells were not run.
fn page(world: &World) -> String {
    fs::create_dir(world.path("results")).unwrap();
    let mut cells = Vec::new();
    for row in 0..MODULES {
        for column in 0..KERNELS {
            let coordinates = json!({
                "module": format!("module{row:02}"), "version": "1.0",
                "kernel": format!("6.{}.0-{}-amd64", 1 + column / 4, column % 4), "arch": "x86_64",
            });
            let name = format!("cell{row}-{column}");
            let mut cell = json!({"index": cells.len(), "name": name});
            let (outcome, code) = outcome(row, column);
            let mut result = json!({"schema_version": 1, "outcome": outcome, "exit_code": code, "started": "2026-01-01T00:00:00Z", "seconds": 2.5});
            for document in [&mut cell, &mut result] {
                document.as_object_mut().unwrap().extend(coordinates.as_object().unwrap().clone());
            }
            if code != 0 {
                result["message"] = json!(format!("Building module{row:02}/1.0 failed."));
            }
            if code == 10 {
                let text = format!("module{row:02}.c:17:2: error: too few arguments to function <b>'class_create'</b>");
                result["first_error"] = json!({"text": text, "log_line": 9, "file": "x.c", "line": 17});
                result["excerpt"] = json!(["make -C /lib/modules", text]);
                result["log"] = json!(format!("{name}.log"));
            }
            if (row, column) != (50, 10) && (row, column) != (50, 11) {
                fs::write(world.path(format!("results/{name}.json")), result.to_string()).unwrap();
            }
            cells.push(cell);
        }
    }
    world.write("matrix.json", json!({"schema_version": 1, "cells": cells}).to_string());
    shell(world, "modsmith matrix collect matrix.json").expect(0);
    // As if everything of one module had been built the last time.
    let mut last = document(world, "results/index.json", "matrix-index-schema.json");
    for cell in last["cells"].as_array_mut().unwrap().iter_mut().skip(7 * KERNELS + 26).take(3) {
        cell["outcome"] = json!("built");
    }
    world.write("last.json", last.to_string());
    shell(world, "modsmith matrix collect matrix.json --before last.json").expect(0);
    format!("file://{}", world.path("results/index.html").display())
}

/// Rows that can be seen.
const ROWS: &str = "[...document.querySelectorAll('tbody tr')].filter(row => row.getClientRects().length > 0).length";
const COLUMNS: &str =
    "[...document.querySelectorAll('thead th')].filter(head => head.getClientRects().length > 0).length";
const FOCUS: &str = "document.activeElement.id || document.activeElement.className || document.activeElement.tagName";

#[test]
#[ignore = "slow"]
fn the_page_can_be_read_filtered_and_used_with_the_keyboard_alone() {
    let world = World::new(&[]);
    let address = page(&world);
    let mut browser = Browser::start(&world.path("browser"));
    browser.open(&address, 1280, 900);
    assert_eq!(browser.evaluate(ROWS), json!(MODULES));
    assert_eq!(browser.evaluate(COLUMNS), json!(KERNELS + 1));
    assert_eq!(browser.evaluate("document.querySelectorAll('tbody td').length"), json!(MODULES * KERNELS));
    assert!(browser.text("main").contains("Since the last run"));
    browser.open(&address, 1560, 1000);
    picture(&mut browser);

    browser.open(&address, 1280, 900);
    keyboard(&mut browser);
    // A click leads to the error of the cell, and the log is open.
    browser.open(&address, 1280, 900);
    browser.click("a[href='#cell-480']");
    assert_eq!(browser.evaluate("location.hash"), json!("#cell-480"));
    assert!(browser.text("#cell-480").contains("error: too few arguments to function <b>'class_create'</b>"));
    assert_eq!(browser.evaluate("document.querySelector('#cell-480 details').open"), json!(true));
    assert_eq!(browser.evaluate("document.querySelectorAll('#cell-480 b').length"), json!(0), "text is no markup");

    // 1280 pixels at 400 %, as WCAG 2.2, 1.4.10 has it: the page itself is not wider, the table has its own bar.
    browser.open(&address, 320, 256);
    assert_eq!(browser.evaluate("document.documentElement.scrollWidth <= 320"), json!(true));
    assert_eq!(browser.evaluate("document.querySelector('.scroll').scrollWidth > 320"), json!(true));

    // What a screen reader is told.
    let tree = browser.call("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().unwrap();
    let has = |role: &str, name: &str| {
        nodes.iter().any(|node| node["role"]["value"] == role && node["name"]["value"] == name)
    };
    assert!(has("link", "failed"), "a sign has words");
    assert!(has("rowheader", "module12 1.0") && has("columnheader", "6.1.0-0-amd64 x86_64"), "cells have heads");

    assert_eq!(browser.requests(), [address], "nothing else is loaded");
    assert_eq!(browser.complaints(), Vec::<String>::new(), "the page keeps its own policy");
}

/// From the top of the page to an error and back, without a pointer.
fn keyboard(browser: &mut Browser) {
    let mut until = |wanted: &str| {
        for _ in 0..40 {
            browser.key("Tab");
            if browser.evaluate(FOCUS) == json!(wanted) {
                return;
            }
        }
        panic!("Tab never comes to {wanted}");
    };
    until("skip");
    until("by-module");
    browser.write("module12");
    assert_eq!(browser.evaluate(ROWS), json!(1));
    assert_eq!(browser.text("#shown"), "1 of 60 modules, 40 of 40 kernels");
    browser.key("Tab");
    browser.write("6.3.0");
    assert_eq!(browser.evaluate(COLUMNS), json!(5));
    browser.key("Tab");
    browser.key(" ");
    assert_eq!(browser.text("#shown"), "1 of 60 modules, 4 of 40 kernels");
    // The table, then its first cell with a problem.
    browser.key("Tab");
    assert_eq!(browser.evaluate(FOCUS), json!("matrix"));
    browser.key("Tab");
    browser.key("Enter");
    let cell = format!("cell-{}", 12 * KERNELS + 8);
    assert_eq!(browser.evaluate(FOCUS), json!(cell));
}

/// Writes the picture of the documentation, or looks whether it is there.
fn picture(browser: &mut Browser) {
    let path = paths::checkout().join("docs/reference/matrix-page.png");
    let shot = browser.call("Page.captureScreenshot", json!({"format": "png"}));
    let png = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
    assert!(png.starts_with(b"\x89PNG") && png.len() > 20_000, "a page is more than an empty picture");
    if std::env::var_os("MODSMITH_KEEP_TEXTS").is_some() {
        fs::write(&path, png).unwrap();
    }
    assert!(path.is_file(), "{} is missing: run this test with MODSMITH_KEEP_TEXTS=1", path.display());
}
