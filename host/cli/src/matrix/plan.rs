//! `modsmith matrix plan`: from a specification to cells, and to the text of an engine.

use std::path::{Path, PathBuf};

use super::existing::Existing;
use super::files::{absolute, write_beside};
use super::headers::{Column, not_installed};
use crate::arguments::DirectoryArguments;
use crate::output;
use crate::setup::looking_with;
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{
    Invocation, Options, build_depends, identify, identity_of, kernels_with_headers, registered,
};
use modsmith_core::tree::{Package, PackageId, Target, check_kernel_name};
use modsmith_facts::inside;
use modsmith_facts::kernel::machine;
use modsmith_facts::text::line;
use modsmith_matrix::{Coordinates, Engine, Job, Matrix, ModuleSpec, Spec, Wanted, emit};
use modsmith_store::Identity;

/// The plan that the command line asks for.
pub struct Wish<'a> {
    pub spec: &'a Path,
    pub output: &'a Path,
    pub text: Option<Text<'a>>,
    pub skip_existing: bool,
}

/// The text of an engine.
pub struct Text<'a> {
    pub engine: Engine,
    pub results: &'a str,
    pub image: Option<&'a str>,
    /// A store that machines share, and the key for it.
    pub push: Option<(&'a str, &'a str)>,
}

/// Writes the matrix, and says what is in it, or writes the text of the engine.
pub fn run(wish: &Wish<'_>, directories: &DirectoryArguments, environment: &Environment) -> Result<()> {
    let spec = read(wish.spec)?;
    let base = wish.spec.parent().unwrap_or(Path::new(""));
    let installed = looking_with(directories, environment, Options::default())?;
    let columns = columns(&installed, &spec, base)?;
    let archs = if spec.architectures.is_empty() { vec![machine()] } else { spec.architectures.clone() };
    archs.iter().try_for_each(|arch| check_kernel_name("architecture", arch))?;
    let modules = spec.modules().map_err(|why| unfit(wish.spec, &why.to_string()))?;

    let push = wish.text.as_ref().and_then(|text| text.push);
    let existing = wish.skip_existing.then(|| Existing::new(&installed, push)).transpose()?;
    let mut rows: Vec<Vec<Wanted>> = modules.iter().map(|_| Vec::new()).collect();
    for column in &columns {
        let options = Options { kernel_source_dir: column.headers.clone(), ..Options::default() };
        let run = looking_with(directories, environment, options)?;
        for arch in &archs {
            let target = Target { kernel: column.release.clone(), arch: arch.clone() };
            let located = modules.iter().map(|module| located(&run, module, base, &target));
            let located: Vec<Located> = located.collect::<Result<_>>()?;
            for (one, row) in located.iter().zip(&mut rows) {
                row.push(wanted(&run, one, &located, &target, column, existing.as_ref())?);
            }
        }
    }
    let matrix = Matrix::new(rows.into_iter().flatten());
    let text =
        wish.text.as_ref().map(|text| text_of(&matrix, text, wish.output, &options_of(directories)?)).transpose()?;
    let mut json = serde_json::to_vec_pretty(&matrix)
        .map_err(|error| Error::new(Kind::System, format!("Could not write JSON: {error}.")))?;
    json.push(b'\n');
    let directory = wish.output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = wish.output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    write_beside(directory, &name, &json)?;
    match text {
        Some(text) => output::lines(text.trim_end()),
        None => say(&matrix, &columns, wish.output),
    }
    Ok(())
}

fn read(file: &Path) -> Result<Spec> {
    let text = inside::read_configuration_text(file).map_err(|error| Error::io("read", file, error))?;
    Spec::parse(&text).map_err(|why| unfit(file, &why.to_string()))
}

fn unfit(file: &Path, why: &str) -> Error {
    Error::new(Kind::Usage, format!("{} is no specification of a matrix: {why}.", file.display()))
        .hint("modsmith's page about the matrix describes the file.")
}

/// The kernels, each with its headers.
fn columns(run: &Invocation<'_>, spec: &Spec, base: &Path) -> Result<Vec<Column>> {
    let installed = kernels_with_headers(run);
    let releases = spec.releases(&installed).into_iter();
    let mut columns: Vec<Column> = releases.map(Column::installed).collect();
    columns.extend(not_installed(run, spec, base)?);
    columns.iter().try_for_each(|column| check_kernel_name("kernel", &column.release))?;
    match columns.is_empty() {
        true => Err(Error::new(Kind::Usage, "The specification names no kernel that is there.").hint(format!(
            "Kernels with headers here: {}.",
            if installed.is_empty() { "none".to_owned() } else { installed.join(", ") }
        ))),
        false => Ok(columns),
    }
}

