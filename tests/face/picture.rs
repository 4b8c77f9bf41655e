//! The picture of the README: a real run, as a terminal shows it.

use std::fmt::Write;

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::world::modsmith;
use modsmith_tests::{World, paths};
use vt100::{Color, Screen};

use crate::runs::usual;

const FILE: &str = "docs/pictures/autoinstall.svg";
const ROWS: u16 = 24;
const COLUMNS: u16 = 82;

/// The size of a character, in pixels.
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 19.0;

/// The run of the picture: one package builds, one does not, one is for another kernel.
fn run() -> (String, vt100::Parser) {
    let world = World::generic();
    world.add_package(&Package::new("touchpad", "1.4"));
    world.add_package(&Package::new("wifi-card", "2.1"));
    let error = "echo 'sound.c:312:8: error: too few arguments to function ‘snd_open’' >&2; exit 2";
    world.add_package(&Package::new("sound-card", "3.0").conf(&format!("MAKE[0]=\"{error}\"")));
    world.add_package(&Package::new("old-printer", "0.9").conf("BUILD_EXCLUSIVE_KERNEL=\"^5[.]\""));
    for package in ["touchpad/1.4", "wifi-card/2.1", "sound-card/3.0", "old-printer/0.9"] {
        world.dkms(&format!("add {package}")).expect(0);
    }
    // The key is made at the first build, which the picture does not show.
    world.dkms("generate_mok").expect(0);
    let line = format!("autoinstall -k {}", kernel());
    let program = world.program(modsmith()).words(&line).arg("-j1");
    let (code, screen) = program.on_terminal(ROWS, COLUMNS).last_screen();
    assert_eq!(code, 11, "{}", screen.screen().contents());
    (format!("$ modsmith {line}"), screen)
}

fn colour(colour: Color) -> &'static str {
    match colour {
        Color::Idx(1) => "#f07178",
        Color::Idx(2) => "#a5d96c",
        Color::Idx(3) => "#ffcb6b",
        _ => "#d8dee9",
    }
}

/// Text as XML has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A row of the screen: pieces of text that look the same.
fn row(screen: &Screen, number: u16) -> String {
    let mut pieces: Vec<(String, String)> = Vec::new();
    for column in 0..COLUMNS {
        let cell = screen.cell(number, column).expect("a cell of the screen");
        let weight = if cell.bold() { " font-weight=\"bold\"" } else { "" };
        let opacity = if cell.dim() { " opacity=\"0.65\"" } else { "" };
        let look = format!("fill=\"{}\"{weight}{opacity}", colour(cell.fgcolor()));
        let text = if cell.has_contents() { cell.contents() } else { " " };
        match pieces.last_mut().filter(|(last, _)| *last == look) {
            Some((_, piece)) => piece.push_str(text),
            None => pieces.push((look, text.to_owned())),
        }
    }
    pieces.into_iter().fold(String::new(), |mut row, (look, text)| {
        let _ = write!(row, "<tspan {look}>{}</tspan>", escaped(&text));
        row
    })
}

fn draw(command: &str, screen: &Screen) -> String {
    let last = screen.rows(0, COLUMNS).collect::<Vec<_>>().iter().rposition(|row| !row.trim().is_empty()).unwrap_or(0);
    let rows = u16::try_from(last + 1).expect("a screen has few rows");
    let (width, height) = (f32::from(COLUMNS) * WIDTH + 32.0, f32::from(rows + 1) * HEIGHT + 32.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\" role=\"img\">\n\
         <title>{0}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1d2430\"/>\n",
        escaped(command)
    );
    let mut line = |number: u16, text: &str| {
        let y = f32::from(number + 1) * HEIGHT + 10.0;
        let _ = writeln!(svg, "<text x=\"16\" y=\"{y}\" xml:space=\"preserve\">{text}</text>");
    };
    line(0, &format!("<tspan fill=\"#d8dee9\" font-weight=\"bold\">{}</tspan>", escaped(command)));
    (0..rows).for_each(|number| line(number + 1, &row(screen, number)));
    svg + "</svg>\n"
}

/// The lines of text in a picture.
fn text(svg: &str) -> String {
    let tags = regex::Regex::new("<[^>]*>").unwrap();
    let lines = svg.lines().filter(|line| line.starts_with("<text"));
    lines.map(|line| unescaped(&tags.replace_all(line, "")).trim_end().to_owned() + "\n").collect()
}

#[test]
fn the_picture_of_the_readme_shows_what_the_program_prints() {
    let (command, parser) = run();
    let drawn = draw(&command, parser.screen());
    let file = paths::checkout().join(FILE);
    if std::env::var_os("MODSMITH_KEEP_TEXTS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).expect("the folder can be made");
        std::fs::write(&file, &drawn).expect("the folder can be written to");
    }
    let kept = std::fs::read_to_string(&file).expect("the picture is there");
    // Kernel and times are those of the run that was recorded.
    let recorded =
        regex::Regex::new(r"-k ([^\s<]+)").unwrap().captures(&kept).expect("the command names a kernel")[1].to_owned();
    let kept = text(&kept).replace(&recorded, &kernel());
    assert_eq!(usual(&text(&drawn)), usual(&kept), "{FILE}: MODSMITH_KEEP_TEXTS=1 draws it anew");
    let readme = std::fs::read_to_string(paths::checkout().join("README.md")).expect("it is there");
    assert!(readme.contains(&format!("({FILE})")), "the README shows the picture");
}
