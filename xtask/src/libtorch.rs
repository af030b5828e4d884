//! Implements `cargo xtask libtorch cpu|cuda`, which builds the program with libtorch, on a machine that has neither
//! CUDA nor PyTorch installed.
//!
//! libtorch comes from the PyTorch wheel, which pip downloads into a virtual environment under `.cache`. For `cpu`, the
//! build links against a folder that contains only the CPU libraries of the wheel, so that the program runs without
//! CUDA libraries. For `cuda`, the build links against the whole wheel. The CUDA libraries are not needed on the build
//! machine; the program finds them on the machine with the GPU. This command supports only Linux.

use crate::cargo;
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The exact wheels. The CPU half of the CUDA wheel still loads the two small CUDA libraries.
const TORCH: (&str, &str) = ("torch", "2.11.0");
const FOR_CPU: [(&str, &str); 2] = [("nvidia-cuda-runtime", "13.5.37"), ("nvidia-cuda-cupti", "13.5.25")];

/// What is built by default.
const BUILD: &[&str] = &["build", "--release", "--package", "stuntdouble", "--features", "libtorch"];

/// Builds, with `arguments` for cargo instead of the default ones if there are any.
pub(crate) fn run(flavour: &str, arguments: &[&str]) -> Result<ExitCode> {
    if !cfg!(target_os = "linux") {
        bail!("the libtorch build supports only Linux");
    }
    let root = cargo::root();
    let site_packages = fetch_wheels(&root.join(".cache/torch211"), flavour)?;
    let torch = site_packages.join("torch");
    let flags = "-C link-arg=-Wl,--unresolved-symbols=ignore-in-shared-libs";
    let (link_folder, target) = if flavour == "cpu" {
        (cpu_half(&torch, &root.join(".cache/cpulink"))?, "target/libtorch-cpu")
    } else {
        (torch.clone(), "target/libtorch")
    };
    let libraries = format!("{}:{}", torch.join("lib").display(), site_packages.join("nvidia/cu13/lib").display());
    let arguments = if arguments.is_empty() { BUILD } else { arguments };
    let status = cargo::command(arguments)
        .env("LIBTORCH", link_folder)
        .env("LIBTORCH_CXX11_ABI", "1")
        .env("LIBTORCH_BYPASS_VERSION_CHECK", "1")
        .env("RUSTFLAGS", flags)
        .env("CARGO_TARGET_DIR", root.join(target))
        .env("LD_LIBRARY_PATH", &libraries) // for `run` and `test`
        .status()
        .context("cannot start cargo")?;
    if status.success() {
        println!("built in {target}; run it with:\nexport LD_LIBRARY_PATH={libraries}");
        if flavour == "cuda" {
            println!("on the machine with the GPU, use the `lib` folders of its own torch and nvidia packages instead");
        }
    }
    Ok(cargo::code_of(status))
}

/// Creates the virtual environment and installs what is missing in it. Returns its `site-packages`.
fn fetch_wheels(environment: &Path, flavour: &str) -> Result<PathBuf> {
    let pip = environment.join("bin/pip");
    if !pip.exists() {
        println!("making a virtual environment in {}", environment.display());
        let made = Command::new("python3").args(["-m", "venv"]).arg(environment).status();
        if !made.context("cannot start `python3`, which is needed to fetch libtorch")?.success() {
            bail!("`python3 -m venv` failed; on Debian it needs the package `python3-venv`");
        }
    }
    let site_packages = find_site_packages(environment)?;
    let wanted = std::iter::once(TORCH).chain(FOR_CPU.into_iter().filter(|_| flavour == "cpu"));
    let missing: Vec<String> = wanted
        .filter(|(name, version)| {
            !site_packages.join(format!("{}-{version}.dist-info", name.replace('-', "_"))).is_dir()
        })
        .map(|(name, version)| format!("{name}=={version}"))
        .collect();
    if !missing.is_empty() {
        println!("fetching {}", missing.join(", "));
        let status =
            Command::new(&pip).args(["install", "--no-deps", "--disable-pip-version-check"]).args(&missing).status();
        if !status.context("cannot start pip")?.success() {
            bail!("`pip install --no-deps {}` failed", missing.join(" "));
        }
    }
    Ok(site_packages)
}

fn find_site_packages(environment: &Path) -> Result<PathBuf> {
    let library = environment.join("lib");
    let listing = std::fs::read_dir(&library).with_context(|| format!("cannot read `{}`", library.display()))?;
    listing
        .flatten()
        .map(|item| item.path().join("site-packages"))
        .find(|path| path.is_dir())
        .with_context(|| format!("no `site-packages` below `{}`", library.display()))
}

/// A folder that looks like a libtorch without CUDA: links to the headers and to the CPU libraries.
fn cpu_half(torch: &Path, folder: &Path) -> Result<PathBuf> {
    let library = folder.join("lib");
    std::fs::create_dir_all(&library).with_context(|| format!("cannot create `{}`", library.display()))?;
    link(&torch.join("include"), &folder.join("include"))?;
    for (name, of) in
        [("libtorch_cpu.so", "libtorch_cpu.so"), ("libc10.so", "libc10.so"), ("libtorch.so", "libtorch_cpu.so")]
    {
        link(&torch.join("lib").join(of), &library.join(name))?;
    }
    Ok(folder.to_owned())
}

/// Makes `at` a link to `to`, replacing an existing link.
fn link(to: &Path, at: &Path) -> Result<()> {
    if !to.exists() {
        bail!("`{}` is missing; remove the environment and try again", to.display());
    }
    if std::fs::read_link(at).is_ok_and(|there| there == to) {
        return Ok(());
    }
    let _ = std::fs::remove_file(at);
    symlink(to, at).with_context(|| format!("cannot link `{}`", at.display()))
}

#[cfg(unix)]
fn symlink(to: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn symlink(_to: &Path, _at: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
