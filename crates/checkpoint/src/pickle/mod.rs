//! Reads pickles without Python: a stack machine turns a pickle into a value.

mod calls;
mod machine;
mod opcode;
mod stream;
mod value;

pub(crate) use machine::Machine;
pub(crate) use stream::Stream;
pub(crate) use value::{RawTensor, Storage, Value, ValueId, Values};

/// Most instructions in a pickle. The largest published denoiser of this family has about 60,000.
pub(crate) const MOST_INSTRUCTIONS: u64 = 2_000_000;
/// Most bytes in a pickle.
pub(crate) const MOST_BYTES: u64 = 64 << 20;
/// Most bytes in a string. Keys have fewer than 200.
pub(crate) const LONGEST_TEXT: u64 = 4096;
/// Most bytes in an integer. The legacy format's mark has ten.
pub(crate) const LONGEST_NUMBER: u64 = 16;
/// Most nested marks. A dictionary of tensors has three.
pub(crate) const MOST_MARKS: u64 = 64;
/// Most axes of a tensor.
pub(crate) const MOST_AXES: u64 = 16;
