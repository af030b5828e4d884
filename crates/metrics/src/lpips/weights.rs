//! Reads LPIPS weights, using the tensor names of the published files.
//!
//! | tensor | `lpips` package | torchvision, with the package's factors in another file |
//! |---|---|---|
//! | convolution `p` of slice `s`, `[C_out, C_in, k, k]` | `net.slice{s}.{p}.weight` | `features.{p}.weight` |
//! | its bias, `[C_out]` | `net.slice{s}.{p}.bias` | `features.{p}.bias` |
//! | factors of tap `l`, `[1, C, 1, 1]` | `lin{l}.model.1.weight` | the same |
//!
//! Some tensors are ignored: torchvision's `classifier.*`, and in the package `scaling_layer.*` (constants) and
//! `lins.*` (a copy of the factors). Any other unknown tensor is an error.

use std::collections::BTreeSet;

use burn::tensor::{Tensor, TensorData};
use model::weights::{WeightError, Weights};

use super::LoadedLayer;
use super::backbone::{Backbone, Layer, TAPS};

/// Prefixes of names that are not needed.
const LEFT_OUT: [&str; 3] = ["classifier.", "scaling_layer.", "lins."];

/// The convolutions, and the factors of each tap.
pub(super) fn load(backbone: Backbone, weights: &Weights) -> Result<(Vec<LoadedLayer>, [Vec<f32>; TAPS]), WeightError> {
    let is_torchvision = weights.names().any(|name| name.starts_with("features."));
    let prefix = |layer: &Layer| match is_torchvision {
        true => format!("features.{}", layer.place),
        false => format!("net.slice{}.{}", layer.slice, layer.place),
    };
    let mut reader = Reader { weights, used: BTreeSet::new() };
    let mut convolutions = Vec::new();
    let mut channels = 3;
    let mut tapped = [0; TAPS];
    for layer in backbone.layers() {
        let name = prefix(layer);
        let (shape, values) = reader.values(format!("{name}.weight"))?;
        let c_out = shape.first().copied().unwrap_or_default();
        let expected = [c_out, channels, layer.kernel, layer.kernel];
        check_shape(&format!("{name}.weight"), &shape, &expected)?;
        let (shape, bias) = reader.values(format!("{name}.bias"))?;
        check_shape(&format!("{name}.bias"), &shape, &[c_out])?;
        let device = Default::default();
        let weight = Tensor::from_data(TensorData::new(values, expected), &device);
        let bias = Tensor::from_data(TensorData::new(bias, [c_out]), &device);
        convolutions.push(LoadedLayer { layer: *layer, weight, bias });
        channels = c_out;
        tapped[layer.slice - 1] = c_out;
    }
    let mut factors = <[Vec<f32>; TAPS]>::default();
    for (tap, channels) in tapped.into_iter().enumerate() {
        let name = format!("lin{tap}.model.1.weight");
        let (shape, values) = reader.values(name.clone())?;
        check_shape(&name, &shape, &[1, channels, 1, 1])?;
        factors[tap] = values;
    }
    reader.nothing_is_left()?;
    Ok((convolutions, factors))
}

/// Reads tensors and keeps track of unused ones.
struct Reader<'a> {
    weights: &'a Weights,
    used: BTreeSet<String>,
}

impl Reader<'_> {
    fn values(&mut self, name: String) -> Result<(Vec<usize>, Vec<f32>), WeightError> {
        let values = self.weights.values(&name)?;
        self.used.insert(name);
        Ok(values)
    }

    fn nothing_is_left(&self) -> Result<(), WeightError> {
        let has_place =
            |name: &str| self.used.contains(name) || LEFT_OUT.iter().any(|beginning| name.starts_with(beginning));
        let names: Vec<String> = self.weights.names().filter(|name| !has_place(name)).map(String::from).collect();
        if names.is_empty() { Ok(()) } else { Err(WeightError::Unexpected { names }) }
    }
}

fn check_shape(name: &str, found: &[usize], expected: &[usize]) -> Result<(), WeightError> {
    if found == expected {
        return Ok(());
    }
    Err(WeightError::Shape { name: name.into(), found: found.into(), expected: expected.into() })
}
