//! Implements a row of the crate `evaluate` with the program's own networks.

mod finished;

use std::ops::ControlFlow;

use evaluate::{Case, Made, OutsideRow, Reference};
use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use model::conditioning::pixels;
use model::sampling::clip_plan::{Clip, plan_clips};
use model::sampling::sampler::{SamplingSettings, decode_frames, generate_clip, starting_noise};
use perception::composite::{CompositeConfig, composite};
use perception::conditions::{Conditions, CropSignals, FrameSignals, inference_conditions};
use perception::reference::{ReferenceFit, inference_reference};
use perception::region::{Region, crop_picture};
use perception::region_path::{RegionConfig, person_box, plan_regions};

pub use finished::finished_row;

use crate::error::Error;
use crate::networks::LoadedNetworks;
use crate::pipeline;
use crate::settings::{MaskShape, Settings};
use crate::tensors;

/// Increase this when the row makes other pictures from the same weights.
const VERSION: u32 = 1;

/// Rows of the bundled networks, one with the default mask, and one for each of the three masks of the paper's figure
/// 7.
pub const BUNDLED_ROWS: [(&str, MaskShape); 4] = [
    ("bundled", MaskShape::ShapeAgnostic),
    ("bundled-precise", MaskShape::Precise),
    ("bundled-box", MaskShape::Box),
    ("bundled-shape-agnostic", MaskShape::ShapeAgnostic),
];

/// A row of the bundled networks: the result of `replace --set draft=false` with a mask, from the signals of the case.
///
/// # Errors
/// The errors of [`LoadedNetworks::load`].
pub fn bundled_row(name: &str, mask: MaskShape) -> Result<OutsideRow, Error> {
    let settings = Settings { mask, ..Settings::default() };
    let maker = Maker { loaded: LoadedNetworks::load(&settings, None)?, settings };
    Ok(OutsideRow { name: name.into(), version: VERSION, make: Box::new(move |case| maker.make(case)) })
}

/// One hash of the bundled networks' weights.
pub fn bundled_hash() -> String {
    crate::bundled::hash()
}

struct Maker {
    loaded: LoadedNetworks,
    settings: Settings,
}

impl Maker {
    fn make(&self, case: &Case) -> Made {
        let size = self.loaded.size();
        let (width, height) = case.size();
        let frame = (width as u32, height as u32);
        let boxes: Vec<Option<Rect<Frame>>> = case
            .persons
            .iter()
            .zip(&case.poses)
            .map(|(person, pose)| person_box(Some(person), pose.as_ref(), frame))
            .collect();
        let regions = plan_regions(&boxes, frame, &RegionConfig::default());
        let signals: Vec<CropSignals> = regions
            .iter()
            .enumerate()
            .map(|(index, region)| {
                let signals = FrameSignals {
                    picture: &case.frames[index],
                    person: &case.persons[index],
                    pose: case.poses[index].as_ref(),
                    depth: None,
                    objects: case.objects.get(index).map(std::slice::from_ref).unwrap_or_default(),
                };
                signals.crop(*region, size)
            })
            .collect();
        let reference = tensors::reference_state(&self.loaded.networks, &reference_picture(&case.references[0], size));
        let mut finished: Vec<Finished> = Vec::new();
        for clip in plan_clips(case.frames.len(), self.loaded.config().clip_frames) {
            let signals: Vec<CropSignals> = clip.frames.iter().map(|frame| signals[*frame].clone()).collect();
            let conditions = inference_conditions(&signals, None, &pipeline::conditions(&self.settings));
            let before = clip.temporal_reference().map(|frame| finished[frame].over(&signals[0].picture));
            let pictures = self.generate(&clip, &conditions, &reference, before)?;
            let removed = conditions[clip.keep.clone()].iter().map(|conditions| conditions.mask.clone());
            finished.extend(pictures.into_iter().zip(removed).map(|(picture, removed)| Finished { picture, removed }));
        }
        let frames = case.frames.iter().zip(&finished).zip(regions);
        Ok(frames.map(|((frame, finished), region)| finished.composited(frame, region)).collect())
    }

    /// The new pictures of a clip.
    fn generate(
        &self,
        clip: &Clip,
        conditions: &[Conditions],
        reference: &model::networks::ReferenceState<crate::networks::Cpu>,
        before: Option<Picture>,
    ) -> Result<Vec<Picture>, Box<dyn std::error::Error>> {
        let (networks, settings) = (&self.loaded.networks, &self.settings);
        let mut conditions = tensors::clip_conditions(networks, conditions);
        if let Some(before) = before.filter(|_| conditions.environment.is_some()) {
            conditions = conditions.with_temporal_reference(tensors::encoded(networks, &before));
        }
        let sampling = SamplingSettings {
            steps: settings.steps,
            guidance: settings.guidance as f32,
            schedule: networks.config().schedule.clone(),
            windows: None,
        };
        let shape = networks.latent_shape(&conditions);
        let noise = starting_noise(networks, settings.seed, clip.index, shape, &Default::default());
        let latents =
            generate_clip(networks, &conditions, reference, &sampling, noise, |_, _| ControlFlow::Continue(()))?;
        let side = networks.config().size;
        let mut pictures = Vec::new();
        decode_frames(networks, &latents, clip.keep.clone(), |_, picture| {
            pictures.extend(pixels::rgb_from_pictures(picture).iter().map(|rgb| Picture::from_bytes(side, side, rgb)));
            ControlFlow::Continue(())
        })?;
        Ok(pictures)
    }
}

/// A generated crop, and which part of it is new.
struct Finished {
    picture: Picture,
    removed: Mask,
}

impl Finished {
    /// The generated picture inside the hole, and `outside` around it.
    fn over(&self, outside: &Picture) -> Picture {
        Picture::from_fn(outside.width(), outside.height(), |x, y| {
            if self.removed.get(x, y) > 0 { self.picture.get(x, y) } else { outside.get(x, y) }
        })
    }

    fn composited(&self, frame: &Picture, region: Region) -> Picture {
        composite(frame, &self.picture, region, &self.removed, &CompositeConfig::default()).picture
    }
}

/// The character's picture in the form that the reference network needs.
fn reference_picture(reference: &Reference, size: u32) -> Picture {
    let picture = &reference.picture;
    let frame = (picture.width() as u32, picture.height() as u32);
    match person_box(Some(&reference.mask), reference.pose.as_ref(), frame) {
        Some(area) => {
            crop_picture(picture, plan_regions(&[Some(area)], frame, &RegionConfig::default())[0].square, size)
        }
        None => inference_reference(picture, size, ReferenceFit::default()),
    }
}
