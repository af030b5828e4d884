//! Resizes pictures and converts them to network input.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use burn::tensor::{Tensor, TensorData};
use media::picture::{Picture, Plane};
use media::resize::{Filter, resize_picture};
use model::conditioning::clip_vision::{PIXEL_DEVIATION, PIXEL_MEAN};

use crate::case::{Backend, Case, Outputs, Values};
use crate::settings::Nothing;

/// The pictures of an 8-bit tensor `[H, W, 3]` or `[N, H, W, 3]`.
pub(super) fn pictures(case: &Case<'_>, name: &str) -> Result<Vec<Picture>> {
    pictures_from(case.values(name)?, name)
}

/// The same of a map of tensors.
pub(crate) fn pictures_of(tensors: &BTreeMap<String, Values>, name: &str) -> Result<Vec<Picture>> {
    pictures_from(tensors.get(name).with_context(|| format!("no tensor `{name}`"))?, name)
}

fn pictures_from(Values { shape, values, is_picture }: &Values, name: &str) -> Result<Vec<Picture>> {
    let (height, width) = match shape[..] {
        [height, width, 3] | [_, height, width, 3] => (height, width),
        _ => bail!("`{name}` has shape {shape:?}, expected pictures"),
    };
    ensure!(*is_picture && height * width > 0, "`{name}` holds no 8-bit pictures");
    let cells: Vec<[u8; 3]> = values.as_chunks::<3>().0.iter().map(|cell| cell.map(|level| level as u8)).collect();
    Ok(cells.chunks(height * width).map(|cells| Plane::from_cells(width, height, cells.to_vec())).collect())
}

/// `[1, 3, H, W]` with each channel's level in `[0, 1]`, shifted and divided.
fn tensor(picture: &Picture, mean: [f32; 3], deviation: [f32; 3]) -> Tensor<Backend, 4> {
    let channel =
        |c: usize| picture.cells().iter().map(move |cell| (f32::from(cell[c]) / 255.0 - mean[c]) / deviation[c]);
    let cells: Vec<f32> = (0..3).flat_map(channel).collect();
    let shape = [1, 3, picture.height(), picture.width()];
    Tensor::from_data(TensorData::new(cells, shape), &Default::default())
}

/// `[1, 3, H, W]` in `[0, 1]`.
pub(crate) fn unit(picture: &Picture) -> Tensor<Backend, 4> {
    tensor(picture, [0.0; 3], [1.0; 3])
}

/// `[1, 3, H, W]` in `[-1, 1]`.
pub(crate) fn signed(picture: &Picture) -> Tensor<Backend, 4> {
    unit(picture) * 2.0 - 1.0
}

/// CLIP's input: squeezed to a square and normalised.
pub(crate) fn clip_pixels(picture: &Picture, size: usize) -> Tensor<Backend, 4> {
    tensor(&resize_picture(picture, size, size, Filter::Bicubic), PIXEL_MEAN, PIXEL_DEVIATION)
}

fn one_picture(case: &Case<'_>) -> Result<Picture> {
    let Nothing {} = case.own_config()?;
    let Nothing {} = case.args()?;
    let mut pictures = pictures(case, "in.image")?;
    ensure!(pictures.len() == 1, "{} pictures, expected one", pictures.len());
    Ok(pictures.swap_remove(0))
}

pub(super) fn resize(case: &Case<'_>) -> Result<Outputs> {
    let picture = one_picture(case)?;
    let mut outputs = Outputs::new();
    for name in case.names("out.") {
        let kind = name["out.".len()..].split('_').next().unwrap_or_default();
        let filter = match kind {
            "bicubic" => Filter::Bicubic,
            "lanczos" => Filter::Lanczos,
            "bilinear" => Filter::Bilinear,
            "box" => Filter::Area,
            _ => bail!("filter `{kind}` is unknown"),
        };
        let [height, width, 3] = case.values(name)?.shape[..] else { bail!("`{name}` is no picture") };
        let small = resize_picture(&picture, width, height, filter);
        let values = small.cells().iter().flatten().map(|level| f64::from(*level)).collect();
        outputs.insert(name.into(), Values { shape: vec![height, width, 3], values, is_picture: true });
    }
    Ok(outputs)
}

pub(super) fn clip(case: &Case<'_>) -> Result<Outputs> {
    let picture = one_picture(case)?;
    let [_, 3, height, width] = case.values("out.pixels")?.shape[..] else { bail!("`out.pixels` are no pixels") };
    ensure!(height == width, "`out.pixels` are {height} x {width}, expected a square");
    Ok([("out.pixels".into(), clip_pixels(&picture, width).into())].into())
}

pub(super) fn vae(case: &Case<'_>) -> Result<Outputs> {
    let picture = one_picture(case)?;
    let mut outputs = Outputs::new();
    for name in case.names("out.") {
        let [_, 3, height, width] = case.values(name)?.shape[..] else { bail!("`{name}` is no picture") };
        let small = resize_picture(&picture, width, height, Filter::Lanczos);
        let pixels = match name {
            "out.ref" => signed(&small),
            "out.pose" => unit(&small),
            _ => bail!("result `{name}` is unknown"),
        };
        outputs.insert(name.into(), pixels.into());
    }
    Ok(outputs)
}
