//! Implements `stuntdouble._native`, which provides jobs and picture files to the package in `python/stuntdouble`. The
//! public interface is in that package.
//!
//! Pictures are passed as bytes with their size. Jobs run without the interpreter lock, and take it only to report an
//! event.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use stuntdouble::media::image_file::{load_mask, load_picture, save_cut_out, save_picture};
use stuntdouble::media::picture::{Mask, Picture, Plane};
use stuntdouble::pipeline::Mode;
use stuntdouble::{Error, Events, Host, Job, PerceiveJob, Settings};

pyo3::create_exception!(
    _native,
    StuntdoubleError,
    PyException,
    "What went wrong; `code` is stable, `help` says what to do."
);

/// An error in Python: message, code, help.
fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let raised = StuntdoubleError::new_err(error.to_string());
    let value = raised.value(py);
    // Setting attributes on a new exception cannot fail.
    let _ = value.setattr("code", error.code());
    let _ = value.setattr("help", error.help());
    raised
}

/// Settings from a JSON object, applied to the defaults.
fn settings_from(text: &str) -> Result<Settings, Error> {
    let table: toml::Table =
        serde_json::from_str(text).map_err(|reason| Error::Usage { reason: format!("settings: {reason}") })?;
    Settings::resolve(None, table, &[])
}

/// Events that call `progress(json)`. When it returns `False` or raises, the job is cancelled.
fn events_for(progress: Option<Py<PyAny>>) -> Events {
    let Some(progress) = progress else { return Events::silent() };
    let slot = std::sync::Arc::new(std::sync::OnceLock::<std::sync::Arc<std::sync::atomic::AtomicBool>>::new());
    let flag = std::sync::Arc::clone(&slot);
    let events = Events::listened(move |event| {
        let text = serde_json::to_string(event).unwrap_or_default();
        let goes_on = Python::attach(|py| match progress.call1(py, (text,)) {
            Ok(answer) => answer.extract::<bool>(py).unwrap_or(true),
            Err(error) => {
                error.print(py);
                false
            }
        });
        if !goes_on && let Some(flag) = flag.get() {
            flag.store(true, Ordering::Relaxed);
        }
    });
    let _ = slot.set(events.cancel_flag());
    events
}

/// Runs `replace` or `animate`. Returns the report as JSON.
#[pyfunction]
#[pyo3(signature = (mode, characters, video, output, run_dir, signals, cache, settings, progress))]
#[expect(clippy::too_many_arguments, reason = "the package names them all")]
fn run_job(
    py: Python<'_>,
    mode: &str,
    characters: Vec<PathBuf>,
    video: PathBuf,
    output: PathBuf,
    run_dir: Option<PathBuf>,
    signals: Option<PathBuf>,
    cache: PathBuf,
    settings: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let mode = match mode {
        "replace" => Mode::Replace,
        "animate" => Mode::Animate,
        other => return Err(PyValueError::new_err(format!("mode `{other}`, expected `replace` or `animate`"))),
    };
    let Some((first, views)) = characters.split_first() else {
        return Err(PyValueError::new_err("no picture of the character"));
    };
    let settings = settings_from(settings).map_err(|error| raised(py, &error))?;
    let mut job = match mode {
        Mode::Replace => Job::replace(first, video, output),
        Mode::Animate => Job::animate(first, video, output),
    };
    job = views.iter().fold(job, Job::with_view).with_settings(settings);
    job.signals = signals;
    if let Some(run_dir) = run_dir {
        job.run_dir = run_dir;
    }
    let events = events_for(progress);
    let done = py.detach(|| job.run(&Host::with_cache(cache), &events));
    done.map(|report| serde_json::to_string(&report).unwrap_or_default()).map_err(|error| raised(py, &error))
}

/// Runs `perceive`. Returns the report as JSON.
#[pyfunction]
fn run_perceive(
    py: Python<'_>,
    video: PathBuf,
    output: PathBuf,
    cache: PathBuf,
    settings: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let settings = settings_from(settings).map_err(|error| raised(py, &error))?;
    let (job, events) = (PerceiveJob { video, output, settings }, events_for(progress));
    let done = py.detach(|| job.run(&Host::with_cache(cache), &events));
    done.map(|report| serde_json::to_string(&report).unwrap_or_default()).map_err(|error| raised(py, &error))
}

/// Writes a PNG with 1 channel (a mask), 3 (colours) or 4 (colours and coverage), from rows of bytes.
#[pyfunction]
fn write_picture(
    py: Python<'_>,
    path: PathBuf,
    bytes: &[u8],
    width: usize,
    height: usize,
    channels: usize,
) -> PyResult<()> {
    if width == 0 || height == 0 || bytes.len() != width * height * channels {
        let found = format!("{} bytes for {width}x{height} pixels of {channels}", bytes.len());
        return Err(PyValueError::new_err(found));
    }
    let pixel = |bytes: &[u8]| -> [u8; 3] { [bytes[0], bytes[1], bytes[2]] };
    let saved = match channels {
        1 => {
            let mask: Mask = Plane::from_cells(width, height, bytes.to_vec());
            stuntdouble::media::image_file::save_mask(&path, &mask)
        }
        3 => save_picture(&path, &Picture::from_bytes(width, height, bytes)),
        4 => {
            let colours = bytes.chunks_exact(4).map(pixel).collect();
            let coverage = bytes.chunks_exact(4).map(|bytes| bytes[3]).collect();
            let (colours, coverage) =
                (Plane::from_cells(width, height, colours), Plane::from_cells(width, height, coverage));
            save_cut_out(&path, &colours, &coverage)
        }
        other => return Err(PyValueError::new_err(format!("{other} channels, expected 1, 3 or 4"))),
    };
    saved.map_err(|error| raised(py, &error.into()))
}

/// Bytes, width and height of a picture, `[height, width, 3]`.
#[pyfunction]
fn read_picture(py: Python<'_>, path: PathBuf) -> PyResult<(Bound<'_, PyBytes>, usize, usize)> {
    let picture = load_picture(&path).map_err(|error| raised(py, &error.into()))?;
    let bytes: Vec<u8> = picture.cells().as_flattened().to_vec();
    Ok((PyBytes::new(py, &bytes), picture.width(), picture.height()))
}

/// Bytes, width and height of a mask, `[height, width]`.
#[pyfunction]
fn read_mask(py: Python<'_>, path: PathBuf) -> PyResult<(Bound<'_, PyBytes>, usize, usize)> {
    let mask = load_mask(&path, None).map_err(|error| raised(py, &error.into()))?;
    Ok((PyBytes::new(py, mask.cells()), mask.width(), mask.height()))
}

/// The module.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("StuntdoubleError", module.py().get_type::<StuntdoubleError>())?;
    module.add_function(wrap_pyfunction!(run_job, module)?)?;
    module.add_function(wrap_pyfunction!(run_perceive, module)?)?;
    module.add_function(wrap_pyfunction!(write_picture, module)?)?;
    module.add_function(wrap_pyfunction!(read_picture, module)?)?;
    module.add_function(wrap_pyfunction!(read_mask, module)?)
}
