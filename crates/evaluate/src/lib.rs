//! How good a result is: metrics, suites of clips with known truth, tables, sheets and a page. No quality figure stands without
//! its trivial rivals: the source unchanged, the dumbest method, the version before, the truth itself.
//!
//! A [`SuiteDefinition`] says in a TOML file what is measured. A [`Suite`] gives trials: a [`Case`], which rows see, and its
//! [`Truth`], which they do not. A [`Row`] makes frames for a case. [`run`] measures rows on trials, keeps each measurement in a
//! file, looks for comparisons that were set up wrongly, and writes tables, sheets and a page.

mod case;
mod clip_frames;
mod error;
mod instruments;
mod limb;
mod measure;
mod measuring;
pub mod metric;
mod metric_name;
mod report;
mod rows;
mod run;
mod suite;

pub use case::{Case, DrivingClip, Reference, Trial, Truth};
pub use clip_frames::holds_videos;
pub use error::EvaluateError;
pub use instruments::{Instrument, Instruments};
pub use limb::{Limb, limb_weights};
pub use measure::{Measures, SIDE, Yardstick};
pub use metric::vgg::{MEANS as VGG_MEANS, VggNetwork};
pub use metric::vgg_weights::{ConvolutionWeights, read_first as vgg_convolutions};
pub use metric_name::{Area, DRIFT_SECONDS, FrameFigure, Metric};
pub use metrics::{Backbone, Lpips};
pub use report::comparison::ComparisonWarning;
pub use report::summary::{Average, RowSummary};
pub use rows::draft::{Body, CaseDrafts};
pub use rows::folder::FolderRow;
pub use rows::{Made, OutsideRow, Row};
pub use run::{Outcome, RunSettings, run};
pub use suite::{Environment, Figures, Material, Signals, SignalsKind, SourceKind, Suite, SuiteDefinition};
