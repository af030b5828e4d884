//! Saves and loads the state of a finisher training run in one file.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use model::weights::{StoredPrecision, Weights, to_bytes};

use super::flat_optimizer::FlatOptimizer;
use crate::error::{Result, TrainError};

const SETTINGS: &str = "stuntdouble.training";
const STEP: &str = "stuntdouble.step";
const UPDATES: &str = "stuntdouble.updates";
const SECONDS: &str = "stuntdouble.seconds";

/// Number of steps done, and total seconds of training.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Position {
    pub(super) step: u64,
    pub(super) seconds: f64,
}

/// Writes the state. An interrupted write leaves the previous state.
pub(super) fn save<B: Backend>(
    path: &Path,
    optimizer: &FlatOptimizer<B>,
    position: Position,
    settings: &str,
) -> Result<()> {
    let vectors = [
        ("weights", &optimizer.weights),
        ("first", &optimizer.first),
        ("second", &optimizer.second),
        ("average", &optimizer.average),
    ];
    let tensors: Vec<(String, Vec<usize>, Vec<f32>)> = vectors
        .into_iter()
        .map(|(name, vector)| {
            let values = vector.to_data().convert::<f32>().into_vec::<f32>().unwrap_or_default();
            (name.to_owned(), vec![values.len()], values)
        })
        .collect();
    let header = BTreeMap::from([
        (SETTINGS.to_owned(), settings.to_owned()),
        (STEP.to_owned(), position.step.to_string()),
        (UPDATES.to_owned(), optimizer.updates.to_string()),
        (SECONDS.to_owned(), position.seconds.to_string()),
    ]);
    media::file::write_atomic(path, &to_bytes(&tensors, StoredPrecision::F32, header)?)?;
    Ok(())
}

/// Restores a state that was written with the same settings; none when there is no file.
pub(super) fn load<B: Backend>(
    path: &Path,
    optimizer: &mut FlatOptimizer<B>,
    settings: &str,
    device: &B::Device,
) -> Result<Option<Position>> {
    if !path.exists() {
        return Ok(None);
    }
    let stored = Weights::read(&[path])?;
    let damaged = |reason: String| TrainError::Damaged { path: path.into(), reason };
    let text = |key: &str| stored.metadata(key).ok_or_else(|| damaged(format!("its header has no `{key}`")));
    if text(SETTINGS)? != settings {
        return Err(TrainError::Mismatch {
            path: path.into(),
            what: "settings",
            found: text(SETTINGS)?.into(),
            expected: settings.into(),
        });
    }
    let count = optimizer.weights.dims()[0];
    let vector = |name: &str| -> Result<Tensor<B, 1>> {
        let (shape, values) = stored.values(name)?;
        if shape != [count] {
            return Err(damaged(format!("`{name}` has the shape {shape:?}, expected [{count}]")));
        }
        Ok(Tensor::from_data(TensorData::new(values, [count]), device))
    };
    (optimizer.weights, optimizer.first) = (vector("weights")?, vector("first")?);
    (optimizer.second, optimizer.average) = (vector("second")?, vector("average")?);
    let number = |key: &str| text(key)?.parse::<f64>().map_err(|error| damaged(format!("`{key}`: {error}")));
    optimizer.updates = number(UPDATES)? as u64;
    Ok(Some(Position { step: number(STEP)? as u64, seconds: number(SECONDS)? }))
}
