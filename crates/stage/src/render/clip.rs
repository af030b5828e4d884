//! Renders a described clip to pictures with ground truth.

use media::picture::{DepthMap, Picture};
use rayon::prelude::*;

use crate::assets::collection::Assets;
use crate::camera::Camera;
use crate::error::StageError;
use crate::light::LightTable;
use crate::render::average::{INSTANTS, add_noise, exposed, noise_field};
use crate::render::backdrop::Surroundings;
use crate::render::extras::MOST_EXTRAS;
use crate::render::frame::{Exposed, Rendered, Scratch};
use crate::render::part::{Part, Stander};
use crate::render::plate::Plate;
use crate::render::take::Take;
use crate::spec::{Backdrop, Build, ClipSpec, Exposure};

/// A rendered clip.
#[derive(Debug, Clone)]
pub struct Clip {
    /// The clip itself.
    pub take: Take,
    /// The scene without the person, the prop in use and their shadows, for each frame.
    pub plate: Vec<Picture>,
    /// Distance in the empty scene, in metres.
    pub plate_depth: Vec<DepthMap>,
    /// The same motion, camera and scene with another identity.
    pub swapped: Option<Take>,
}

/// Parts that can be left out to save time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passes {
    /// Render the identity-swapped clip, if the description has one.
    pub swapped: bool,
    /// Render reference pictures.
    pub references: bool,
}

impl Passes {
    /// Everything in the description.
    pub const ALL: Self = Self { swapped: true, references: true };
    /// Only the clip itself and its plate.
    pub const CLIP: Self = Self { swapped: false, references: false };
}

/// Renders everything in `spec`, to the same bytes for any number of threads.
///
/// # Errors
/// When the description names assets that are not loaded, or contains values that cannot be rendered.
pub fn render_clip(spec: &ClipSpec, assets: &Assets) -> Result<Clip, StageError> {
    render_parts(spec, assets, Passes::ALL)
}

/// Renders the chosen parts of `spec`.
///
/// # Errors
/// The errors of [`render_clip`].
pub fn render_parts(spec: &ClipSpec, assets: &Assets, wanted: Passes) -> Result<Clip, StageError> {
    check(spec)?;
    let size = (spec.width, spec.height);
    let surroundings = Surroundings::of(&spec.scene, assets)?;
    let light = LightTable::new(&spec.scene.light);
    let shadows = !matches!(spec.scene.backdrop, Backdrop::Plain { .. });
    let instants = instants(spec);
    let times: Vec<f32> = instants.iter().map(|instant| instant.time).collect();
    let person = Part::new(&spec.person, spec, assets, &times)?;
    let swapped = match &spec.swapped {
        Some(cast) if wanted.swapped => Some(Part::new(cast, spec, assets, &times)?),
        _ => None,
    };
    let stands = Stander::all(spec, assets, &times)?;

    // Instants are independent. Neighbours with one camera share the backdrop and, without bystanders, the furniture. A
    // video has another backdrop in every frame.
    let parts: Vec<&Part> = std::iter::once(&person).chain(&swapped).collect();
    let exposures: Vec<Vec<Exposed>> = runs_of_equal(&instants, matches!(surroundings, Surroundings::Film { .. }))
        .into_par_iter()
        .map(|(first, last)| {
            let Instant { camera, frame, .. } = &instants[first];
            let backdrop = Plate::new(camera, size, &surroundings, &light).showing(surroundings.picture(*frame, size));
            let extras = |index: usize| stands.iter().map(|stand| stand.extra(index)).collect::<Vec<_>>();
            let shared = match spec.bystanders.is_empty() {
                true => Ok(backdrop.furnished(&extras(first), &light, shadows)),
                false => Err(backdrop),
            };
            (first..last)
                .into_par_iter()
                .map_init(Scratch::default, |scratch, index| {
                    let own;
                    let plate = match &shared {
                        Ok(plate) => plate,
                        Err(backdrop) => {
                            own = backdrop.clone().furnished(&extras(index), &light, shadows);
                            &own
                        }
                    };
                    let time = instants[index].time;
                    let parts = parts
                        .iter()
                        .map(|part| part.frame(index, time, spec, plate, &light, shadows, scratch))
                        .collect();
                    Exposed { plate: plate.picture.clone(), plate_depth: plate.depth.clone(), parts }
                })
                .collect()
        })
        .collect();

    let mut takes: Vec<Take> =
        parts.iter().map(|part| part.empty_take(spec, instants.len() / spec.cameras.len())).collect();
    let (mut plates, mut plate_depth) = (Vec::new(), Vec::new());
    let mut all = exposures.into_iter().flatten();
    let each = instants.len() / spec.cameras.len();
    for frame in 0..spec.cameras.len() {
        let mut exposed = exposed(all.by_ref().take(each).collect());
        if spec.exposure.noise > 0.0 {
            let field = noise_field(spec.seed, frame, spec.width * spec.height);
            let pictures = exposed.parts.iter_mut().map(|part| &mut part.picture);
            pictures
                .chain(std::iter::once(&mut exposed.plate))
                .for_each(|picture| add_noise(picture, &field, spec.exposure.noise));
        }
        plates.push(exposed.plate);
        plate_depth.push(exposed.plate_depth);
        for (take, rendered) in takes.iter_mut().zip(exposed.parts) {
            take.frames.push(rendered.picture);
            take.person.push(rendered.person);
            take.person_whole.push(rendered.whole);
            take.object.push(rendered.object);
            take.scenery.iter_mut().zip(rendered.scenery).for_each(|(list, mask)| list.push(mask));
            take.depth.push(rendered.depth);
            take.poses.push(rendered.pose);
        }
    }
    if wanted.references {
        for ((take, part), list) in takes.iter_mut().zip(&parts).zip([&spec.references, &spec.swapped_references]) {
            let pictures: Result<Vec<Rendered>, StageError> =
                list.par_iter().map(|reference| part.reference(reference, size, assets)).collect();
            for rendered in pictures? {
                take.references.push(rendered.picture);
                take.reference_masks.push(rendered.person);
                take.reference_poses.push(rendered.pose);
            }
        }
    }
    let mut takes = takes.into_iter();
    let Some(take) = takes.next() else {
        return Err(StageError::BadSpec { what: "person", found: "none".into(), expected: "one person" });
    };
    Ok(Clip { take, plate: plates, plate_depth, swapped: takes.next() })
}

