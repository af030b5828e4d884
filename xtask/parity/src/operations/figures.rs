//! Runs the metrics for pairs of pictures.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use media::picture::{Picture, Plane};
use metrics::grey::grey;
use metrics::{Backbone, Lpips};
use serde::Deserialize;

use super::pictures::pictures;
use crate::case::{Case, Outputs, Values};
use crate::settings::Nothing;

/// Arguments of `image_metrics`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageMetricsArguments {
    /// The expected metrics by name; the tensors contain them too.
    #[serde(rename = "values")]
    _values: BTreeMap<String, f64>,
}

/// `lpips`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LpipsSettings {
    /// The backbone.
    net: String,
    /// Channels of each convolution.
    widths: Vec<usize>,
}

/// The result, and the truth.
fn pair(case: &Case<'_>) -> Result<[Picture; 2]> {
    let one = |name: &str| {
        let mut list = pictures(case, name)?;
        ensure!(list.len() == 1, "`{name}` holds {} pictures, expected one", list.len());
        Ok(list.swap_remove(0))
    };
    let pair = [one("in.pred")?, one("in.gt")?];
    let [made, truth] = &pair;
    ensure!(made.size() == truth.size(), "picture {:?}, truth {:?}", made.size(), truth.size());
    Ok(pair)
}

fn numbers(values: &[f64]) -> Values {
    Values { shape: vec![values.len()], values: values.to_vec(), is_picture: false }
}

fn levels(plane: &Plane<u8>) -> Values {
    let values = plane.cells().iter().map(|level| f64::from(*level)).collect();
    Values { shape: vec![plane.height(), plane.width()], values, is_picture: true }
}

pub(super) fn image_metrics(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.own_config()?;
    let ImageMetricsArguments { .. } = case.args()?;
    let [made, truth] = pair(case)?;
    let mut outputs = Outputs::new();
    for name in case.names("out.") {
        let number = |figure: fn(&Picture, &Picture) -> f64| numbers(&[figure(&made, &truth)]);
        let value = match &name["out.".len()..] {
            "mse" => number(metrics::mean_squared_error),
            "psnr_skimage" | "psnr_disco_fixed" => number(metrics::psnr),
            "psnr_disco_overflow" => number(metrics::psnr_disco_u8),
            "ssim_disco_gray" => number(metrics::ssim_grey),
            "ssim_color_win7" => number(metrics::ssim_colour),
            "ssim_gauss" => number(metrics::ssim_gaussian),
            "l1_disco" => number(metrics::l1_disco),
            "l1_mean" => number(metrics::l1),
            "gray_pred" => levels(&grey(&made)),
            "gray_gt" => levels(&grey(&truth)),
            _ => bail!("result `{name}` is unknown"),
        };
        outputs.insert(name.into(), value);
    }
    Ok(outputs)
}

pub(super) fn lpips(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let LpipsSettings { net, widths } = case.config()?;
    let backbone = Backbone::ALL.into_iter().find(|backbone| backbone.name() == net);
    let Some(backbone) = backbone else { bail!("network `{net}` is not built") };
    let network = Lpips::from_weights(backbone, &case.weights(0)?)?;
    ensure!(network.widths() == widths, "convolutions of {:?} channels, expected {widths:?}", network.widths());
    let [made, truth] = pair(case)?;
    let distance = network.distance(&made, &truth);
    let raw = network.distance_raw01(&made, &truth);
    let mut outputs = Outputs::new();
    for name in case.names("out.") {
        let value = match &name["out.".len()..] {
            "lpips_normalized" => numbers(&[distance.total()]),
            "lpips_raw01" => numbers(&[raw.total()]),
            "per_layer" => numbers(&distance.taps),
            _ => bail!("result `{name}` is unknown"),
        };
        outputs.insert(name.into(), value);
    }
    Ok(outputs)
}
