//! `shell-files`: shell completions and man pages, for those who package the program.

use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, ValueEnum as _};
use clap_complete::{Shell, generate_to};
use stuntdouble::Error;

use super::arguments::Arguments;

/// Writes `completions/` for every shell and `man/` into a folder.
pub(super) fn write(folder: &Path) -> Result<(), Error> {
    let (completions, manual) = (folder.join("completions"), folder.join("man"));
    for path in [&completions, &manual] {
        std::fs::create_dir_all(path).map_err(failed(path))?;
    }
    let mut command = Arguments::command();
    for shell in Shell::value_variants() {
        generate_to(*shell, &mut command, "stuntdouble", &completions).map_err(failed(&completions))?;
    }
    clap_mangen::generate_to(Arguments::command(), &manual).map_err(failed(&manual))
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = PathBuf::from(path);
    move |source| Error::Io { action: "write", path, source }
}
