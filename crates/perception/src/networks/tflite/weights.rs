//! Reads weights as `f32` or integers from plain, half-precision and sparse tensors.
//!
//! A sparse tensor has levels in `traversal order`. A level has either a dense size or compressed rows (`segments` give
//! the range of each row in `indices`). Sparse tensors with blocks are not supported, because these networks do not use
//! them.

use super::flatbuffer::{Table, Vector};
use super::schema::{Element, Tensor};
use super::{Fault, Result};

/// The values of a weight in the file's layout, with sparse weights made dense.
pub(crate) fn floats(tensor: &Tensor) -> Result<Vec<f32>> {
    let stored: Vec<f32> = match tensor.element {
        Element::F32 => whole(tensor.bytes)?.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        Element::F16 => whole(tensor.bytes)?.iter().map(|bytes| f32_from_f16(u16::from_le_bytes(*bytes))).collect(),
        other => return Err(Fault::unsupported(format!("weights of type {other:?}"))),
    };
    if let Some(value) = stored.iter().find(|value| !value.is_finite()) {
        return Err(Fault::malformed(format!("a weight is {value}, expected a finite number")));
    }
    let cells = tensor.shape.iter().product();
    let Some(sparsity) = &tensor.sparsity else {
        return expect_count(stored, cells);
    };
    dense(&stored, &tensor.shape, sparsity)
}

/// The values of an integer tensor: shapes, padding, axes.
pub(crate) fn integers(tensor: &Tensor) -> Result<Vec<i64>> {
    if tensor.element != Element::I32 || tensor.sparsity.is_some() {
        return Err(Fault::unsupported(format!("an integer operand of type {:?}", tensor.element)));
    }
    let stored = whole(tensor.bytes)?.iter().map(|bytes| i64::from(i32::from_le_bytes(*bytes))).collect();
    expect_count(stored, tensor.shape.iter().product())
}

fn whole<const N: usize>(bytes: &[u8]) -> Result<&[[u8; N]]> {
    let (items, rest) = bytes.as_chunks::<N>();
    if rest.is_empty() {
        Ok(items)
    } else {
        Err(Fault::malformed(format!("length {} is not a multiple of {N} bytes", bytes.len())))
    }
}

fn expect_count<T>(stored: Vec<T>, cells: usize) -> Result<Vec<T>> {
    if stored.len() == cells {
        Ok(stored)
    } else {
        Err(Fault::malformed(format!("number of values {}, number of tensor elements {cells}", stored.len())))
    }
}

/// One level of a sparse tensor.
enum Level {
    Dense(usize),
    Compressed { segments: Vec<usize>, indices: Vec<usize> },
}

fn dense(stored: &[f32], shape: &[usize], sparsity: &Table) -> Result<Vec<f32>> {
    let order: Vec<i32> = sparsity.vector(0, 4)?.i32s().take(shape.len() + 1).collect();
    if !order.iter().copied().eq(0..shape.len() as i32) || sparsity.vector(1, 4)?.len() != 0 {
        return Err(Fault::unsupported(format!("sparse weights in blocks or in the order {order:?}")));
    }
    let levels = sparsity.tables(2)?.take(shape.len() + 1).map(|level| read_level(&level?));
    let levels = levels.collect::<Result<Vec<_>>>()?;
    if levels.len() != shape.len() {
        return Err(Fault::malformed(format!(
            "number of sparse levels {} does not match shape {shape:?}",
            levels.len()
        )));
    }
    // (cell index so far, position in the stored order so far) for everything that exists at the current level.
    let mut places = vec![(0_usize, 0_usize)];
    for (level, size) in levels.iter().zip(shape) {
        let mut next = Vec::new();
        for (cell, position) in places {
            match level {
                Level::Dense(found) if found != size => {
                    return Err(Fault::malformed(format!("a sparse level has size {found}, expected {size}")));
                }
                Level::Dense(_) => {
                    next.extend((0..*size).map(|index| (cell * size + index, position * size + index)));
                }
                Level::Compressed { segments, indices } => {
                    let range = segments.get(position).zip(segments.get(position + 1));
                    let range = range.and_then(|(start, end)| Some((*start, indices.get(*start..*end)?)));
                    let (start, row) = range.ok_or_else(|| Fault::malformed("a sparse row lies outside its list"))?;
                    if row.iter().any(|index| index >= size) {
                        return Err(Fault::malformed(format!("a sparse index exceeds the axis length {size}")));
                    }
                    next.extend(row.iter().enumerate().map(|(offset, index)| (cell * size + index, start + offset)));
                }
            }
            if next.len() > shape.iter().product() {
                return Err(Fault::malformed("sparse rows list an element more than once"));
            }
        }
        places = next;
    }
    let mut values = vec![0.0; shape.iter().product()];
    for (cell, position) in places {
        values[cell] =
            *stored.get(position).ok_or_else(|| Fault::malformed("there are fewer sparse values than indices"))?;
    }
    Ok(values)
}

