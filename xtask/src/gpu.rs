//! Implements `cargo xtask gpu FOLDER --assets PACK --perceptual FILE [--start FILE] [--flavour cpu|cuda]`, which fills
//! one folder with everything that a bare host with a GPU needs to train the finisher: binaries, assets, weights,
//! configuration and the script `run.sh`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::{cargo, libtorch};

const SCRIPT: &str = include_str!("gpu/run.sh");
const EAGER: &str = include_str!("gpu/eager.py");
/// Number of bytes of the perceptual network's file that the first three blocks need. The fourth block needs the rest.
const THREE_BLOCKS: usize = 6_979_816;
/// Largest size of the folder in bytes.
const LIMIT: u64 = 60 << 20;

/// Fills the folder.
pub(crate) fn run(arguments: &[&str]) -> Result<ExitCode> {
    let [folder, options @ ..] = arguments else { bail!("the output folder is missing") };
    let folder = PathBuf::from(folder);
    let (mut assets, mut perceptual, mut start, mut flavour) = (None, None, None, "cuda");
    for pair in options.chunks(2) {
        let [option, value] = pair else { bail!("option `{}` has no value", pair[0]) };
        match *option {
            "--assets" => assets = Some(*value),
            "--perceptual" => perceptual = Some(*value),
            "--start" => start = Some(*value),
            "--flavour" => flavour = value,
            _ => bail!("unknown option `{option}`"),
        }
    }
    let (Some(assets), Some(perceptual)) = (assets, perceptual) else {
        bail!(
            "`--assets PACK` (made by `stuntdouble stage pack`) and `--perceptual FILE` (`vgg-hed` of the catalogue) are needed"
        )
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    // 1. Binaries.
    let build = [
        "build",
        "--release",
        "--package",
        "stuntdouble-train",
        "--features",
        "libtorch",
        "--example",
        "train",
        "--example",
        "finishing_speed",
    ];
    let code = libtorch::run(flavour, &build)?;
    if code != ExitCode::SUCCESS {
        return Ok(code);
    }
    let target = cargo::root().join(if flavour == "cpu" { "target/libtorch-cpu" } else { "target/libtorch" });
    for name in ["train", "finishing_speed"] {
        copy(&target.join("release/examples").join(name), &folder.join(name))?;
    }
    // 2. Data.
    copy(Path::new(assets), &folder.join("assets.pack"))?;
    let bytes = std::fs::read(perceptual).with_context(|| format!("cannot read `{perceptual}`"))?;
    write(&folder.join("perceptual.bin"), &bytes[..bytes.len().min(THREE_BLOCKS)])?;
    if let Some(start) = start {
        copy(Path::new(start), &folder.join("start.safetensors"))?;
    }
    copy(&cargo::root().join("configs/train/finisher.toml"), &folder.join("config.toml"))?;
    write(&folder.join("run.sh"), SCRIPT.as_bytes())?;
    write(&folder.join("eager.py"), EAGER.as_bytes())?;
    // 3. Check the size.
    let mut sum = 0;
    for item in std::fs::read_dir(&folder)?.flatten() {
        let length = item.metadata()?.len();
        println!("{:>10}  {}", length, item.file_name().display());
        sum += length;
    }
    println!("{sum:>10}  bytes in all, of at most {LIMIT}; on the host: bash {}/run.sh MINUTES OUT", folder.display());
    Ok(if sum <= LIMIT { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.canonicalize().ok() == to.canonicalize().ok() && to.exists() {
        return Ok(());
    }
    std::fs::copy(from, to).with_context(|| format!("cannot copy `{}` to `{}`", from.display(), to.display()))?;
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write `{}`", path.display()))
}
