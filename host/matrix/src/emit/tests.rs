use super::*;
use crate::cell::{Coordinates, Wanted};

fn matrix(count: usize, in_store: impl Fn(usize) -> bool) -> Matrix {
    Matrix::new((0..count).map(|number| Wanted {
        coordinates: Coordinates {
            module: format!("m{number}"),
            version: "1".into(),
            kernel: "6.1".into(),
            arch: "x86_64".into(),
        },
        source: None,
        headers: None,
        packages: Vec::new(),
        identity: None,
        in_store: in_store(number),
    }))
}

fn text(engine: Engine, matrix: &Matrix, file: &str, options: &[String]) -> Result<String, String> {
    emit(engine, &Job { matrix, file, results: "results", options, image: Some("registry.example/m:1") })
}

#[test]
fn cells_that_a_store_has_are_in_no_text() {
    let matrix = matrix(5, |number| number == 3);
    for engine in Engine::ALL {
        let text = text(engine, &matrix, "matrix.json", &[]).unwrap();
        let has = |number: usize| match engine {
            Engine::Make => text.contains(&format!("\nm{number}-1-6.1-x86_64:\n")),
            Engine::Slurm => text.contains("\n0-2,4 0\n") && number != 3,
            Engine::Kubernetes => text.contains("\"cells\": \"0\\n1\\n2\\n4\\n\"") && number != 3,
            Engine::Github => text.contains(&format!("{{\"index\":{number},")),
            Engine::Gitlab => text.contains("INDEX: [\"0\",\"1\",\"2\",\"4\"]") && number != 3,
        };
        for number in 0..5 {
            assert_eq!(has(number), number != 3, "{engine:?}: {number}: {text}");
        }
        assert!(!text.contains("@M") && !text.contains("@R") && !text.contains("@O"), "{engine:?}: {text}");
    }
}

#[test]
fn a_large_matrix_is_parted_as_each_engine_needs() {
    let matrix = matrix(2_500, |number| number == 1_999);
    let slurm = text(Engine::Slurm, &matrix, "m", &[]).unwrap();
    assert!(slurm.contains("\n0-999 0\n0-998 1000\n0-499 2000\nARRAYS\n"), "{slurm}");
    let github = text(Engine::Github, &matrix, "m", &[]).unwrap();
    assert!(github.contains("\n  cells-9:\n") && !github.contains("\n  cells-10:\n"), "{github}");
    let gitlab = text(Engine::Gitlab, &matrix, "m", &[]).unwrap();
    assert!(gitlab.contains("\ncells-12:\n") && !gitlab.contains("\ncells-13:\n"), "{gitlab}");
}

#[test]
fn text_of_others_stays_a_word() {
    let matrix = matrix(1, |_| false);
    let options = ["--root".to_owned(), "it's; $(date)".to_owned()];
    let slurm = text(Engine::Slurm, &matrix, "a b'c", &options).unwrap();
    assert!(slurm.contains(r"MATRIX=${MATRIX:-'a b'\''c'}"), "{slurm}");
    assert!(slurm.contains(r" --root 'it'\''s; $(date)' || code"), "{slurm}");
    let make = text(Engine::Make, &matrix, "a$b", &options).unwrap();
    assert!(make.contains("MATRIX   ?= 'a$$b'\n") && make.contains("$$(date)"), "{make}");
    assert!(text(Engine::Make, &matrix, "a\nb", &[]).is_err());
    assert!(text(Engine::Github, &matrix, "${{ secrets.x }}", &[]).is_err());
    assert!(text(Engine::Gitlab, &matrix, "$HOME", &[]).is_err());
}

#[test]
fn templates_are_filled_in_once() {
    assert_eq!(fill("a@v4 @A@ @B@ x@", &[("A", "@B@"), ("B", "2")]), "a@v4 @B@ 2 x@");
    assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
    assert_eq!(ranges(&[]), "");
}
