//! Parses licence expressions in SPDX notation, such as `(MIT OR Apache-2.0) AND Unicode-3.0`, and in the older
//! notation `MIT/Apache-2.0`.

/// True if the allowed licences satisfy the expression. `None` if it is not a valid expression.
pub(crate) fn is_satisfied(expression: &str, allowed: impl Fn(&str) -> bool) -> Option<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, allowed: &allowed };
    let satisfied = reader.any()?;
    reader.words.is_empty().then_some(satisfied)
}

struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Reader<'a> {
    /// `X OR Y OR …`
    fn any(&mut self) -> Option<bool> {
        let mut satisfied = self.all()?;
        while self.take("OR") {
            satisfied |= self.all()?;
        }
        Some(satisfied)
    }

    /// `X AND Y AND …`, which binds closer than `OR`.
    fn all(&mut self) -> Option<bool> {
        let mut satisfied = self.one()?;
        while self.take("AND") {
            satisfied &= self.one()?;
        }
        Some(satisfied)
    }

    /// A licence, a licence with an exception, or an expression in brackets.
    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let satisfied = self.any()?;
            return self.take(")").then_some(satisfied);
        }
        let licence = self.next().filter(|word| !["AND", "OR", "WITH", ")"].contains(word))?;
        if self.take("WITH") {
            let exception = self.next()?;
            // An exception only gives further permissions. But it is a separate text, so it must be allowed by name.
            return Some((self.allowed)(&format!("{licence} WITH {exception}")));
        }
        Some((self.allowed)(licence))
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let check = |expression: &str, expected: Option<bool>| {
            let found =
                is_satisfied(expression, |licence| ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&licence));
            assert_eq!(found, expected, "{expression}");
        };
        check("MIT", Some(true));
        check("GPL-3.0", Some(false));
        check("GPL-3.0 OR MIT", Some(true));
        check("GPL-3.0/MIT", Some(true));
        check("GPL-3.0 / MIT", Some(true));
        check("GPL-3.0 AND MIT", Some(false));
        check("MIT AND ISC", Some(true));
        // AND takes precedence over OR.
        check("MIT OR GPL-3.0 AND GPL-2.0", Some(true));
        check("GPL-3.0 AND MIT OR GPL-2.0", Some(false));
        check("(MIT OR GPL-3.0) AND GPL-2.0", Some(false));
        check("(GPL-3.0 OR MIT) AND ISC", Some(true));
        check("Apache-2.0", Some(false));
        check("Apache-2.0 WITH LLVM-exception", Some(true));
        check("MIT WITH LLVM-exception", Some(false));
        for broken in ["", "MIT OR", "AND MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH", "()"] {
            check(broken, None);
        }
    }
}
