//! Reads the format since PyTorch 1.6: a zip archive with the pickle `NAME/data.pkl` and, for each storage, an
//! uncompressed member `NAME/data/KEY`.

use std::io::{Read, Seek};
use std::ops::Range;

use zip::{CompressionMethod, ZipArchive, result::ZipError};

use crate::pickle::{Machine, Storage, Stream};
use crate::state_dict::describe;
use crate::{Checkpoint, CheckpointError};

const PICKLE: &str = "/data.pkl";

pub(crate) fn read<R: Read + Seek>(mut file: R) -> Result<Checkpoint, CheckpointError> {
    let length = file.seek(std::io::SeekFrom::End(0))?;
    let mut archive = ZipArchive::new(file).map_err(archive_error)?;
    let root = root(&archive)?;
    check_byte_order(&mut archive, &root)?;
    let (values, top) = {
        let pickle = archive.by_name(&format!("{root}{PICKLE}")).map_err(archive_error)?;
        Machine::run(&mut Stream::new(std::io::BufReader::new(pickle)))?
    };
    describe(&values, top, |storage| locate(&mut archive, &root, storage, length))
}

/// The folder that contains everything.
fn root<R: Read + Seek>(archive: &ZipArchive<R>) -> Result<String, CheckpointError> {
    let unknown = |reason: &str| CheckpointError::UnknownForm { reason: reason.into() };
    let roots: Vec<&str> =
        archive.file_names().filter_map(|name| name.strip_suffix(PICKLE)).filter(|root| !root.contains('/')).collect();
    let [root] = roots[..] else { return Err(unknown("the zip archive does not contain exactly one `data.pkl`")) };
    let program = format!("{root}/constants.pkl");
    if archive.file_names().any(|name| name == program) {
        return Err(unknown("it is a TorchScript program, which contains code"));
    }
    Ok(root.into())
}

fn check_byte_order<R: Read + Seek>(archive: &mut ZipArchive<R>, root: &str) -> Result<(), CheckpointError> {
    let member = match archive.by_name(&format!("{root}/byteorder")) {
        Ok(member) => member,
        Err(ZipError::FileNotFound) => return Ok(()),
        Err(error) => return Err(archive_error(error)),
    };
    let mut order = vec![];
    member.take(16).read_to_end(&mut order)?;
    if order == b"little" {
        return Ok(());
    }
    let reason = format!("its byte order is `{}`, expected `little`", String::from_utf8_lossy(&order).escape_default());
    Err(CheckpointError::UnknownForm { reason })
}

fn locate<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    root: &str,
    storage: &Storage,
    length: u64,
) -> Result<Range<u64>, String> {
    let name = format!("{root}/data/{}", storage.key);
    let member = archive.by_name(&name).map_err(|error| format!("storage `{}`: {error}", storage.key))?;
    let (start, size) = (member.data_start(), member.size());
    if member.compression() != CompressionMethod::Stored || member.encrypted() {
        return Err(format!("storage `{}` is compressed or encrypted", storage.key));
    }
    let end = start.and_then(|start| start.checked_add(size)).filter(|end| *end <= length);
    match (start, end) {
        (Some(start), Some(end)) => Ok(start..end),
        _ => Err(format!("storage `{}` is not within the file", storage.key)),
    }
}

fn archive_error(error: ZipError) -> CheckpointError {
    match error {
        ZipError::Io(error) => CheckpointError::Io(error),
        error => CheckpointError::Damaged { reason: format!("invalid zip archive: {error}") },
    }
}