fn read_level(table: &Table) -> Result<Level> {
    match table.u8(0)? {
        0 => Ok(Level::Dense(usize::try_from(table.i32(1)?).unwrap_or(0))),
        1 => Ok(Level::Compressed { segments: read_indices(table, 2)?, indices: read_indices(table, 4)? }),
        other => Err(Fault::malformed(format!("unknown kind of sparse level {other}"))),
    }
}

/// A list whose item type is given by the preceding field.
fn read_indices(table: &Table, field: usize) -> Result<Vec<usize>> {
    let list = table.table(field + 1)?.ok_or_else(|| Fault::malformed("a sparse level has no list"))?;
    Ok(match table.u8(field)? {
        1 => list.vector(0, 4)?.i32s().map(|index| usize::try_from(index).unwrap_or(usize::MAX)).collect(),
        2 => list.vector(0, 2)?.u16s().map(usize::from).collect(),
        3 => Vector::raw(&list.vector(0, 1)?).iter().map(|index| usize::from(*index)).collect(),
        other => return Err(Fault::malformed(format!("unknown kind of sparse list {other}"))),
    })
}

/// IEEE 754 half precision to single precision, exactly.
fn f32_from_f16(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let exponent = u32::from(half >> 10) & 0x1f;
    let fraction = u32::from(half) & 0x3ff;
    match exponent {
        0 => {
            let magnitude = fraction as f32 / 16_777_216.0; // subnormal: fraction * 2^-24
            if sign == 0 { magnitude } else { -magnitude }
        }
        31 => f32::from_bits(sign | 0x7f80_0000 | (fraction << 13)),
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_by_hand() {
        for (half, single) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0x7bff, 65504.0),
        ] {
            assert_eq!(f32_from_f16(half), single, "{half:#06x}");
        }
        assert!(f32_from_f16(0x7e00).is_nan());
        assert_eq!(f32_from_f16(0xfc00), f32::NEG_INFINITY);
    }

    #[test]
    fn counts_and_types_are_checked() {
        let tensor = |element, bytes| Tensor { shape: vec![2], element, bytes, sparsity: None };
        assert_eq!(floats(&tensor(Element::F16, &[0, 0x3c, 0, 0xc0])).unwrap(), [1.0, -2.0]);
        assert!(matches!(floats(&tensor(Element::F16, &[0, 0x3c])), Err(Fault::Malformed(_))));
        assert!(matches!(floats(&tensor(Element::F32, &[0; 7])), Err(Fault::Malformed(_))));
        assert!(matches!(floats(&tensor(Element::F16, &[0, 0x7e, 0, 0])), Err(Fault::Malformed(_))));
        assert!(matches!(floats(&tensor(Element::Other(9), &[0; 2])), Err(Fault::Unsupported(_))));
        assert_eq!(integers(&tensor(Element::I32, &[1, 0, 0, 0, 255, 255, 255, 255])).unwrap(), [1, -1]);
    }
}
