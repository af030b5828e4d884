//! Reads `index.json`, which lists the contents of a folder of fixtures.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The whole file.
#[derive(Debug, Deserialize)]
pub struct Index {
    /// Sets of weights by key.
    pub weights: BTreeMap<String, WeightSet>,
    /// All cases.
    pub cases: Vec<CaseEntry>,
}

/// One set of weights.
#[derive(Debug, Deserialize)]
pub struct WeightSet {
    /// Shards to be merged.
    pub files: Vec<String>,
    /// Arguments of the constructor.
    pub config: Map<String, Value>,
}

/// One case.
#[derive(Debug, Deserialize)]
pub struct CaseEntry {
    /// Unique name.
    pub name: String,
    /// Operation.
    pub op: String,
    /// Inputs and expected results.
    pub file: String,
    /// Keys of the sets of weights.
    pub weights: Vec<String>,
    /// Arguments of the constructor, which take precedence over those of the weights.
    pub config: Map<String, Value>,
    /// Arguments of the call.
    pub args: Map<String, Value>,
    /// The tensors to compare.
    pub check: BTreeMap<String, Check>,
}

/// The required accuracy.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Check {
    /// Equal, except for one level in 8-bit pictures.
    #[serde(default)]
    pub exact: bool,
    /// Largest difference.
    pub tol_abs: Option<f64>,
}
