//! Reads the files of one crate as modules, and computes their dependencies.

use super::use_paths::{Name, names};
use anyhow::{Context, Result};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// A source file without its comments and its tests.
pub(super) struct File {
    /// The path below `src`, with `/`.
    pub path: String,
    /// `["a", "b"]` for `a/b.rs` and `a/b/mod.rs`; empty for the root.
    pub module: Vec<String>,
    pub text: String,
    pub names: Vec<Name>,
}

pub(super) struct Crate {
    pub files: Vec<File>,
    by_module: HashMap<Vec<String>, usize>,
}

impl Crate {
    /// Reads the `src` folder of a crate.
    pub(super) fn read(sources: &Path) -> Result<Self> {
        let mut paths = Vec::new();
        collect(sources, "", &mut paths)?;
        paths.sort();
        let files = paths
            .into_iter()
            .map(|path| {
                let text = std::fs::read_to_string(sources.join(&path)).with_context(|| path.clone())?;
                Ok(File::new(path, &text))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self::new(files))
    }

    pub(super) fn new(files: Vec<File>) -> Self {
        // The root of the binary comes after that of the library and does not replace it.
        let mut by_module = HashMap::new();
        for (index, file) in files.iter().enumerate() {
            by_module.entry(file.module.clone()).or_insert(index);
        }
        Self { files, by_module }
    }

    /// The dependencies of each file.
    pub(super) fn edges(&self) -> Vec<BTreeSet<usize>> {
        let targets = |(index, file): (usize, &File)| {
            let used = file.names.iter().filter(|name| !name.is_re_export || uses(&file.text, &name.name));
            used.filter_map(|name| self.resolve(&name.absolute(&file.module), 0))
                .filter(|&target| target != index)
                .collect()
        };
        self.files.iter().enumerate().map(targets).collect()
    }

    /// The file that defines what `path` names; `None` for other crates.
    fn resolve(&self, path: &[String], depth: usize) -> Option<usize> {
        let known = (0..=path.len()).rev().find(|&n| self.by_module.contains_key(&path[..n]))?;
        let file = self.by_module[&path[..known]];
        let Some(item) = path.get(known) else { return Some(file) };
        // A name that the root does not define belongs to another crate.
        let found = self.files[file].names.iter().find(|name| name.name == *item).and_then(|name| {
            let absolute = name.absolute(&self.files[file].module);
            if depth < 8 { self.resolve(&absolute, depth + 1) } else { None }
        });
        found.or((known > 0 || path.len() == 1).then_some(file))
    }
}

impl File {
    pub(super) fn new(path: String, text: &str) -> Self {
        let stem = path.trim_end_matches(".rs");
        let mut module: Vec<String> = stem.split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
            module.pop();
        }
        let text = without_comments_and_tests(text);
        let names = names(&text);
        Self { path, module, text, names }
    }
}

fn without_comments_and_tests(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let lines = text.lines().map(|line| line.find("//").map_or(line, |at| &line[..at]));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// True if `name` occurs outside `use` lines.
fn uses(text: &str, name: &str) -> bool {
    let mut inside_use = false;
    text.lines().any(|line| {
        let start = line
            .trim_start()
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub(super) ")
            .trim_start_matches("pub ");
        inside_use |= start.starts_with("use ");
        let is_use = inside_use;
        inside_use &= !line.contains(';');
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        !is_use
            && line.match_indices(name).any(|(at, _)| {
                !line[..at].ends_with(is_word)
                    && !line[at + name.len()..].starts_with(is_word)
                    && !line.trim_start().starts_with("mod ")
            })
    })
}

fn collect(folder: &Path, below: &str, paths: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{below}{name}");
        if entry.file_type()?.is_dir() {
            if name != "tests" {
                collect(&entry.path(), &format!("{path}/"), paths)?;
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::circles::circles;
    use super::*;

    fn check(files: &[(&str, &str)], expected: &[&[usize]]) {
        let files = files.iter().map(|(path, text)| File::new((*path).to_owned(), text)).collect();
        assert_eq!(circles(&Crate::new(files).edges()), expected.iter().map(|c| c.to_vec()).collect::<Vec<_>>());
    }

    #[test]
    fn circles_are_found_through_re_exports_and_paths() {
        let root = ("lib.rs", "mod a;\nmod b;\npub use b::Thing;\n");
        check(&[root, ("a.rs", "use crate::b::X;"), ("b.rs", "use std::fmt;")], &[]);
        check(&[root, ("a.rs", "use crate::Thing;"), ("b.rs", "fn f() { crate::a::g(); }")], &[&[1, 2]]);
        check(
            &[
                root,
                ("a.rs", "use crate::Thing;"),
                ("b.rs", "// crate::a::g\n#[cfg(test)]\nmod tests { use crate::a::g; }"),
            ],
            &[],
        );
    }

    #[test]
    fn a_parent_that_only_passes_on_is_in_no_circle() {
        let child = ("a/child.rs", "use super::Parent; pub struct Child(Parent);");
        check(&[("a/mod.rs", "mod child;\npub use child::Child;\npub struct Parent;"), child], &[]);
        check(&[("a/mod.rs", "mod child;\npub use child::Child;\npub struct Parent(Child);"), child], &[&[0, 1]]);
    }

    #[test]
    fn names_of_other_crates_are_no_dependencies() {
        check(
            &[("lib.rs", "mod media;"), ("a.rs", "use serde::X; use ::media::Y;"), ("media.rs", "use crate::a::Z;")],
            &[],
        );
    }
}
