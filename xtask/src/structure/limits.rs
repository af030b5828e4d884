//! Limits on the number of files in a folder and of lines in a function.

use super::source::File;
use std::collections::BTreeMap;

const FILES: usize = 20;
const LINES: usize = 100;

/// Folders with more files than [`FILES`], with their number of files.
pub(super) fn crowded(files: &[File]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        *counts
            .entry(file.path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned()))
            .or_default() += 1;
    }
    counts.into_iter().filter(|&(_, count)| count > FILES).collect()
}

/// Functions with more lines than [`LINES`]. In formatted source, a function ends at the first closing brace with the
/// same indentation as its first line.
pub(super) fn long_functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indentation = line.len() - line.trim_start().len();
        let end = format!("{}}}", " ".repeat(indentation));
        let length = lines[at..].iter().position(|line| *line == end).map_or(1, |n| n + 1);
        if length > LINES {
            found.push((name.to_owned(), length));
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if line.ends_with(';') || line.ends_with('}') {
        return None;
    }
    let words = line.split(' ').take_while(|word| !word.contains('('));
    let before = words.clone().take_while(|word| *word != "fn").count();
    let qualified = line
        .split(' ')
        .take(before)
        .all(|w| w.starts_with("pub") || matches!(w, "unsafe" | "const" | "async" | "extern" | "\"C\""));
    let name = line.split(' ').nth(before + 1)?;
    (qualified && line.split(' ').nth(before) == Some("fn")).then(|| name.split(['(', '<']).next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_measured_to_its_own_brace() {
        let body = "        {\n        }\n".repeat(50);
        let text = format!(
            "impl X {{\n    pub(crate) unsafe fn long<T>(x: T) {{\n{body}    }}\n    fn short() {{\n    }}\n}}\n"
        );
        assert_eq!(long_functions(&text), [("long".to_owned(), 102)]);
        assert_eq!(function_name("let f = fn(x) {"), None);
    }
}
