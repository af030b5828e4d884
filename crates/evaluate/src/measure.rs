//! Computes all metrics of one row on one trial.
//!
//! Pictures are compared at 128 x 128 pixels in a square around both persons. The square is fixed for the clip. Every
//! eighth frame is compared, because neighbouring frames are nearly equal; flicker is measured over all frames. If the
//! first frame is the reference itself, the comparison starts a few frames later.

use std::collections::BTreeMap;

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use perception::agreement::Mean;
use perception::region::{crop_mask, crop_picture, crop_pose};
use perception::region_path::{RegionConfig, fixed_region, person_box};

use crate::case::Trial;
use crate::limb::{Limb, limb_weights};
use crate::metric::flicker::flicker;
use crate::metric::lab::{LabPicture, colour_difference, lab_picture};
use crate::metric::psnr::psnr;
use crate::metric::ssim::ssim;
use crate::metric::vgg::{VggFeatures, VggNetwork};
use crate::metric::{Weights, weights_from_mask};
use crate::metric_name::{Area, Metric};

/// Side of the compared square in pixels.
pub const SIDE: u32 = 128;
/// Every n-th frame is compared.
const EVERY: usize = 8;
/// Smaller areas, in pixels, are not measured: their values depend more on the mask than on the row.
const LEAST_PIXELS: usize = 12;
/// Increase this whenever a metric changes its meaning.
pub(crate) const VERSION: u32 = 2;

/// The metrics of one row of one trial. A metric that cannot be measured (no object, a hidden limb) is absent.
pub type Measures = BTreeMap<Metric, f64>;

/// A trial prepared for the comparison: the ground truth is cropped once for all rows.
#[derive(Debug)]
pub struct Yardstick<'a> {
    square: Rect<Frame>,
    frames: Vec<Picture>,
    persons: Vec<Mask>,
    compared: Vec<ComparedFrame>,
    first: usize,
    network: Option<&'a VggNetwork>,
}

#[derive(Debug)]
struct ComparedFrame {
    index: usize,
    lab: LabPicture,
    features: Option<VggFeatures>,
    areas: Vec<(Area, Weights)>,
    limbs: Vec<(Limb, Weights)>,
}

impl<'a> Yardstick<'a> {
    /// Crops the ground truth. Without the network, there are no VGG-HED distances.
    pub fn new(trial: &Trial, network: Option<&'a VggNetwork>) -> Self {
        Self::starting_at(0, trial, network)
    }

    /// The same for a clip that may begin with its own reference: half a step later, or at the last frame of a shorter one.
    pub(crate) fn behind_the_reference(trial: &Trial, network: Option<&'a VggNetwork>) -> Self {
        Self::starting_at((EVERY / 2).min(trial.truth.frames.len() - 1), trial, network)
    }

    fn starting_at(first: usize, trial: &Trial, network: Option<&'a VggNetwork>) -> Self {
        let square = square(trial);
        let frames: Vec<Picture> = trial.truth.frames.iter().map(|frame| crop_picture(frame, square, SIDE)).collect();
        let persons: Vec<Mask> = trial.truth.persons.iter().map(|person| crop_mask(person, square, SIDE)).collect();
        let compared = (first..frames.len())
            .step_by(EVERY)
            .map(|index| ComparedFrame::new(index, trial, square, &frames[index], &persons[index], network))
            .collect();
        Self { square, frames, persons, compared, first, network }
    }

    /// The first frame that is compared.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// Crops a picture of the trial's size for the comparison.
    pub fn cut(&self, picture: &Picture) -> Picture {
        crop_picture(picture, self.square, SIDE)
    }

    /// Measures the output of a row.
    ///
    /// # Panics
    /// When the number of frames differs.
    pub fn measure(&self, pictures: &[Picture]) -> Measures {
        assert_eq!(pictures.len(), self.frames.len(), "measure: pictures made and true frames");
        let pictures: Vec<Picture> = pictures.iter().map(|picture| self.cut(picture)).collect();
        let mut means: BTreeMap<Metric, Mean> = BTreeMap::new();
        for compared in &self.compared {
            let (picture, truth) = (&pictures[compared.index], &self.frames[compared.index]);
            compared.measure(picture, truth, self.network, &mut |metric, value| {
                if let Some(value) = value {
                    means.entry(metric).or_default().add(value);
                }
            });
        }
        let mut measures: Measures =
            means.into_iter().filter_map(|(metric, mean)| Some((metric, mean.value()?))).collect();
        let flicker = flicker(&pictures, &self.frames, &self.persons);
        measures.extend(flicker.background.map(|value| (Metric::BackgroundFlicker, value)));
        measures.extend(flicker.person_excess.map(|value| (Metric::PersonFlickerExcess, value)));
        measures
    }
}

