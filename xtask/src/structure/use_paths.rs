//! Collects the paths that a source file names: those in its `use` lines, and all others that start with `crate::` or
//! `super::`.

/// Something named by a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    /// Segments as written, such as `["crate", "a", "B"]`.
    path: Vec<String>,
    /// Its name in this file.
    pub name: String,
    /// `pub use`.
    pub is_re_export: bool,
}

impl Name {
    /// The path from the crate's root, as seen from `module`.
    pub(super) fn absolute(&self, module: &[String]) -> Vec<String> {
        let mut place = module.to_vec();
        for (index, segment) in self.path.iter().enumerate() {
            match segment.as_str() {
                "crate" => place.clear(),
                "super" => drop(place.pop()),
                "self" => {}
                // A path in another crate: no module has this name.
                "" => place.push("::".to_owned()),
                // A first segment without a prefix is a module declared here, or another crate. Another crate resolves
                // to nothing here.
                _ => {
                    place.extend(self.path[index..].iter().filter(|s| *s != "*" && *s != "self").cloned());
                    break;
                }
            }
        }
        place
    }
}

/// All names of a file without comments.
pub(super) fn names(text: &str) -> Vec<Name> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = next_use(rest) {
        let is_re_export = rest[..at].trim_end_matches(' ').ends_with(['b', ')']) && !rest[..at].ends_with('\n');
        let statement = &rest[at + 4..];
        let end = statement.find(';').unwrap_or(statement.len());
        expand(&[], &statement[..end], is_re_export, &mut found);
        rest = &statement[end..];
    }
    for start in ["crate::", "super::"] {
        for (at, _) in text.match_indices(start) {
            let path: String =
                text[at..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
            let path: Vec<String> = path.split("::").filter(|s| !s.is_empty()).map(str::to_owned).collect();
            let is_part =
                text[..at].ends_with([':', '$']) || text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            // The names in `use` lines were found above.
            let line = text[..at].rfind(['\n', ';']).map_or(0, |n| n + 1);
            if path.len() > 1 && !is_part && !text[line..at].contains("use ") {
                found.push(Name { name: path.last().cloned().unwrap_or_default(), path, is_re_export: false });
            }
        }
    }
    found
}

fn next_use(text: &str) -> Option<usize> {
    text.match_indices("use ").map(|(at, _)| at).find(|&at| {
        let line = text[..at].rfind('\n').map_or(0, |n| n + 1);
        matches!(text[line..at].trim(), "" | "pub" | "pub(crate)" | "pub(super)")
            || text[line..at].trim().starts_with("pub(in")
    })
}

/// Splits `a::{b, c::{d as e}}` into single paths.
fn expand(before: &[String], tree: &str, is_re_export: bool, found: &mut Vec<Name>) {
    let tree = tree.trim();
    if tree.is_empty() {
        return;
    }
    if let Some(open) = tree.find('{') {
        let mut path = before.to_vec();
        path.extend(
            tree[..open]
                .trim()
                .trim_end_matches("::")
                .split("::")
                .filter(|s| !s.is_empty())
                .map(|s| s.trim().to_owned()),
        );
        let inside = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
        for part in split_outside_braces(inside) {
            expand(&path, part, is_re_export, found);
        }
        return;
    }
    let (path_text, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
    let mut path = before.to_vec();
    path.extend(path_text.split("::").map(|s| s.trim().to_owned()));
    let last = path.iter().rev().find(|s| *s != "self").cloned().unwrap_or_default();
    found.push(Name { name: alias.map_or(last, str::to_owned), path, is_re_export });
}

fn split_outside_braces(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absolute(text: &str) -> Vec<String> {
        let module = ["a".to_owned(), "b".to_owned()];
        names(text).iter().map(|name| name.absolute(&module).join("::")).collect()
    }

    #[test]
    fn trees_of_use_lines_are_expanded() {
        assert_eq!(absolute("use crate::x::{self, Y, z::{W as V}};"), ["x", "x::Y", "x::z::W"]);
        assert_eq!(absolute("pub(crate) use super::c::D;"), ["a::c::D"]);
        assert_eq!(absolute("let x = super::super::f(crate::g::h);"), ["g::h", "f"]);
        assert!(names("pub use a::B;")[0].is_re_export && !names("use a::B;")[0].is_re_export);
    }
}
