//! Reads a TensorFlow Lite network (a flatbuffer) and writes it as ONNX (protobuf messages), in memory. Operators that
//! are slow in the runtime stay separate.
//!
//! The reader is written by hand and checks every offset: untrusted bytes give an error, never a panic. Shapes are
//! static in these files. The converter therefore computes the shape of every result and compares it with the declared
//! shape.
//!
//! Layout: TensorFlow Lite stores pictures as `[1, H, W, C]`. In ONNX, every rank 4 value becomes `[1, C, H, W]`,
//! including the inputs and outputs of the network. Values of other ranks keep their layout.

mod convert;
mod flatbuffer;
mod graph;
mod onnx;
mod operands;
mod operators;
#[cfg(test)]
pub(crate) mod sample;
mod schema;
mod shapes;
mod steps;
mod weights;
mod windows;

pub(crate) use convert::onnx_from_tflite;
pub(crate) use graph::Converted;
pub(crate) use steps::Port;
pub(crate) use steps::{PlaneOperation, PlaneWork, Step};

/// Why a file cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes contradict themselves or end too early.
    Malformed(String),
    /// The bytes are valid but use an unsupported feature.
    Unsupported(String),
}

impl Fault {
    fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed(reason.into())
    }

    fn unsupported(reason: impl Into<String>) -> Self {
        Self::Unsupported(reason.into())
    }
}

type Result<T> = std::result::Result<T, Fault>;

#[cfg(test)]
mod tests {
    use super::sample::sample;
    use super::*;

    #[test]
    fn every_truncation_is_malformed() {
        let file = sample();
        for length in 0..file.len() {
            let found = onnx_from_tflite(&file[..length], 1);
            assert!(matches!(found, Err(Fault::Malformed(_))), "{length} of {} bytes were accepted", file.len());
        }
    }

    #[test]
    fn ports_have_their_channels_first() {
        let found = onnx_from_tflite(&sample(), 1).unwrap();
        assert_eq!(found.inputs, [Port { name: "t0".into(), shape: vec![1, 2, 2, 2] }]);
        assert_eq!(found.outputs[0].shape, [1, 2, 2, 2]);
    }

    #[test]
    fn what_is_unknown_is_named() {
        let mut file = sample();
        // The test replaces the code of the convolution, 3, by an unused operator.
        let place = file.windows(4).rposition(|bytes| bytes == 124_i32.to_le_bytes()).unwrap();
        file[place] = 126;
        assert_eq!(onnx_from_tflite(&file, 1).err(), Some(Fault::Unsupported("operator 126".into())));
    }
}
