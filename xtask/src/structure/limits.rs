//! Checks the limits on the number of files in a folder and of lines in a function.

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
    if line.ends_with([';', '}']) {
        return None;
    }
    let is_qualifier =
        |word: &str| word.starts_with("pub") || matches!(word, "unsafe" | "const" | "async" | "extern" | "\"C\"");
    let mut words = line.split_whitespace().skip_while(|word| is_qualifier(word));
    let name = (words.next() == Some("fn")).then(|| words.next()).flatten()?;
    name.split(['(', '<']).next()
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
