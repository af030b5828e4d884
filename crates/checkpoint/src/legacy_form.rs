//! Reads the format before PyTorch 1.6. The file starts with five consecutive pickles: a mark, a version, the
//! description of the machine, the dictionary, and the keys of the storages. After the pickles, the file stores for
//! each key the number of values, followed by the values.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

use crate::element::ElementType;
use crate::pickle::{Machine, Stream, Value, ValueId, Values};
use crate::state_dict::describe;
use crate::{Checkpoint, CheckpointError};

/// The mark, an integer of ten bytes.
const MARK: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const VERSION: i64 = 1001;

pub(crate) fn read<R: Read + Seek>(mut file: R) -> Result<Checkpoint, CheckpointError> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut stream = Stream::new(BufReader::new(file));
    check_preamble(&mut stream)?;
    let (values, top) = Machine::run(&mut stream)?;
    let keys = keys(&mut stream)?;
    let start = stream.position();
    let places = places(&mut stream.into_inner(), &values, &keys, start..length)?;
    describe(&values, top, |storage| {
        places.get(&storage.key).cloned().ok_or_else(|| format!("storage `{}` is not in the file", storage.key))
    })
}

fn check_preamble<R: Read>(stream: &mut Stream<R>) -> Result<(), CheckpointError> {
    let unknown = |reason: &str| Err(CheckpointError::UnknownForm { reason: reason.into() });
    let (values, mark) = Machine::run(stream)?;
    if *values.get(mark) != Value::Long(MARK.to_vec()) {
        return unknown("its magic number is not PyTorch's");
    }
    let (values, version) = Machine::run(stream)?;
    if values.int(version) != Some(VERSION) {
        return unknown("the version of its legacy format is not 1001");
    }
    let (values, machine) = Machine::run(stream)?;
    let Value::Dict(entries) = values.get(machine) else {
        return unknown("it does not describe the machine that wrote it");
    };
    let is_little = |(key, value): &(ValueId, ValueId)| {
        values.text(*key) == Some("little_endian") && *values.get(*value) == Value::Bool(true)
    };
    if entries.iter().any(is_little) { Ok(()) } else { unknown("it is not little-endian") }
}

fn keys<R: Read>(stream: &mut Stream<R>) -> Result<Vec<String>, CheckpointError> {
    let damaged = || CheckpointError::Damaged { reason: "its list of storages is not a list of strings".into() };
    let (values, list) = Machine::run(stream)?;
    let Value::List(items) = values.get(list) else { return Err(damaged()) };
    items.iter().map(|item| values.text(*item).map(str::to_owned).ok_or_else(damaged)).collect()
}

/// Where the values of each storage are, from the counts in front of them.
fn places<R: Read + Seek>(
    file: &mut R,
    values: &Values,
    keys: &[String],
    within: Range<u64>,
) -> Result<BTreeMap<String, Range<u64>>, CheckpointError> {
    let elements: BTreeMap<&str, ElementType> = values
        .all()
        .iter()
        .filter_map(|value| match value {
            Value::Storage(storage) => Some((storage.key.as_str(), storage.element)),
            _ => None,
        })
        .collect();
    let mut places = BTreeMap::new();
    let mut at = within.start;
    for key in keys {
        let damaged = |reason: &str| CheckpointError::Damaged { reason: format!("storage `{key}` {reason}") };
        let cut_off = || CheckpointError::CutOff { place: format!("storage `{key}`") };
        let element = elements.get(key.as_str()).ok_or_else(|| damaged("belongs to no tensor"))?;
        if at + 8 > within.end {
            return Err(cut_off());
        }
        let mut count = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut count)?;
        let size = u64::from_le_bytes(count).checked_mul(element.size() as u64);
        let end = size.and_then(|size| size.checked_add(at + 8)).filter(|end| *end <= within.end);
        let end = end.ok_or_else(cut_off)?;
        if places.insert(key.clone(), at + 8..end).is_some() {
            return Err(damaged("is stored twice"));
        }
        at = end;
    }
    Ok(places)
}
