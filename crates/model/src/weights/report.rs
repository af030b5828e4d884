//! Reports how every tensor is used when a network loads weights, before any value is read.

use std::collections::BTreeMap;
use std::fmt;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::error::WeightError;
use super::names::{key, piece};
use super::source::WeightSource;

/// Number of names shown from each list.
const SHOWN: usize = 3;

/// A tensor whose shape differs from the network's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misshaped {
    /// The tensor.
    pub name: String,
    /// The shape in the file.
    pub found: Vec<usize>,
    /// The shape in the network.
    pub expected: Vec<usize>,
}

/// The use of every tensor, under this project's names. Each list is in alphabetical order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Loaded from the files.
    pub loaded: Vec<String>,
    /// Newly initialized: in no published file, because this method adds them to published networks.
    pub initialised: Vec<String>,
    /// In the files, but known not to be used here.
    pub left_out: Vec<String>,
    /// Required, but in no file.
    pub missing: Vec<String>,
    /// In a file, but not in the network.
    pub unexpected: Vec<String>,
    /// With a different shape.
    pub misshaped: Vec<Misshaped>,
}

impl LoadReport {
    /// Compares a module's parameters with tensors. Those for which `starts_afresh` is true may be absent.
    pub(super) fn new<B: Backend, M: Module<B>>(
        module: &M,
        tensors: &BTreeMap<String, WeightSource>,
        starts_afresh: impl Fn(&str) -> bool,
    ) -> Self {
        let mut shapes = Shapes { path: vec![], shapes: BTreeMap::new() };
        module.visit(&mut shapes);
        let mut report = Self::default();
        for (name, expected) in &shapes.shapes {
            match tensors.get(name) {
                Some(source) if source.shape() == expected => report.loaded.push(name.clone()),
                Some(source) => report.misshaped.push(Misshaped {
                    name: name.clone(),
                    found: source.shape().to_vec(),
                    expected: expected.clone(),
                }),
                None if starts_afresh(name) => report.initialised.push(name.clone()),
                None => report.missing.push(name.clone()),
            }
        }
        report.unexpected = tensors.keys().filter(|name| !shapes.shapes.contains_key(*name)).cloned().collect();
        report
    }

    /// Checks that no tensor is missing, unexpected or misshaped.
    ///
    /// # Errors
    /// [`WeightError::Missing`], [`WeightError::Shape`], [`WeightError::Unexpected`].
    pub fn check(&self) -> Result<(), WeightError> {
        if let Some(Misshaped { name, found, expected }) = self.misshaped.first() {
            let (name, found, expected) = (name.clone(), found.clone(), expected.clone());
            return Err(WeightError::Shape { name, found, expected });
        }
        if !self.missing.is_empty() {
            return Err(WeightError::Missing { names: self.missing.clone() });
        }
        if !self.unexpected.is_empty() {
            return Err(WeightError::Unexpected { names: self.unexpected.clone() });
        }
        Ok(())
    }
}

/// Writes one line per non-empty list, with its first names.
impl fmt::Display for LoadReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let misshaped: Vec<String> =
            self.misshaped.iter().map(|m| format!("{} {:?} not {:?}", m.name, m.found, m.expected)).collect();
        write!(formatter, "loaded: {}", self.loaded.len())?;
        let lists = [
            ("initialised", &self.initialised),
            ("left out", &self.left_out),
            ("missing", &self.missing),
            ("unexpected", &self.unexpected),
            ("misshaped", &misshaped),
        ];
        for (title, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
            let shown = names[..names.len().min(SHOWN)].join(", ");
            let rest = if names.len() > SHOWN { ", .." } else { "" };
            write!(formatter, "\n{title}: {} ({shown}{rest})", names.len())?;
        }
        Ok(())
    }
}

/// Collects names and shapes of a module's parameters without initializing them.
struct Shapes {
    path: Vec<String>,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl<B: Backend> ModuleVisitor<B> for Shapes {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push(piece(name, container));
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.shapes.insert(key("", &self.path), param.lazy_shape().to_vec());
    }
}
