//! Defines the outcome of a case.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, ensure};
use serde::Serialize;

use crate::case::{Case, Outputs, Values};
use crate::index::{CaseEntry, Check};

/// The comparison of one tensor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// Largest absolute difference; infinite when a value is NaN.
    pub max_abs_err: f64,
    /// Largest difference that passes; infinite, `null` in JSON, where the difference is only reported.
    pub tol: f64,
}

impl Difference {
    fn passes(self) -> bool {
        self.max_abs_err <= self.tol
    }
}

/// The end of a case.
#[derive(Debug)]
pub enum Verdict {
    /// All tensors were compared.
    Compared(BTreeMap<String, Difference>),
    /// It could not be run completely.
    Error(String),
}

/// A case and its outcome.
#[derive(Debug)]
pub struct Outcome {
    /// Name of the case.
    pub case: String,
    /// Operation.
    pub op: String,
    /// The outcome.
    pub verdict: Verdict,
}

impl Outcome {
    /// True if all tensors are within their tolerances.
    pub fn passed(&self) -> bool {
        match &self.verdict {
            Verdict::Compared(differences) => differences.values().all(|difference| difference.passes()),
            Verdict::Error(_) => false,
        }
    }

    /// True if something is wrong.
    pub fn failed(&self) -> bool {
        !self.passed()
    }

    /// The line for this case with all of its tensors.
    pub fn whole_line(&self) -> Line<'_> {
        let tensors = match &self.verdict {
            Verdict::Compared(differences) => Some(differences),
            Verdict::Error(_) => None,
        };
        Line { tensors, ..self.line() }
    }

    /// The line for this case: its worst tensor, and all of them when it failed.
    pub fn line(&self) -> Line<'_> {
        let mut line = Line { case: &self.case, op: &self.op, ok: self.passed(), ..Line::default() };
        match &self.verdict {
            Verdict::Compared(differences) => {
                let share = |difference: &Difference| difference.max_abs_err / difference.tol.max(f64::MIN_POSITIVE);
                let worst = differences.iter().max_by(|(_, a), (_, b)| share(a).total_cmp(&share(b)));
                if let Some((name, worst)) = worst {
                    (line.max_abs_err, line.tol, line.tensor) =
                        (Some(worst.max_abs_err), Some(worst.tol), Some(name.as_str()));
                }
                line.tensors = self.failed().then_some(differences);
            }
            Verdict::Error(error) => line.error = Some(error),
        }
        line
    }
}

/// One line of the runner's output, as JSON.
#[derive(Debug, Default, Serialize)]
pub struct Line<'a> {
    case: &'a str,
    op: &'a str,
    max_abs_err: Option<f64>,
    tol: Option<f64>,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensors: Option<&'a BTreeMap<String, Difference>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// Compares every tensor that the case checks.
pub fn compare(entry: &CaseEntry, case: &Case<'_>, found: &Outputs) -> Result<BTreeMap<String, Difference>> {
    ensure!(!entry.check.is_empty(), "the case checks nothing");
    let one = |(name, check): (&String, &Check)| {
        let found = found.get(name).ok_or_else(|| anyhow!("we have no result `{name}`"))?;
        let difference = difference(case.values(name)?, found, *check).map_err(|error| anyhow!("`{name}`: {error}"))?;
        Ok((name.clone(), difference))
    };
    entry.check.iter().map(one).collect()
}

/// Compares two tensors.
pub(crate) fn difference(expected: &Values, found: &Values, check: Check) -> Result<Difference> {
    let (theirs, ours) = (long_axes(expected), long_axes(found));
    ensure!(theirs == ours, "shape {:?}, expected {:?}", found.shape, expected.shape);
    let tol = match (check.exact, check.tol_abs) {
        (true, _) if expected.is_picture => 1.0,
        (true, _) => 0.0,
        (false, Some(tol)) => tol,
        (false, None) => return Err(anyhow!("neither exact nor with a tolerance")),
    };
    let distance = |(a, b): (&f64, &f64)| if (a - b).is_nan() { f64::INFINITY } else { (a - b).abs() };
    let max_abs_err = expected.values.iter().zip(&found.values).map(distance).fold(0.0, f64::max);
    Ok(Difference { max_abs_err, tol })
}

/// Axes of length 1 are only a matter of layout.
fn long_axes(values: &Values) -> Vec<usize> {
    values.shape.iter().copied().filter(|length| *length != 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &[f64], found: &[f64], is_picture: bool, check: Check) -> Option<bool> {
        let values = |cells: &[f64]| Values { shape: vec![1, cells.len()], values: cells.to_vec(), is_picture };
        difference(&values(expected), &values(found), check).ok().map(Difference::passes)
    }

    #[test]
    fn verdicts() {
        let near = Check { exact: false, tol_abs: Some(0.5) };
        let exact = Check { exact: true, tol_abs: None };
        assert_eq!(check(&[1.0, 2.0], &[1.5, 2.0], false, near), Some(true));
        assert_eq!(check(&[1.0, 2.0], &[1.0, 2.75], false, near), Some(false));
        assert_eq!(check(&[1.0], &[f64::NAN], false, near), Some(false));
        assert_eq!(check(&[1.0], &[2.0], false, exact), Some(false));
        assert_eq!(check(&[1.0], &[2.0], true, exact), Some(true));
        assert_eq!(check(&[1.0], &[3.0], true, exact), Some(false));
        assert_eq!(check(&[1.0, 2.0], &[1.0], false, near), None);
        assert_eq!(check(&[1.0], &[1.0], false, Check { exact: false, tol_abs: None }), None);
    }
}
