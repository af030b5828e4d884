//! Measures the quality of results: metrics, suites of clips with ground truth, tables, sheets and a web page. Every
//! quality value is reported together with trivial baselines: the unchanged source, the simplest method, the previous
//! version, and the ground truth itself.
//!
//! A [`SuiteDefinition`], read from a TOML file, says what is measured. A [`Suite`] supplies trials. A trial consists
//! of a [`Case`], which is the input of the methods, and its [`Truth`], which is hidden from them. A [`Row`] is a
//! method, which makes frames for a case. The function [`run`] measures the rows on the trials, stores each measurement
//! in a file, detects comparisons that were set up wrongly, and writes tables, sheets and a page.

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
