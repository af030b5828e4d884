//! Implements locks between processes. A process that downloads a file holds its lock. Other processes wait for the
//! lock and then find the complete file.

use crate::error::Error;
use crate::progress::Progress;
use std::fs::{File, TryLockError};
use std::path::Path;

/// Held until dropped. The system releases it when the process dies, for whatever reason.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// Waits until no other process holds the lock called `key` in `folder`.
    pub(crate) fn acquire(
        folder: &Path,
        key: &str,
        name: &str,
        tell: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let path = folder.join(format!("{key}.lock"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::io("open the lock", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                tell(Progress::Waiting { name });
                file.lock().map_err(Error::io("lock", &path))?;
            }
            // Some network file systems have no locks. Continuing without one is acceptable, because every file is
            // verified.
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                return Ok(Self { _file: None });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
        }
        Ok(Self { _file: Some(file) })
    }
}

/// Turns a package name or an address into a file name. Different texts give different names.
pub(crate) fn key_of(text: &str) -> String {
    let mut key = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || character == '.' || character == '-' {
            key.push(character);
        } else {
            key.push_str(&format!("_{:x}_", u32::from(character)));
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_plain_and_distinct() {
        assert_eq!(key_of("npm @scope/name@1.0"), "npm_20__40_scope_2f_name_40_1.0");
        assert_ne!(key_of("a/b"), key_of("a-b"));
        assert_ne!(key_of("a_b"), key_of("a/b"));
    }

    #[test]
    fn the_second_waits_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::acquire(folder.path(), "k", "n", &mut |_| {}).unwrap();
        let order = std::sync::Mutex::new(Vec::new());
        let (told, heard) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let second = Lock::acquire(folder.path(), "k", "n", &mut |event| {
                    assert_eq!(event, Progress::Waiting { name: "n" });
                    told.send(()).unwrap();
                });
                order.lock().unwrap().push("second");
                drop(second);
            });
            heard.recv().unwrap();
            order.lock().unwrap().push("first");
            drop(first);
        });
        assert_eq!(*order.lock().unwrap(), ["first", "second"]);
    }
}
