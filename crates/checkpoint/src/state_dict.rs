//! Turns the dictionary of a pickle into tensors, and checks that each tensor lies within its storage.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::pickle::{RawTensor, Storage, Value, ValueId, Values};
use crate::{Checkpoint, CheckpointError, StoredTensor};

/// The key under which training programs store the tensors, beside other entries.
const WRAPPER: &str = "state_dict";

/// Describes the tensors of a dictionary. `locate` returns the bytes of a storage in the file.
pub(crate) fn describe(
    values: &Values,
    top: ValueId,
    mut locate: impl FnMut(&Storage) -> Result<Range<u64>, String>,
) -> Result<Checkpoint, CheckpointError> {
    let mut entries = entries(values, top, "its content")?;
    if let Some((_, wrapped)) = entries.iter().find(|(key, _)| key == WRAPPER) {
        entries = self::entries(values, *wrapped, WRAPPER)?;
    }
    let mut checkpoint = Checkpoint { tensors: vec![], other_entries: vec![] };
    let mut names = BTreeSet::new();
    for (name, value) in entries {
        if !names.insert(name.clone()) {
            return Err(CheckpointError::Damaged { reason: format!("it has two entries named `{name}`") });
        }
        match values.get(value) {
            Value::Tensor(raw) => {
                let storage = locate(&raw.storage).and_then(|bytes| place(&name, raw, bytes));
                checkpoint.tensors.push(storage.map_err(|reason| CheckpointError::Tensor { name, reason })?);
            }
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Long(_) | Value::Float | Value::Text(_) => {
                checkpoint.other_entries.push(name);
            }
            other => {
                let reason = format!("entry `{name}` is {}, not a tensor", other.kind());
                return Err(CheckpointError::UnknownForm { reason });
            }
        }
    }
    Ok(checkpoint)
}

fn entries(values: &Values, id: ValueId, what: &str) -> Result<Vec<(String, ValueId)>, CheckpointError> {
    let unknown = |reason| CheckpointError::UnknownForm { reason };
    let Value::Dict(pairs) = values.get(id) else {
        return Err(unknown(format!("{what} is {}, not a dictionary of tensors", values.get(id).kind())));
    };
    let entry = |(key, value): &(ValueId, ValueId)| match values.text(*key) {
        Some(key) => Ok((key.to_owned(), *value)),
        None => Err(unknown(format!("{what} has {} as a key", values.get(*key).kind()))),
    };
    pairs.iter().map(entry).collect()
}

/// Checks that the tensor lies within the bytes of its storage.
fn place(name: &str, raw: &RawTensor, storage: Range<u64>) -> Result<StoredTensor, String> {
    let RawTensor { storage: Storage { element, count, .. }, offset, shape, strides } = raw;
    if shape.len() != strides.len() {
        return Err(format!("its shape has length {}, but its strides have length {}", shape.len(), strides.len()));
    }
    let wrong =
        || format!("offset {offset}, shape {shape:?} and strides {strides:?} exceed its storage of length {count}");
    let unsigned = |values: &[i64]| values.iter().map(|value| usize::try_from(*value).ok()).collect::<Option<Vec<_>>>();
    let (Some(offset), Some(shape), Some(strides)) = (u64::try_from(*offset).ok(), unsigned(shape), unsigned(strides))
    else {
        return Err(wrong());
    };
    let size = element.size() as u64;
    let held = (storage.end - storage.start) / size;
    if held < *count {
        return Err(format!("its storage should have length {count}, found {held}"));
    }
    let number = shape.iter().try_fold(1_u64, |all, size| all.checked_mul(*size as u64)).ok_or_else(wrong)?;
    let extent = if number == 0 {
        0
    } else {
        let last = shape
            .iter()
            .zip(&strides)
            .try_fold(0_u64, |last, (size, stride)| last.checked_add((*size as u64 - 1).checked_mul(*stride as u64)?));
        last.and_then(|last| last.checked_add(1)).ok_or_else(wrong)?
    };
    let end = offset.checked_add(extent).ok_or_else(wrong)?;
    // If there are more elements than the range has numbers, some numbers are used twice.
    if end > *count || number > extent {
        return Err(wrong());
    }
    let bytes = storage.start + offset * size..storage.start + end * size;
    Ok(StoredTensor { name: name.into(), element: *element, shape, strides, bytes })
}
