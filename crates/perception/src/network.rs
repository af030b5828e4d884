//! One network, ready to run: a `.tflite` file converted in memory, or an `.onnx` file as it is, in the ONNX runtime.
//!
//! Values are `f32`; pictures are planar, `[1, C, H, W]`.

use std::path::{Path, PathBuf};

use rten::{Model, NodeId, ValueView};
use rten_tensor::Tensor;
use rten_tensor::prelude::*;

use crate::error::Error;
use crate::tflite::{Converted, Fault, onnx_from_tflite};

/// A loaded network with one input.
pub struct Network {
    path: PathBuf,
    model: Model,
    input: NodeId,
    input_shape: Vec<usize>,
    outputs: Vec<NodeId>,
    output_shapes: Vec<Vec<usize>>,
}

impl Network {
    /// Reads, converts and loads a `.tflite` file.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`], [`Error::ModelMalformed`], [`Error::ModelUnsupported`], [`Error::ModelFailed`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::ModelUnreadable { path: path.into(), source })?;
        Self::from_bytes(path, &bytes)
    }

    /// Converts and loads the bytes of a `.tflite` file; `path` is only named in errors.
    ///
    /// # Errors
    /// [`Error::ModelMalformed`], [`Error::ModelUnsupported`], [`Error::ModelFailed`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let Converted { onnx, inputs, outputs } = onnx_from_tflite(bytes).map_err(|fault| match fault {
            Fault::Malformed(reason) => Error::ModelMalformed { path: path.into(), reason },
            Fault::Unsupported(reason) => Error::ModelUnsupported { path: path.into(), reason },
        })?;
        let failed = |reason: String| Error::ModelFailed { path: path.into(), reason };
        let [input] = &inputs[..] else {
            let reason = format!("{} inputs, expected 1", inputs.len());
            return Err(Error::ModelUnsupported { path: path.into(), reason });
        };
        let model = Model::load(onnx).map_err(|error| failed(error.to_string()))?;
        let node = |name: &str| model.node_id(name).map_err(|error| failed(error.to_string()));
        Ok(Self {
            path: path.into(),
            input: node(&input.name)?,
            input_shape: input.shape.clone(),
            outputs: outputs.iter().map(|port| node(&port.name)).collect::<Result<_, _>>()?,
            output_shapes: outputs.into_iter().map(|port| port.shape).collect(),
            model,
        })
    }

    /// Reads and loads an `.onnx` file with one input of this shape, and outputs of which the first have these shapes.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`], [`Error::ModelMalformed`], [`Error::ModelMismatched`].
    pub fn open_onnx(
        path: &Path,
        role: &'static str,
        input_shape: &[usize],
        output_shapes: &[&[usize]],
    ) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::ModelUnreadable { path: path.into(), source })?;
        let malformed = |reason: String| Error::ModelMalformed { path: path.into(), reason };
        let model = Model::load(bytes).map_err(|error| malformed(error.to_string()))?;
        let (inputs, outputs) = (model.input_ids().to_vec(), model.output_ids().to_vec());
        if inputs.len() != 1 || outputs.len() < output_shapes.len() {
            return Err(Error::ModelMismatched {
                role,
                found: format!("{} inputs, {} outputs", inputs.len(), outputs.len()),
                expected: format!("`{input_shape:?} -> {output_shapes:?}`"),
                path: path.into(),
            });
        }
        Ok(Self {
            path: path.into(),
            input: inputs[0],
            input_shape: input_shape.to_vec(),
            outputs: outputs[..output_shapes.len()].to_vec(),
            output_shapes: output_shapes.iter().map(|shape| shape.to_vec()).collect(),
            model,
        })
    }

    /// Checks that the network has these shapes; outputs beyond the listed ones are ignored.
    ///
    /// # Errors
    /// [`Error::ModelMismatched`].
    pub fn expect(self, role: &'static str, input: &[usize], outputs: &[&[usize]]) -> Result<Self, Error> {
        let alike = self.input_shape == input
            && outputs.len() <= self.output_shapes.len()
            && outputs.iter().zip(&self.output_shapes).all(|(expected, found)| found == expected);
        if alike {
            return Ok(self);
        }
        Err(Error::ModelMismatched {
            role,
            found: format!("`{:?} -> {:?}`", self.input_shape, self.output_shapes),
            expected: format!("`{input:?} -> {outputs:?}`"),
            path: self.path,
        })
    }

    /// Shape of the input, `[1, C, H, W]`.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// Shapes of the outputs.
    pub fn output_shapes(&self) -> &[Vec<usize>] {
        &self.output_shapes
    }

    /// Runs the network and gives the outputs numbered in `wanted`, each row by row.
    ///
    /// # Errors
    /// [`Error::ModelFailed`] when the runtime refuses.
    ///
    /// # Panics
    /// When `values` does not fill the input, or an output number is too high.
    pub fn run<const N: usize>(&self, values: &[f32], wanted: [usize; N]) -> Result<[Vec<f32>; N], Error> {
        let cells: usize = self.input_shape.iter().product();
        assert_eq!(values.len(), cells, "{} values for an input of shape {:?}", values.len(), self.input_shape);
        let failed = |reason: String| Error::ModelFailed { path: self.path.clone(), reason };
        let view = ValueView::from_shape(self.input_shape.as_slice(), values).map_err(|e| failed(e.to_string()))?;
        let inputs = vec![(self.input, view.into())];
        let nodes = wanted.map(|output| self.outputs[output]);
        let results = self.model.run_n(inputs, nodes, None).map_err(|error| failed(error.to_string()))?;
        let mut lists = [const { Vec::new() }; N];
        for ((list, result), output) in lists.iter_mut().zip(results).zip(wanted) {
            let tensor: Tensor<f32> = result.try_into().map_err(|_| failed("an output is not `f32`".into()))?;
            let expected = &self.output_shapes[output];
            if tensor.shape() != expected.as_slice() {
                return Err(failed(format!("output of shape {:?}, expected {expected:?}", tensor.shape())));
            }
            *list = tensor.into_data();
        }
        Ok(lists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tflite::sample::sample;

    #[test]
    fn a_small_network_by_hand() {
        let network = Network::from_bytes(Path::new("sample"), &sample()).unwrap();
        // Two planes of four pixels; relu6([[0, 3], [2, 0]] x + [1, -1]).
        let [found] = network.run(&[0.0, 1.0, 2.0, 3.0, 0.0, -1.0, 1.0, 4.0], [0]).unwrap();
        assert_eq!(found, [1.0, 0.0, 4.0, 6.0, 0.0, 1.0, 3.0, 5.0]);
    }

    #[test]
    fn no_changed_byte_causes_a_panic() {
        let file = sample();
        for at in 0..file.len() {
            for value in [0, 1, 3, 0x7f, 0xff] {
                let mut changed = file.clone();
                changed[at] = value;
                if let Ok(network) = Network::from_bytes(Path::new("sample"), &changed) {
                    let values = vec![0.5; network.input_shape().iter().product()];
                    let _ = network.run(&values, [0]);
                }
            }
        }
    }

    #[test]
    fn another_network_is_told_apart() {
        let network = Network::from_bytes(Path::new("a.tflite"), &sample()).unwrap();
        let error = network.expect("hand landmark", &[1, 3, 224, 224], &[&[1, 63]]).err().unwrap();
        assert_eq!(error.code(), "model.mismatched");
        assert_eq!(
            error.to_string(),
            "not a hand landmark network, found `[1, 2, 2, 2] -> [[1, 2, 2, 2]]`, expected \
             `[1, 3, 224, 224] -> [[1, 63]]`: `a.tflite`"
        );
        let missing = Network::open(Path::new("no/such.tflite")).err().unwrap();
        assert_eq!(missing.code(), "model.unreadable");
    }

    /// The real files, where they are at hand: damaged in many places they give errors.
    #[test]
    #[expect(clippy::print_stderr, reason = "says that it ran fewer cases")]
    fn damaged_real_files_are_malformed() {
        let Some(shared) = std::env::var_os("STUNTDOUBLE_SHARED") else {
            eprintln!("ran 0 real files: STUNTDOUBLE_SHARED is not set");
            return;
        };
        let path = Path::new(&shared).join("data/weights/selfie_segmentation.tflite");
        let file = std::fs::read(&path).unwrap();
        Network::from_bytes(&path, &file).unwrap();
        let lengths = (0..60).chain((0..60).map(|index| index * file.len() / 60)).chain(file.len() - 12..file.len());
        for length in lengths {
            let error = Network::from_bytes(&path, &file[..length]).err();
            assert_eq!(error.map(|error| error.code()), Some("model.malformed"), "{length} bytes");
        }
        for index in 0..40 {
            let mut changed = file.clone();
            changed[index * 7919 % file.len()] ^= 0x55;
            let _ = Network::from_bytes(&path, &changed);
        }
    }
}
