//! Makes training samples for the finisher with exact supervision across identities. A driver acts in a rendered clip,
//! the draft puts a character into the clip, and the same clip rendered with that character is the ground truth. A clip
//! and its identity-swapped clip give one sample in each direction.

use draft::body::retarget::{Factors, PROPORTIONS, retarget};
use draft::clip::{DraftClip, drafts};
use draft::drafter::{Draft, DraftConfig};
use draft::hole::hole;
use draft::plate::{PlateConfig, PlateFrame, plates};
use draft::puppet::Puppet;
use draft::puppet::cutout::Cutout;
use finish::planes::{DraftedFrame, character_planes, known_planes};
use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use model::finisher::CHANNELS;
use perception::pose::Pose;
use perception::region::{Region, crop_mask, crop_picture};
use perception::region_path::{RegionConfig, fixed_region, person_box};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use stage::{Assets, ClipSettings, ClipSpec, Passes, Split, Take, render_parts, seed_of};

use super::noise;
use crate::error::Result;

/// Number of planes of a frame: the network's input, the colours of the ground truth, and the coverage by the
/// ground-truth person.
pub const FRAME_PLANES: usize = CHANNELS.count + 4;

/// Settings of samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleConfig {
    /// Side of a rendered frame in pixels.
    pub side: usize,
    /// Side of a sample in pixels.
    pub size: u32,
    /// Number of frames in a sample.
    pub frames: usize,
    /// Share of samples with the character's true pose. The others use the driver's pose, retargeted.
    pub exact_pose_share: f64,
    /// Share of the retargeted samples in which the character's height is unknown.
    pub unknown_size_share: f64,
    /// Share of samples with the renderer's empty scene as the plate. The others use the plate maker.
    pub exact_plate_share: f64,
    /// Share of samples with disturbed poses and masks.
    pub noise_share: f64,
    /// Smallest and largest margin around the person, as a share of its longer side.
    pub margins: [f32; 2],
}

impl Default for SampleConfig {
    fn default() -> Self {
        Self {
            side: 320,
            size: 256,
            frames: 4,
            exact_pose_share: 0.7,
            unknown_size_share: 0.1,
            exact_plate_share: 0.5,
            noise_share: 0.5,
            margins: [0.05, 0.18],
        }
    }
}

/// One excerpt: planes of bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// [`FRAME_PLANES`] planes per frame, one frame after another.
    pub frames: Vec<u8>,
    /// [`finish::planes::CHARACTER_PLANES`] planes of one picture.
    pub character: Vec<u8>,
}

/// The samples of clip `index` of a split: none if the person is not in view.
///
/// # Errors
/// The errors of rendering.
pub fn samples(index: u64, split: Split, assets: &Assets, config: &SampleConfig) -> Result<Vec<Sample>> {
    let settings = ClipSettings {
        width: config.side,
        height: config.side,
        frames: config.frames,
        split: Some(split),
        swapped: true,
        references: 2,
        blur_share: 0.03,
        ..ClipSettings::default()
    };
    let spec = ClipSpec::draw(seed_of("finishing", index), assets, &settings)?;
    let clip = render_parts(&spec, assets, Passes::ALL)?;
    let Some(swapped) = &clip.swapped else { return Ok(vec![]) };
    let mut random = ChaCha8Rng::seed_from_u64(index);
    let has_object = spec.prop.is_some();
    let ways = [(&clip.take, swapped), (swapped, &clip.take)];
    let samples = ways.map(|(driver, shown)| sample(driver, shown, &clip.plate, has_object, config, &mut random));
    Ok(samples.into_iter().flatten().collect())
}

