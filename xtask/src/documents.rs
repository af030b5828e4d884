//! `cargo xtask documents`: links between the documents, the book, and spelling. The book needs `mdbook`; spelling needs
//! `typos`, or pip to install it below `target`. Without them these two are skipped, which is said.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::cargo;

/// The version of `typos` that is installed with pip.
const TYPOS: &str = "1.39.0";
/// Folders in which nothing is a document of ours.
const SKIPPED: [&str; 3] = ["target", ".git", "node_modules"];
/// Texts in backticks that start like this name files of the repository.
const PLACES: [&str; 7] = ["docs/", "crates/", "configs/", "xtask/", "examples/", "python/", "weights/"];

/// Checks everything; fails if a link or a word is wrong, or the book cannot be built.
pub(crate) fn run() -> Result<ExitCode> {
    check()?;
    Ok(ExitCode::SUCCESS)
}

/// The same, for `ci`.
pub(crate) fn check() -> Result<()> {
    let root = cargo::root();
    let wrong = faults(&root)?;
    for line in &wrong {
        println!("{line}");
    }
    if !wrong.is_empty() {
        bail!("{} faults in links between the documents", wrong.len());
    }
    let book = must_pass(Command::new("mdbook").arg("build").arg(root.join("docs")))?;
    if !book {
        println!("documents: the book was not built, there is no `mdbook`");
    }
    spelling(&root)
}

fn spelling(root: &Path) -> Result<()> {
    let check = |program: &Path| must_pass(Command::new(program).current_dir(root));
    if check(Path::new("typos"))? {
        return Ok(());
    }
    let folder = root.join("target").join(format!("typos-{TYPOS}"));
    let program = folder.join("bin").join(format!("typos{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        let install = Command::new("python3")
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--retries",
                "1",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--target",
            ])
            .arg(&folder)
            .arg(format!("typos=={TYPOS}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !install.is_ok_and(|status| status.success()) {
            println!("documents: spelling was not checked, there is no `typos` and pip cannot install it");
            return Ok(());
        }
    }
    check(&program).map(drop)
}

/// Runs a program; false if there is none.
fn must_pass(command: &mut Command) -> Result<bool> {
    match command.status() {
        Ok(status) if status.success() => Ok(true),
        Ok(status) => bail!("{command:?} failed with {status}"),
        Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(reason) => Err(reason).with_context(|| format!("cannot start {command:?}")),
    }
}

/// Every link that leads nowhere, and every chapter that the book leaves out.
fn faults(root: &Path) -> Result<Vec<String>> {
    let mut paths = vec![];
    documents(root, &mut paths)?;
    paths.sort();
    let mut found = vec![];
    for path in &paths {
        let text = read(path)?;
        let shown = path.strip_prefix(root).unwrap_or(path).display().to_string();
        for link in links(&text) {
            if let Some(reason) = broken(root, path, &text, link)? {
                found.push(format!("{shown}: {reason}"));
            }
        }
        for place in places(&text).into_iter().filter(|place| !root.join(place).exists()) {
            found.push(format!("{shown}: `{place}` does not exist"));
        }
    }
    let summary = read(&root.join("docs/SUMMARY.md"))?;
    let chapters: BTreeSet<&str> = links(&summary).into_iter().collect();
    for path in paths.iter().filter(|path| path.parent() == Some(&root.join("docs"))) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name != "SUMMARY.md" && !chapters.contains(name.as_ref()) {
            found.push(format!("docs/SUMMARY.md: `{name}` is not a chapter"));
        }
    }
    Ok(found)
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() && !SKIPPED.contains(&name.as_str()) {
            documents(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    Ok(())
}

/// Why a link is wrong; none if it is right or leads to the web.
fn broken(root: &Path, from: &Path, text: &str, link: &str) -> Result<Option<String>> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(None);
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { from.to_owned() } else { from.parent().unwrap_or(root).join(file) };
    if !target.exists() {
        return Ok(Some(format!("`{link}` does not exist")));
    }
    let Some(anchor) = anchor else { return Ok(None) };
    let has_anchor =
        if file.is_empty() { anchors(text).contains(anchor) } else { anchors(&read(&target)?).contains(anchor) };
    Ok((!has_anchor).then(|| format!("`{link}` names no heading")))
}

/// Lines that are not inside a fenced block.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The targets of `[text](target)`.
fn links(text: &str) -> Vec<&str> {
    prose(text)
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .filter(|target| !target.contains(' '))
        .collect()
}

/// Paths of this repository in backticks, without those that stand for many.
fn places(text: &str) -> Vec<&str> {
    prose(text)
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|quoted| PLACES.iter().any(|place| quoted.starts_with(place)))
        .filter(|quoted| !quoted.contains([' ', '*', '{', '<', '%', ':', '…']))
        .filter(|quoted| !quoted.split('/').any(is_placeholder))
        .collect()
}

/// True for a word in capitals, which stands for something that the reader puts in.
fn is_placeholder(piece: &str) -> bool {
    !piece.is_empty() && piece.chars().all(|character| character.is_ascii_uppercase())
}

/// The anchors of a document's headings, as GitHub and mdBook form them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in prose(text).filter(|line| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let repeated = (1..).map(|n| format!("{anchor}-{n}"));
        let free = std::iter::once(anchor.clone()).chain(repeated).find(|name| !found.contains(name));
        found.extend(free);
    }
    found
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_of_the_documents_leads_somewhere() {
        assert_eq!(faults(&cargo::root()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn headings_become_anchors() {
        let text = "# Files, signals\n```\n# no heading\n```\n## `--set a.b`\n## Same\n## Same\n";
        let expected = ["--set-ab", "files-signals", "same", "same-1"].map(str::to_owned);
        assert_eq!(anchors(text), BTreeSet::from(expected));
    }

    #[test]
    fn links_and_paths_are_found() {
        let text =
            "See [one](a.md) and ![two](b.png#c), `docs/a.md`, `docs/*.md`, `xtask/DIR`.\n```\n[no](c.md)\n```\n";
        assert_eq!(links(text), ["a.md", "b.png#c"]);
        assert_eq!(places(text), ["docs/a.md"]);
    }

    #[test]
    fn wrong_links_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("docs")).unwrap();
        std::fs::write(root.join("docs/SUMMARY.md"), "- [One](one.md)\n").unwrap();
        std::fs::write(root.join("docs/one.md"), "# One\n[self](#one) [no](#two) [gone](gone.md)\n").unwrap();
        std::fs::write(root.join("docs/two.md"), "[one](one.md#one) [no](one.md#two) `crates/gone.rs`\n").unwrap();
        let expected = [
            "docs/one.md: `#two` names no heading",
            "docs/one.md: `gone.md` does not exist",
            "docs/two.md: `one.md#two` names no heading",
            "docs/two.md: `crates/gone.rs` does not exist",
            "docs/SUMMARY.md: `two.md` is not a chapter",
        ];
        assert_eq!(faults(root).unwrap(), expected);
    }
}
