//! Reads the definition of a suite from a TOML file: the clips, the input of the methods, the metrics, and the
//! published numbers that are shown for comparison.
//!
//! The built-in definitions are in `crates/evaluate/suites/` and are compiled into the program.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::EvaluateError;

/// The source of the clips of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// Rendered clips: another character than the driving person.
    StageCross,
    /// Rendered clips: the driving person itself, from another picture.
    StageSelf,
    /// Labelled real clips: the driving person itself, from an earlier frame.
    RealSelf,
    /// Videos in a folder: the driving person itself, from one frame of the video.
    Videos,
}

/// The surroundings that methods get. Only [`SourceKind::Videos`] uses this setting; clips of all other sources have
/// their own surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// The video's own surroundings, with the person to replace.
    #[default]
    Own,
    /// The background of the reference picture, in every frame (paper, table 1).
    Reference,
    /// One plain colour, also in the ground truth and in the reference (paper, table 2).
    Uniform,
}

/// The metrics that are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figures {
    /// This project's metrics: a square around the person at 128 x 128 pixels, every eighth frame.
    #[default]
    Region,
    /// This project's metrics, and the published metrics of whole frames, except the reference frame.
    Frames,
    /// This project's metrics, and the drift of colours in long clips.
    Drift,
}

/// Whether methods are given true or perceived poses and masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalsKind {
    /// Poses and masks from the renderer or the labels.
    #[default]
    Exact,
    /// Poses and masks from the pose networks.
    Perceived,
}

/// The definition of a suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SuiteDefinition {
    /// The suite's name: lower-case letters, digits and `-`.
    pub name: String,
    /// One line that describes the suite.
    pub title: String,
    /// The source of the clips.
    pub source: SourceKind,
    /// The surroundings that methods get.
    #[serde(default)]
    pub environment: Environment,
    /// The colour of uniform surroundings.
    #[serde(default)]
    pub colour: Option<[u8; 3]>,
    /// The frame of each video that is the reference, from 0.
    #[serde(default)]
    pub reference_frame: usize,
    /// Names of the videos to use; an empty list means all.
    #[serde(default)]
    pub videos: Vec<String>,
    /// Number of clips; for videos, at most the number of available videos.
    pub clips: u64,
    /// Number of frames per clip; for videos, at most the number of available frames, and 0 means all.
    pub frames: usize,
    /// Side of a rendered frame in pixels. For videos it is the longest side, and 0 keeps the video's size. Labelled
    /// clips keep their own size.
    pub size: usize,
    /// The source of the poses and masks that methods get.
    #[serde(default)]
    pub signals: SignalsKind,
    /// The metrics to compute.
    #[serde(default)]
    pub figures: Figures,
    /// The trivial methods that every table of the suite contains; the first one is the baseline. `truth` is added.
    pub rivals: Vec<String>,
    /// The methods of the suite when the user names none.
    pub methods: Vec<String>,
    /// The paper's table whose rows are also printed, 1..=4.
    #[serde(default)]
    pub paper_table: Option<u8>,
    /// Notes that a reader needs for the comparison.
    #[serde(default)]
    pub notes: Vec<String>,
}

const BUILT_IN: [&str; 8] = [
    include_str!("../../suites/table1.toml"),
    include_str!("../../suites/table2.toml"),
    include_str!("../../suites/table3.toml"),
    include_str!("../../suites/fig7.toml"),
    include_str!("../../suites/stage-cross.toml"),
    include_str!("../../suites/stage-self.toml"),
    include_str!("../../suites/real-self.toml"),
    include_str!("../../suites/drift.toml"),
];

/// Parts of the paper that need networks which nobody has trained, and which.
const UNAVAILABLE: [(&str, &str); 3] = [
    ("table4", "networks trained without spatial blending and without pose modulation"),
    ("fig8", "networks trained without spatial blending"),
    ("fig9", "networks trained without pose modulation"),
];

impl SuiteDefinition {
    /// The built-in suites.
    ///
    /// # Errors
    /// [`EvaluateError::SuiteFile`] when one of them is wrong, which a test rules out.
    pub fn built_in() -> Result<Vec<Self>, EvaluateError> {
        BUILT_IN.iter().map(|text| Self::from_toml(text, "a built-in suite")).collect()
    }

