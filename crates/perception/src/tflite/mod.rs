//! Reads a TensorFlow Lite network (a flatbuffer) and writes it as ONNX (a protobuf message), in memory.
//!
//! The reader is written by hand and checks every offset: bytes from a stranger give an error, never a panic. Shapes
//! are static in these files, so the converter computes the shape of every result and compares it with the declared one.
//!
//! Layout: TensorFlow Lite keeps pictures as `[1, H, W, C]`; every rank 4 value becomes `[1, C, H, W]` in ONNX, the
//! inputs and outputs of the network included. Values of other ranks keep their layout.

mod convert;
mod flatbuffer;
mod onnx;
mod operators;
mod schema;
mod shapes;
mod weights;

pub(crate) use convert::{Converted, onnx_from_tflite};

/// Why a file cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes contradict themselves or end too early.
    Malformed(String),
    /// The bytes are sound but use something unknown.
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
