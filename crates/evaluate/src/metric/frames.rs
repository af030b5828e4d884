//! Compares whole frames with the ground truth, as published papers do: the mean of each metric of crate `metrics`. The
//! reference frame is excluded, because a method that copies it would get a PSNR of 100 dB for this frame, and thus too
//! high a mean in short clips.

use std::collections::BTreeMap;

use media::picture::Picture;
use metrics::{Backbone, InputRange};
use rayon::prelude::*;

use crate::instruments::Instruments;
use crate::metric_name::FrameFigure;

/// The means over the frames of a clip but `reference`, unless it is the only one. LPIPS needs its networks, and frames that are large enough for them.
///
/// # Panics
/// When the numbers or sizes of frames differ.
pub(crate) fn frame_figures(
    pictures: &[Picture],
    truth: &[Picture],
    reference: Option<usize>,
    instruments: &Instruments,
) -> BTreeMap<FrameFigure, f64> {
    assert_eq!(pictures.len(), truth.len(), "frame figures: frames made and true ones");
    let of_frames: Vec<Vec<(FrameFigure, f64)>> = pictures
        .par_iter()
        .zip(truth)
        .enumerate()
        .filter(|(index, _)| pictures.len() == 1 || Some(*index) != reference)
        .map(|(_, (picture, truth))| {
            let mut figures = vec![
                (FrameFigure::SsimGrey, metrics::ssim_grey(picture, truth)),
                (FrameFigure::SsimColour, metrics::ssim_colour(picture, truth)),
                (FrameFigure::Psnr, metrics::psnr(picture, truth)),
                (FrameFigure::PsnrDiscoU8, metrics::psnr_disco_u8(picture, truth)),
                (FrameFigure::L1, metrics::l1(picture, truth)),
                (FrameFigure::L1Disco, metrics::l1_disco(picture, truth)),
            ];
            figures.extend(lpips(picture, truth, instruments));
            figures
        })
        .collect();
    let count = of_frames.len() as f64;
    let mut sums: BTreeMap<FrameFigure, f64> = BTreeMap::new();
    for (figure, value) in of_frames.into_iter().flatten() {
        *sums.entry(figure).or_default() += value;
    }
    sums.into_iter().map(|(figure, sum)| (figure, sum / count)).collect()
}

fn lpips(picture: &Picture, truth: &Picture, instruments: &Instruments) -> Vec<(FrameFigure, f64)> {
    let least = picture.width().min(picture.height());
    let fitting = instruments.lpips.iter().filter(|(backbone, _)| least >= backbone.least_side());
    fitting
        .flat_map(|(backbone, lpips)| {
            let figures = match backbone {
                Backbone::Alex => [FrameFigure::LpipsAlex, FrameFigure::LpipsAlexRaw01],
                Backbone::Vgg => [FrameFigure::LpipsVgg, FrameFigure::LpipsVggRaw01],
            };
            figures.into_iter().zip([InputRange::Signed, InputRange::Raw01]).map(|(figure, range)| {
                let [picture, truth] = [picture, truth].map(|shown| lpips.network.features(shown, range));
                (figure, lpips.network.feature_distance(&picture, &truth).total())
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_means_over_frames() {
        let frame = |level: u8| Picture::filled(16, 16, [level; 3]);
        let found = frame_figures(&[frame(100), frame(120)], &[frame(100), frame(100)], None, &Instruments::default());
        // Equal: 100 dB; 20 levels off: MSE 400, 20 log10(255 / 20) = 22.11 dB.
        let expected = (100.0 + 20.0 * (255.0_f64 / 20.0).log10()) / 2.0;
        assert!((found[&FrameFigure::Psnr] - expected).abs() < 1e-9, "{found:?}");
        // 400 modulo 256 = 144.
        let wrapped = (100.0 + 10.0 * (255.0_f64 * 255.0 / 144.0).log10()) / 2.0;
        assert!((found[&FrameFigure::PsnrDiscoU8] - wrapped).abs() < 1e-9, "{found:?}");
        assert!((found[&FrameFigure::L1] - 10.0).abs() < 1e-9, "{found:?}");
        assert_eq!(found.len(), 6);
    }

    #[test]
    fn the_reference_does_not_count() {
        let frame = |level: u8| Picture::filled(16, 16, [level; 3]);
        let l1 = |made: &[Picture], reference| {
            let truth = vec![frame(100); made.len()];
            frame_figures(made, &truth, Some(reference), &Instruments::default())[&FrameFigure::L1]
        };
        assert_eq!([l1(&[frame(100), frame(120)], 0), l1(&[frame(100), frame(120)], 1)], [20.0, 0.0]);
        // One that lies behind the frames, and one that is all there is.
        assert_eq!([l1(&[frame(100), frame(120)], 5), l1(&[frame(120)], 0)], [10.0, 20.0]);
    }
}
