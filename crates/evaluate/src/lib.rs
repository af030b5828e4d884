//! Measures how good a result is: metrics, suites of clips with known truth, tables and sheets. Every quality figure is
//! shown beside trivial baselines: the source unchanged, the simplest method, the previous version, and the truth
//! itself.
//!
//! A [`Suite`] gives trials. A trial has a [`Case`], which methods see, and a [`Truth`], which they do not see. A
//! [`Row`] is a method that makes frames for a case. [`run`] measures rows on trials, stores each measurement in a
//! file, and writes tables and sheets.

mod case;
mod error;
mod limb;
mod measure;
pub mod metric;
mod metric_name;
mod report;
mod rows;
mod run;
mod suite;

pub use case::{Case, DrivingClip, Reference, Trial, Truth};
pub use error::EvaluateError;
pub use limb::{Limb, limb_weights};
pub use measure::{Measures, SIDE, Yardstick};
pub use metric::vgg::{MEANS as VGG_MEANS, VggNetwork};
pub use metric::vgg_weights::{ConvolutionWeights, read_first as vgg_convolutions};
pub use metric_name::{Area, Metric};
pub use report::summary::{Average, RowSummary};
pub use rows::draft::{Body, CaseDrafts};
pub use rows::{Made, OutsideRow, Row};
pub use run::{Outcome, run};
pub use suite::{Material, Signals, Suite, SuiteKind, TrialSettings};
