//! Holds a weight packed for one op, in memory or mapped from a file.
//!
//! A file holds the elements in the order in which tiles read them. A later run maps the file ([`Pack::map`]), and does
//! not need to read or pack the weight. Mapped elements are bit-identical to the written ones.

use std::fs::File;
use std::io::{self, Write};

use crate::convolution::packed_convolution::{Geometry, PackedConvolution};
use crate::convolution::upsample::PackedUpsample;
use crate::matmul::packed::PackedMatrix;
use crate::memory::pack_file::{self, LABEL, Mapping, PackFileError, as_bytes};
use crate::simd::element::Element;
use crate::simd::isa::Cpu;

/// The op that a weight is packed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// [`PackedMatrix::linear`].
    Linear,
    /// [`PackedMatrix::geglu`].
    Geglu,
    /// [`PackedConvolution::new`].
    Convolution(Geometry),
    /// [`PackedConvolution::winograd`].
    WinogradConvolution {
        /// Zero padding above and to the left.
        before: usize,
        /// Zero padding below and to the right.
        after: usize,
    },
    /// [`PackedUpsample::new`].
    Upsample,
    /// [`PackedUpsample::winograd`].
    WinogradUpsample,
}

/// A packed weight.
pub enum Pack<T: Element> {
    /// Packed as [`Form::Linear`] or [`Form::Geglu`].
    Matrix(PackedMatrix<T>),
    /// Packed as [`Form::Convolution`] or [`Form::WinogradConvolution`].
    Convolution(PackedConvolution<T>),
    /// Packed as [`Form::Upsample`] or [`Form::WinogradUpsample`].
    Upsample(PackedUpsample<T>),
}

impl<T: Element> Pack<T> {
    /// Packs `weight`, `[outputs, inputs, ..]`, with the taps of the form.
    ///
    /// # Panics
    /// When `weight` has the wrong length.
    pub fn new(cpu: Cpu, weight: &[T], [outputs, inputs]: [usize; 2], form: Form) -> Self {
        match form {
            Form::Linear => Self::Matrix(PackedMatrix::linear(cpu, weight, outputs, inputs)),
            Form::Geglu => Self::Matrix(PackedMatrix::geglu(cpu, weight, outputs / 2, inputs)),
            Form::Convolution(geometry) => {
                Self::Convolution(PackedConvolution::new(cpu, weight, outputs, inputs, geometry))
            }
            Form::WinogradConvolution { before, after } => {
                Self::Convolution(PackedConvolution::winograd(cpu, weight, outputs, inputs, [before, after]))
            }
            Form::Upsample => Self::Upsample(PackedUpsample::new(cpu, weight, outputs, inputs)),
            Form::WinogradUpsample => Self::Upsample(PackedUpsample::winograd(cpu, weight, outputs, inputs)),
        }
    }

    /// The packed elements of all matrices.
    fn parts(&self) -> Vec<&[u8]> {
        match self {
            Self::Matrix(matrix) => vec![as_bytes(matrix.numbers())],
            Self::Convolution(convolution) => convolution.parts(),
            Self::Upsample(upsample) => upsample.parts(),
        }
    }

    /// Bytes of the packed elements.
    pub fn bytes(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }

    /// Writes the packed weight. `label` identifies it: weight, form, sizes, element type and instruction set.
    /// [`map`](Self::map) must be given the same label.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write(&self, label: [u8; LABEL], to: &mut impl Write) -> io::Result<()> {
        pack_file::write(&self.parts(), label, to)
    }

    /// Maps a packed weight that was [written](Self::write) to `file`. From then on the file must not change: replace
    /// it, but never write to it. The checksum is verified unless the file `is_known` to be intact.
    ///
    /// # Errors
    /// [`PackFileError`].
    pub fn map(
        cpu: Cpu,
        file: &File,
        label: [u8; LABEL],
        sizes: [usize; 2],
        form: Form,
        is_known: bool,
    ) -> Result<Self, PackFileError> {
        let mut file = Mapping::open(file, label, is_known)?;
        let [outputs, inputs] = sizes;
        let matrix = |file: &mut Mapping, is_gated| PackedMatrix::mapped(cpu, [outputs, 1, inputs], is_gated, file);
        let convolution = |file: &mut Mapping, geometry, is_fast| {
            PackedConvolution::mapped(cpu, sizes, geometry, is_fast, file).map(Self::Convolution)
        };
        let pack = match form {
            Form::Linear => Self::Matrix(matrix(&mut file, false)?),
            Form::Geglu => Self::Matrix(matrix(&mut file, true)?),
            Form::Convolution(geometry) => convolution(&mut file, geometry, false)?,
            Form::WinogradConvolution { before, after } => {
                convolution(&mut file, Geometry { kernel: 3, stride: 1, before, after }, true)?
            }
            Form::Upsample => Self::Upsample(PackedUpsample::mapped(cpu, sizes, false, &mut file)?),
            Form::WinogradUpsample => Self::Upsample(PackedUpsample::mapped(cpu, sizes, true, &mut file)?),
        };
        if file.is_done() { Ok(pack) } else { Err(PackFileError::Other) }
    }
}