    /// A built-in suite by its name, or one from a file that ends in `.toml`.
    ///
    /// # Errors
    /// [`EvaluateError::UnknownSuite`], [`EvaluateError::SuiteUnavailable`], [`EvaluateError::SuiteFile`],
    /// [`EvaluateError::Unreadable`].
    pub fn find(name: &str) -> Result<Self, EvaluateError> {
        let path = Path::new(name);
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = std::fs::read_to_string(path)
                .map_err(|source| EvaluateError::Unreadable { path: path.into(), source })?;
            return Self::from_toml(&text, name);
        }
        if let Some((suite, needs)) = UNAVAILABLE.into_iter().find(|(suite, _)| *suite == name) {
            return Err(EvaluateError::SuiteUnavailable { suite, needs });
        }
        let suites = Self::built_in()?;
        let expected: Vec<String> = suites.iter().map(|suite| format!("`{}`", suite.name)).collect();
        let unknown = || EvaluateError::UnknownSuite { name: name.into(), expected: expected.join(", ") };
        suites.into_iter().find(|suite| suite.name == name).ok_or_else(unknown)
    }

    fn from_toml(text: &str, origin: &str) -> Result<Self, EvaluateError> {
        let wrong = |reason: String| EvaluateError::SuiteFile { origin: origin.into(), reason };
        let suite: Self = toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        suite.check().map_err(wrong)?;
        Ok(suite)
    }

    /// Returns an error for contradictions, and for settings without effect.
    fn check(&self) -> Result<(), String> {
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if self.name.is_empty() || !self.name.chars().all(is_plain) {
            return Err(format!("`name` is `{}`, expected lower-case letters, digits and `-`", self.name));
        }
        let is_videos = self.source == SourceKind::Videos;
        if !is_videos && (self.environment != Environment::Own || self.reference_frame > 0 || !self.videos.is_empty()) {
            return Err("`environment`, `reference-frame` and `videos` need `source = \"videos\"`".into());
        }
        if (self.environment == Environment::Uniform) != self.colour.is_some() {
            return Err("`colour` and `environment = \"uniform\"` must be used together".into());
        }
        if self.rivals.is_empty() {
            return Err("`rivals` is empty, expected at least one trivial baseline".into());
        }
        match self.paper_table {
            Some(table) if !(1..=4).contains(&table) => Err(format!("`paper-table` is {table}, expected 1 to 4")),
            Some(_) if self.figures != Figures::Frames => {
                Err("`paper-table` needs `figures = \"frames\"`, because the paper measures whole frames".into())
            }
            _ => Ok(()),
        }
    }

    /// The rows of a run, each once: the trivial methods, then `methods` or the suite's own methods, then the ground
    /// truth.
    pub fn rows(&self, methods: Option<&[String]>) -> Vec<String> {
        let methods = methods.unwrap_or(&self.methods);
        let mut rows: Vec<String> = Vec::new();
        for name in self.rivals.iter().chain(methods).filter(|name| *name != "truth") {
            if !rows.contains(name) {
                rows.push(name.clone());
            }
        }
        rows.push("truth".into());
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "name = 'mine'\ntitle = 'Mine'\nsource = 'stage-cross'\nclips = 1\nframes = 2\nsize = 64\n\
                         rivals = ['source']\nmethods = ['draft']\n";

    #[test]
    fn built_in_suites_are_found_by_name() {
        let names: Vec<String> = SuiteDefinition::built_in().unwrap().into_iter().map(|suite| suite.name).collect();
        let expected = ["table1", "table2", "table3", "fig7", "stage-cross", "stage-self", "real-self", "drift"];
        assert_eq!(names, expected);
        assert_eq!(SuiteDefinition::find("table1").unwrap().paper_table, Some(1));
        let code = |name: &str| SuiteDefinition::find(name).unwrap_err().code();
        assert_eq!(code("table4"), "evaluate.suite_unavailable");
        assert_eq!(code("table5"), "evaluate.unknown_suite");
        assert_eq!(code("nowhere.toml"), "evaluate.unreadable");
    }

    #[test]
    fn rows_have_rivals_and_truth_and_each_once() {
        let suite = SuiteDefinition::from_toml(LEAST, "test").unwrap();
        assert_eq!(suite.rows(None), ["source", "draft", "truth"]);
        let methods = ["truth", "plate", "source", "plate"].map(String::from);
        assert_eq!(suite.rows(Some(&methods)), ["source", "plate", "truth"]);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let check = |text: &str, expected: &str| {
            let told = SuiteDefinition::from_toml(text, "test").unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        };
        check(&format!("{LEAST}beauty = 1"), "unknown field `beauty`");
        check(&format!("{LEAST}environment = 'reference'"), "need `source = \"videos\"`");
        check(&format!("{LEAST}colour = [0, 0, 0]"), "must be used together");
        check(&format!("{LEAST}paper-table = 5"), "`paper-table` is 5");
        check(&format!("{LEAST}paper-table = 1"), "`paper-table` needs");
        check(&LEAST.replace("['source']", "[]"), "`rivals` is empty");
        check(&LEAST.replace("'mine'", "'My Suite'"), "`name` is `My Suite`");
    }
}