/// Returns an error for descriptions that cannot be rendered.
fn check(spec: &ClipSpec) -> Result<(), StageError> {
    let bad = |what, found: String, expected| Err(StageError::BadSpec { what, found, expected });
    let side = spec.width.max(spec.height);
    if spec.width.min(spec.height) < 8 || side > 4096 {
        return bad("size", format!("{}x{}", spec.width, spec.height), "sides of 8 to 4096 pixels");
    }
    if spec.cameras.is_empty() || spec.cameras.len() > 10_000 {
        return bad("number of cameras", spec.cameras.len().to_string(), "1 to 10000");
    }
    if spec.rate.denominator == 0 || spec.rate.numerator == 0 {
        return bad("rate", format!("{}/{}", spec.rate.numerator, spec.rate.denominator), "a positive fraction");
    }
    let everyone =
        || std::iter::once(&spec.person).chain(&spec.swapped).chain(spec.bystanders.iter().map(|by| &by.cast));
    if let Some(scale) = everyone().map(|cast| cast.scale).find(|scale| !(0.1..=10.0).contains(scale)) {
        return bad("scale", scale.to_string(), "0.1 to 10");
    }
    for Build { legs, arms, trunk, shoulders, head, girth } in everyone().map(|cast| cast.build) {
        if [legs, arms, trunk, shoulders, head, girth].iter().any(|factor| !(0.25..=4.0).contains(factor)) {
            return bad("build", "out of range".into(), "factors of 0.25 to 4");
        }
    }
    if spec.furniture.len() + spec.bystanders.len() > MOST_EXTRAS {
        let found = (spec.furniture.len() + spec.bystanders.len()).to_string();
        return bad("number of pieces of furniture and bystanders", found, "at most 24");
    }
    let sizes = spec.furniture.iter().map(|piece| piece.size).chain(spec.prop.iter().map(|used| used.size));
    if let Some(size) = sizes.into_iter().find(|size| !(0.001..=100.0).contains(size)) {
        return bad("size of a prop", size.to_string(), "0.001 to 100 m");
    }
    let Exposure { shutter, noise } = spec.exposure;
    if !(0.0..=1.0).contains(&shutter) || !(0.0..=100.0).contains(&noise) {
        return bad("exposure", format!("{:?}", spec.exposure), "a shutter from 0 to 1 and noise from 0 to 100");
    }
    for camera in spec.cameras.iter().chain(spec.references.iter().map(|reference| &reference.camera)) {
        let finite = camera.eye.is_finite() && camera.target.is_finite() && camera.roll.is_finite();
        if !finite || !(0.01..3.0).contains(&camera.field) || (camera.eye - camera.target).length() < 1e-4 {
            return bad("camera", format!("{camera:?}"), "finite positions and a field of view of 0.01 to 3 radians");
        }
    }
    Ok(())
}

/// The time and camera of one picture, or of a part of a blurred one.
#[derive(Debug, Clone, Copy)]
struct Instant {
    /// Seconds after the first frame.
    time: f32,
    camera: Camera,
    frame: usize,
}

/// The instants of every frame, in order; the same number for each.
fn instants(spec: &ClipSpec) -> Vec<Instant> {
    let seconds = 1.0 / spec.rate.hertz() as f32;
    let each = if spec.exposure.shutter > 0.0 { INSTANTS } else { 1 };
    let last = spec.cameras.len() - 1;
    let mut instants = Vec::with_capacity(spec.cameras.len() * each);
    for (frame, camera) in spec.cameras.iter().enumerate() {
        for part in 0..each {
            let offset = spec.exposure.shutter * ((part as f32 + 0.5) / each as f32 - 0.5);
            let other = if offset < 0.0 { frame.saturating_sub(1) } else { (frame + 1).min(last) };
            let camera = if each == 1 { *camera } else { camera.towards(&spec.cameras[other], offset.abs()) };
            instants.push(Instant { time: (frame as f32 + offset) * seconds, camera, frame });
        }
    }
    instants
}

/// The start and end of each run of equal cameras. If the backdrop is `filmed`, frames must be equal too.
fn runs_of_equal(instants: &[Instant], filmed: bool) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut first = 0;
    for index in 1..=instants.len() {
        let differs = |other: &Instant| {
            other.camera != instants[first].camera || (filmed && other.frame != instants[first].frame)
        };
        if instants.get(index).is_none_or(differs) {
            runs.push((first, index));
            first = index;
        }
    }
    runs
}