fn sample(
    driver: &Take,
    shown: &Take,
    empty: &[Picture],
    has_object: bool,
    config: &SampleConfig,
    random: &mut ChaCha8Rng,
) -> Option<Sample> {
    let size = driver.frames.first()?.size();
    let is_noisy = random.random_bool(config.noise_share);
    // 1. Signals, exact or disturbed.
    let (mut persons, mut driving) = (driver.person.clone(), driver.poses.clone());
    if is_noisy {
        noise::disturb_masks(&mut persons, random);
        noise::disturb_poses(&mut driving, 1.0, random);
    }
    let objects: &[Mask] = if has_object { &driver.object } else { &[] };
    let driving: Vec<Option<Pose>> = driving.into_iter().map(Some).collect();
    let holes: Vec<Mask> = persons
        .iter()
        .enumerate()
        .map(|(index, person)| hole(person, objects.get(index).map_or(&[], std::slice::from_ref)))
        .collect();
    let plates = match random.random_bool(config.exact_plate_share) {
        true => exact_plates(&driver.frames, empty, &holes),
        false => plates(&driver.frames, &holes, &PlateConfig::default()),
    };
    // 2. The character and its poses.
    let choice = random.random_range(0..shown.references.len());
    let (picture, mask) = (&shown.references[choice], &shown.reference_masks[choice]);
    let mut reference_pose = vec![shown.reference_poses[choice].clone()];
    if is_noisy {
        noise::disturb_poses(&mut reference_pose, 1.0, random);
    }
    let puppet = Puppet::new(Cutout::new(picture, mask, reference_pose.first())?);
    let is_exact = random.random_bool(config.exact_pose_share);
    let is_sized = is_exact || !random.random_bool(config.unknown_size_share);
    let (proportions, taller) = if is_sized { (1.0, shown.height / driver.height) } else { (PROPORTIONS, 1.0) };
    let poses: Vec<Option<Pose>> = if is_exact {
        let mut poses = shown.poses.clone();
        if is_noisy {
            // The truth does not follow these deviations. So they must stay small, or no sharp output could be right.
            noise::disturb_poses(&mut poses, 0.3, random);
        }
        poses.into_iter().map(Some).collect()
    } else if puppet.is_jointed() {
        let factors = Factors::between(&puppet, &driving, size, proportions, taller);
        retarget(&driving, &factors, &vec![[false; 2]; driving.len()], size)
    } else {
        driving.clone()
    };
    // 3. Drafts.
    let clip = DraftClip {
        frames: &driver.frames,
        plates: &plates,
        holes: &holes,
        persons: &persons,
        driving_poses: &driving,
        poses: &poses,
        objects,
    };
    let drafts = drafts(&clip, vec![puppet], DraftConfig { height: taller, ..DraftConfig::default() });
    // 4. One window for all frames.
    let region = window(&drafts, &poses, size, config, random)?;
    let truth = (&shown.frames[..], &shown.person[..]);
    let frames = frame_planes(&drafts, &holes, &poses, truth, region, config.size);
    let character = character_planes(picture, mask, reference_pose.first(), config.size);
    Some(Sample { frames, character })
}

/// One window for all frames; none where nothing is drafted.
pub(super) fn window(
    drafts: &[Draft],
    poses: &[Option<Pose>],
    size: (usize, usize),
    config: &SampleConfig,
    random: &mut ChaCha8Rng,
) -> Option<Region> {
    let frame_size = (size.0 as u32, size.1 as u32);
    let boxes: Vec<Option<Rect<Frame>>> = (0..drafts.len())
        .map(|index| person_box(Some(&drafts[index].edited), poses[index].as_ref(), frame_size))
        .collect();
    boxes.iter().flatten().next()?;
    let margin = random.random_range(config.margins[0]..=config.margins[1]);
    Some(fixed_region(&boxes, frame_size, &RegionConfig { margin, ..RegionConfig::default() }))
}

/// The planes of all frames. `truth` has the true frames and the true person's coverage.
pub(super) fn frame_planes(
    drafts: &[Draft],
    holes: &[Mask],
    poses: &[Option<Pose>],
    truth: (&[Picture], &[Mask]),
    region: Region,
    size: u32,
) -> Vec<u8> {
    let drafted: Vec<DraftedFrame<'_>> = (0..drafts.len())
        .map(|index| DraftedFrame { draft: &drafts[index], hole: &holes[index], pose: poses[index].as_ref() })
        .collect();
    let known = known_planes(&drafted, &vec![region; drafts.len()], size);
    let mut planes = Vec::with_capacity(drafts.len() * FRAME_PLANES * (size * size) as usize);
    for (index, known) in known.into_iter().enumerate() {
        planes.extend(known);
        let colours = crop_picture(&truth.0[index], region.square, size);
        (0..3).for_each(|channel| planes.extend(colours.cells().iter().map(|pixel| pixel[channel])));
        planes.extend_from_slice(crop_mask(&truth.1[index], region.square, size).cells());
    }
    planes
}

/// The source, with the empty scene in its holes.
fn exact_plates(frames: &[Picture], empty: &[Picture], holes: &[Mask]) -> Vec<PlateFrame> {
    let plate = |((frame, empty), hole): ((&Picture, &Picture), &Mask)| {
        let (width, height) = frame.size();
        let pixel = |x, y| if hole.get(x, y) > 0 { empty.get(x, y) } else { frame.get(x, y) };
        PlateFrame { picture: Picture::from_fn(width, height, pixel), seen: Mask::filled(width, height, 255) }
    };
    frames.iter().zip(empty).zip(holes).map(plate).collect()
}
