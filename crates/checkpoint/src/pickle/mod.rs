//! A pickle without Python: a stack machine that makes a value of it.

mod calls;
mod machine;
mod opcode;
mod stream;
mod value;

pub(crate) use machine::Machine;
pub(crate) use stream::Stream;
pub(crate) use value::{RawTensor, Storage, Value, ValueId, Values};

/// Instructions of a pickle. The largest published denoiser of this family has about 60,000.
pub(crate) const MOST_INSTRUCTIONS: u64 = 2_000_000;
/// Bytes of a pickle.
pub(crate) const MOST_BYTES: u64 = 64 << 20;
/// Bytes of a text. Keys have fewer than 200.
pub(crate) const LONGEST_TEXT: u64 = 4096;
/// Bytes of a whole number; the legacy form's mark has ten.
pub(crate) const LONGEST_NUMBER: u64 = 16;
/// Nested marks. A dictionary of tensors has three.
pub(crate) const MOST_MARKS: u64 = 64;
/// Axes of a tensor.
pub(crate) const MOST_AXES: u64 = 16;