impl ComparedFrame {
    fn new(
        index: usize,
        trial: &Trial,
        square: Rect<Frame>,
        frame: &Picture,
        person: &Mask,
        network: Option<&VggNetwork>,
    ) -> Self {
        let cut = |mask: &Mask| weights_from_mask(&crop_mask(mask, square, SIDE));
        let person_weights = weights_from_mask(person);
        let hole = cut(&trial.truth.holes[index]);
        let region = Weights::from_fn(hole.width(), hole.height(), |x, y| hole.get(x, y).max(person_weights.get(x, y)));
        let limbs = match &trial.truth.poses[index] {
            Some(pose) => Vec::from(limb_weights(&crop_pose(pose, square, SIDE), person)),
            None => Vec::new(),
        };
        let limbs: Vec<(Limb, Weights)> =
            Limb::ALL.into_iter().zip(limbs).filter(|(_, weights)| is_large(weights)).collect();
        let head = limbs.iter().find(|(limb, _)| *limb == Limb::Head).map(|(_, weights)| weights.clone());
        let object = trial.truth.objects.get(index).map(cut);
        let areas = [
            (Area::Region, Some(region)),
            (Area::Person, Some(person_weights)),
            (Area::Head, head),
            (Area::Object, object),
        ];
        let areas = areas.into_iter().filter_map(|(area, weights)| Some((area, weights.filter(is_large)?))).collect();
        let features = network.map(|network| network.features(frame));
        Self { index, lab: lab_picture(frame), features, areas, limbs }
    }

    fn measure(
        &self,
        picture: &Picture,
        truth: &Picture,
        network: Option<&VggNetwork>,
        note: &mut dyn FnMut(Metric, Option<f64>),
    ) {
        let lab = lab_picture(picture);
        let difference = match (network, &self.features) {
            (Some(network), Some(features)) => Some(network.features(picture).difference(features)),
            _ => None,
        };
        for (area, weights) in &self.areas {
            note(Metric::Psnr(*area), psnr(picture, truth, weights));
            note(Metric::Ssim(*area), ssim(picture, truth, weights));
            note(Metric::VggHed(*area), difference.as_ref().and_then(|difference| difference.distance(weights)));
            let colour = colour_difference(&lab, &self.lab, weights);
            note(Metric::Lab(*area), colour.map(|colour| colour.pixels));
            note(Metric::MeanColour(*area), colour.map(|colour| colour.mean_colour));
        }
        for (limb, weights) in &self.limbs {
            let colour = colour_difference(&lab, &self.lab, weights);
            note(Metric::LimbLab(*limb), colour.map(|colour| colour.pixels));
            note(Metric::LimbMeanColour(*limb), colour.map(|colour| colour.mean_colour));
        }
    }
}

fn is_large(weights: &Weights) -> bool {
    weights.cells().iter().filter(|weight| **weight > 0.0).count() >= LEAST_PIXELS
}

/// The square around both persons in all frames. It does not depend on the rows' input.
fn square(trial: &Trial) -> Rect<Frame> {
    let (width, height) = trial.case.size();
    let size = (width as u32, height as u32);
    let masks = trial.truth.holes.iter().chain(&trial.truth.persons);
    let boxes: Vec<Option<Rect<Frame>>> = masks.map(|mask| person_box(Some(mask), None, size)).collect();
    fixed_region(&boxes, size, &RegionConfig::default()).square
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Case, DrivingClip, Reference, Truth};

    /// Two still frames of 128 pixels: a dark old person on the left, a light new one on the right, no poses.
    fn trial() -> Trial {
        let mask = |from: usize| {
            let covered = move |x: usize, y: usize| (from..from + 20).contains(&x) && (10..118).contains(&y);
            Mask::from_fn(128, 128, |x, y| if covered(x, y) { 255 } else { 0 })
        };
        let shown = |mask: &Mask, level: u8| {
            Picture::from_fn(128, 128, |x, y| [if mask.get(x, y) > 0 { level } else { 100 }; 3])
        };
        let (old, new) = (mask(30), mask(70));
        let driving = DrivingClip {
            frames: vec![shown(&old, 0); 2],
            persons: vec![old; 2],
            poses: vec![None; 2],
            objects: vec![],
        };
        let reference = Reference { picture: shown(&new, 200), mask: new.clone(), pose: None };
        let case = Case::new("test".into(), driving, vec![reference]);
        let truth = Truth {
            frames: vec![shown(&new, 200); 2],
            persons: vec![new; 2],
            poses: vec![None; 2],
            objects: vec![],
            holes: case.holes.clone(),
        };
        Trial::new(case, truth)
    }

    #[test]
    fn a_row_is_measured_where_it_says() {
        let trial = trial();
        let yardstick = Yardstick::new(&trial, None);
        let source = yardstick.measure(&trial.case.frames);
        let truth = yardstick.measure(&trial.truth.frames);
        // The person is off by 100 levels everywhere.
        let expected = 20.0 * (255.0_f64 / 100.0).log10();
        assert!((source[&Metric::Psnr(Area::Person)] - expected).abs() < 0.05, "{source:?}");
        assert!((source[&Metric::Psnr(Area::Region)] - expected).abs() < 1.0, "{source:?}");
        assert_eq!(source.get(&Metric::Psnr(Area::Object)), None);
        assert_eq!(source.get(&Metric::VggHed(Area::Person)), None);
        assert_eq!(truth[&Metric::Psnr(Area::Region)], 100.0);
        assert_eq!([truth[&Metric::Lab(Area::Person)], truth[&Metric::BackgroundFlicker]], [0.0, 0.0]);
    }

    #[test]
    fn a_clip_that_begins_with_its_reference_is_compared_behind_it() {
        let trial = trial();
        let mut pictures = trial.truth.frames.clone();
        pictures[1] = Picture::filled(128, 128, [0; 3]);
        let psnr = |yardstick: &Yardstick<'_>| yardstick.measure(&pictures)[&Metric::Psnr(Area::Person)];
        assert_eq!(psnr(&Yardstick::new(&trial, None)), 100.0);
        let behind = Yardstick::behind_the_reference(&trial, None);
        assert!(behind.first() == 1 && psnr(&behind) < 10.0);
    }
}
