//! Provides training data: data sets on disk, streamed clips, crops, augmentation and batches.

pub mod batch;
pub(crate) mod block_means;
pub mod colour_augmentation;
pub mod crops;
pub mod dataset;
pub mod records;
pub(crate) mod streaming;
pub mod supervision;
