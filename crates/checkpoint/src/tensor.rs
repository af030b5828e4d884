//! Describes the checked position of a tensor in its file.

use std::ops::Range;

use crate::element::ElementType;

/// A tensor whose values are in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTensor {
    /// Its key in the dictionary.
    pub name: String,
    /// Number format, little-endian.
    pub element: ElementType,
    /// The size of each axis.
    pub shape: Vec<usize>,
    /// Strides in elements, one for each axis.
    pub strides: Vec<usize>,
    /// The byte range of the file from the first to the last element, including unused bytes between elements.
    pub bytes: Range<u64>,
}

impl StoredTensor {
    /// True if the byte range contains exactly the values, in the order of the shape.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        for (size, stride) in self.shape.iter().zip(&self.strides).rev() {
            if *size != 1 && *stride != expected {
                return self.shape.contains(&0);
            }
            expected *= size;
        }
        true
    }

    /// The tensor's values in the order of its shape, from the bytes at [`bytes`](Self::bytes).
    ///
    /// # Panics
    /// When there are too few bytes.
    pub fn in_order(&self, bytes: &[u8]) -> Vec<u8> {
        let size = self.element.size();
        let count: usize = self.shape.iter().product();
        let mut ordered = Vec::with_capacity(count * size);
        let mut index = vec![0; self.shape.len()];
        for _ in 0..count {
            let place: usize = index.iter().zip(&self.strides).map(|(index, stride)| index * stride).sum();
            ordered.extend_from_slice(&bytes[place * size..(place + 1) * size]);
            for (index, size) in index.iter_mut().zip(&self.shape).rev() {
                *index += 1;
                if *index < *size {
                    break;
                }
                *index = 0;
            }
        }
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(shape: &[usize], strides: &[usize]) -> StoredTensor {
        let (shape, strides) = (shape.to_vec(), strides.to_vec());
        StoredTensor { name: "t".into(), element: ElementType::U8, shape, strides, bytes: 0..0 }
    }

    #[test]
    fn transposed_values_come_in_the_order_of_the_shape() {
        assert_eq!(tensor(&[2, 3], &[3, 1]).in_order(&[0, 1, 2, 3, 4, 5]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(tensor(&[3, 2], &[1, 3]).in_order(&[0, 1, 2, 3, 4, 5]), [0, 3, 1, 4, 2, 5]);
        assert_eq!(tensor(&[2, 2], &[4, 2]).in_order(&[0, 1, 2, 3, 4, 5, 6]), [0, 2, 4, 6]);
        assert_eq!(tensor(&[], &[]).in_order(&[7]), [7]);
        assert!(tensor(&[2, 0], &[1, 1]).in_order(&[]).is_empty());
    }

    #[test]
    fn axes_of_one_may_have_any_stride() {
        assert!(tensor(&[2, 1, 3], &[3, 9, 1]).is_contiguous());
        assert!(tensor(&[], &[]).is_contiguous() && tensor(&[0, 2], &[7, 7]).is_contiguous());
        assert!(!tensor(&[3, 2], &[1, 3]).is_contiguous() && !tensor(&[2], &[2]).is_contiguous());
    }
}