/// A module of the specification, for one kernel.
struct Located {
    id: PackageId,
    /// The directory of the source; `None`: the tree has the package.
    source: Option<PathBuf>,
}

fn located(run: &Invocation<'_>, module: &ModuleSpec, base: &Path, target: &Target) -> Result<Located> {
    match module {
        ModuleSpec::Package(name, version) => Ok(Located { id: PackageId::new(name, version)?, source: None }),
        ModuleSpec::Directory(directory) => {
            let directory = absolute(&base.join(directory))?;
            Ok(Located { id: identify(run, &directory, &run.kernel(target))?, source: Some(directory) })
        }
    }
}

/// A cell, with its identity where it is known here.
fn wanted(
    run: &Invocation<'_>,
    located: &Located,
    all: &[Located],
    target: &Target,
    column: &Column,
    existing: Option<&Existing>,
) -> Result<Wanted> {
    let Located { id, source } = located;
    let package = match source {
        Some(source) => Some(Package { id: id.clone(), source: source.clone() }),
        None => registered(run, id).ok(),
    };
    // A package that needs another one of the matrix has no identity before that one is built.
    let needs_another = |package: &Package| {
        let names = build_depends(run, package, target).unwrap_or_default();
        names.iter().any(|name| all.iter().any(|other| other.id.module == *name))
    };
    // A package that cannot be built has no identity; the cell says why.
    let package = package.filter(|package| !needs_another(package));
    let described = package.and_then(|package| identity_of(run, &package, target).ok());
    let identity = described.filter(|described| described.not_kept.is_none()).map(|described| described.identity);
    let has = |identity: &Identity| existing.is_some_and(|existing| existing.has(run, id, target, identity));
    let in_store = identity.as_ref().is_some_and(has);
    let coordinates = Coordinates {
        module: id.module.clone(),
        version: id.version.clone(),
        kernel: target.kernel.clone(),
        arch: target.arch.clone(),
    };
    let identity = identity.map(|identity| identity.to_string());
    let headers = column.headers.clone().filter(|_| column.packages.is_empty());
    Ok(Wanted { coordinates, source: source.clone(), headers, packages: column.packages.clone(), identity, in_store })
}

/// The directories of the command line are those of the cells, too.
fn options_of(directories: &DirectoryArguments) -> Result<Vec<String>> {
    let DirectoryArguments { dkmstree, sourcetree, installtree, dkmsframework, root } = directories;
    let named = [
        ("--dkmstree", dkmstree),
        ("--sourcetree", sourcetree),
        ("--installtree", installtree),
        ("--dkmsframework", dkmsframework),
        ("--root", root),
    ];
    let mut options = Vec::new();
    for (option, path) in named {
        if let Some(path) = path {
            options.extend([option.to_owned(), absolute(path)?.display().to_string()]);
        }
    }
    Ok(options)
}

fn text_of(matrix: &Matrix, text: &Text<'_>, file: &Path, options: &[String]) -> Result<String> {
    let Text { engine, results, image, push } = text;
    if engine.needs_image() && image.is_none() {
        return Err(Error::new(Kind::Usage, format!("The text for {} has to name a container image.", engine.name()))
            .hint("Give one with --image: it needs modsmith, compilers, and the kernels' headers."));
    }
    // Nodes of a cluster start elsewhere.
    let (file, results) = match engine.is_local() {
        true => (absolute(file)?.display().to_string(), absolute(Path::new(results))?.display().to_string()),
        false => (file.display().to_string(), (*results).to_owned()),
    };
    let mut options = options.to_vec();
    if let Some((store, key)) = push {
        options.extend(["--push", store, "--key", key].map(str::to_owned));
    }
    let job = Job { matrix, file: &file, results: &results, options: &options, image: *image };
    emit(*engine, &job).map_err(|why| Error::new(Kind::Usage, why))
}

fn say(matrix: &Matrix, columns: &[Column], file: &Path) {
    let in_store = matrix.cells.iter().filter(|cell| cell.in_store).count();
    let known = matrix.cells.iter().filter(|cell| cell.identity.is_some()).count();
    output::lines(&line(&format!(
        "{}: cells: {}, kernels: {}, cells with a known identity: {known}, cells in the store: {in_store}.",
        file.display(),
        matrix.cells.len(),
        columns.len()
    )));
}
