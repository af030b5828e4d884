//! Implements step 2 with networks: turns conditions into pictures, clip by clip. A finished clip is never generated
//! again.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use media::image_file::{load_picture, save_depth, save_mask, save_picture};
use media::picture::{Mask, Picture};
use model::conditioning::pixels;
use model::networks::{Networks, ReferenceState};
use model::preset::EnvironmentUse;
use model::sampling::clip_plan::Clip;
use model::sampling::sampler::{SamplingSettings, decode_frames, generate_clip, starting_noise};
use model::sampling::windows::ContextConfig;
use model::weights::{StoredPrecision, to_bytes};
use perception::conditions::{Conditions, CropSignals, inference_conditions};
use perception::maps::skeleton::draw_skeleton;
use perception::maps::structured_depth::{DepthSpan, SkeletonNearness};
use perception::region::{crop_depth, crop_picture, crop_pose};

use super::plates::Plates;
use super::work::Work;
use crate::error::{Error, io};
use crate::events::Step;
use crate::networks::{Cpu, LoadedNetworks};
use crate::run_folder::RunFolder;
use crate::tensors;

/// A frame of the current clip.
struct Held {
    frame: usize,
    signals: CropSignals,
    /// The scene without the person, for networks that see it.
    plate: Option<Picture>,
}

/// Makes every missing clip.
pub(super) fn generate(work: &Work<'_>, loaded: &LoadedNetworks) -> Result<(), Error> {
    let Work { run, source, scene, timeline, plan, events, job, composition } = work;
    let steps = job.settings.steps;
    let total = (plan.len() * steps) as u64;
    let size = loaded.size();
    let maker = ClipMaker {
        work,
        networks: &loaded.networks,
        windows: loaded.windows(),
        reference: tensors::reference_state(&loaded.networks, &scene.reference(*composition, size)),
    };
    let span = depth_span(work, size)?;
    let sees_plate = loaded.config().environment == EnvironmentUse::CleanPlate;
    let mut plates = sees_plate.then(|| Plates::new(work)).transpose()?;
    let mut held: VecDeque<Held> = VecDeque::new();
    let mut frames = source.frames()?;
    let mut next_frame = 0;
    for clip in *plan {
        events.check_cancelled()?;
        events.progress(Step::Generate, (clip.index * steps) as u64, total);
        // 1. The frames of this clip, from the stream. The frame of the temporal reference is still held.
        let first = clip.frames.first().copied().unwrap_or_default();
        held.retain(|held| held.frame >= first);
        while next_frame < clip.new_frames().end {
            let frame = frames.next().ok_or_else(|| source.changed(next_frame))??;
            let view = scene.frame(&frame.picture, next_frame, timeline)?;
            let region = timeline.region(next_frame);
            let signals = view.signals().crop(region, size);
            let plate = match &mut plates {
                Some(plates) => Some(crop_picture(&plates.next(next_frame, &view)?.plate.picture, region.square, size)),
                None => None,
            };
            held.push_back(Held { frame: next_frame, signals, plate });
            next_frame += 1;
        }
        let folder = run.clip(clip.index);
        if run.is_done(&folder) {
            continue;
        }
        // 2. Conditions. A clip without a person needs no pictures: its frames pass through.
        let signals: Vec<CropSignals> = clip.frames.iter().map(|&frame| at(&held, frame).signals.clone()).collect();
        let mut conditions = inference_conditions(&signals, span, &scene.conditions);
        for (conditions, &frame) in conditions.iter_mut().zip(&clip.frames) {
            if let Some(plate) = &at(&held, frame).plate {
                conditions.environment = plate.clone();
            }
        }
        run.begin(&folder)?;
        if conditions.iter().any(|conditions| conditions.mask.cells().contains(&255)) {
            let finished = finished_before(work, clip, &signals[0], &conditions[0])?;
            save_conditions(run, clip, &conditions)?;
            maker.make(clip, &conditions, finished)?;
        }
        run.finish(&folder)?;
    }
    events.progress(Step::Generate, total, total);
    Ok(())
}

/// The farthest and the nearest skeleton pixel of the whole video, so that depth does not jump between clips.
fn depth_span(work: &Work<'_>, size: u32) -> Result<Option<DepthSpan>, Error> {
    let style = &work.scene.conditions.skeleton;
    let side = size as usize;
    let mut whole: Option<DepthSpan> = None;
    for index in 0..work.timeline.len() {
        let Some(pose) = work.timeline.pose(index) else { continue };
        let square = work.timeline.region(index).square;
        let pose = crop_pose(pose, square, size);
        let depth = if work.scene.is_canvas() { None } else { work.timeline.load_depth(index)? };
        let nearness = match depth {
            Some(map) => {
                SkeletonNearness::from_map(&crop_depth(&map, square, size), &draw_skeleton(&pose, side, side, style))
            }
            None => SkeletonNearness::from_joints(&pose, side, side, style),
        };
        let frame = DepthSpan::of([&nearness]);
        whole = whole.into_iter().chain(frame).reduce(DepthSpan::union);
    }
    Ok(whole)
}

fn at(held: &VecDeque<Held>, frame: usize) -> &Held {
    let found = held.iter().find(|held| held.frame == frame);
    found.unwrap_or_else(|| unreachable!("frame {frame} of the clip was read before it"))
}

/// The finished picture of the clip's temporal reference: generated inside the hole, the source outside.
fn finished_before(
    work: &Work<'_>,
    clip: &Clip,
    signals: &CropSignals,
    conditions: &Conditions,
) -> Result<Option<Picture>, Error> {
    let Some(frame) = clip.temporal_reference() else { return Ok(None) };
    let path = work.run.generated_frame(work.clip_of(frame), frame);
    if !path.exists() {
        // The previous clip had no person, so its last frame is the source's.
        return Ok(Some(signals.picture.clone()));
    }
    Ok(Some(composite(&signals.picture, &load_picture(&path)?, &conditions.mask)))
}

fn composite(outside: &Picture, inside: &Picture, hole: &Mask) -> Picture {
    Picture::from_fn(outside.width(), outside.height(), |x, y| {
        if hole.get(x, y) > 0 { inside.get(x, y) } else { outside.get(x, y) }
    })
}

/// Saves the conditions of the frames that this clip finishes, as pictures for people to look at.
fn save_conditions(run: &RunFolder, clip: &Clip, conditions: &[Conditions]) -> Result<(), Error> {
    for name in ["mask", "environment", "skeleton", "structured-depth"] {
        let folder = run.join(&format!("conditions/{name}"));
        std::fs::create_dir_all(&folder).map_err(io("create", folder))?;
    }
    for place in clip.keep.clone() {
        let (frame, conditions) = (clip.frames[place], &conditions[place]);
        let path = |name: &str| run.join(&format!("conditions/{name}/{frame:06}.png"));
        save_mask(&path("mask"), &conditions.mask)?;
        save_picture(&path("environment"), &conditions.environment)?;
        save_picture(&path("skeleton"), &conditions.skeleton)?;
        save_depth(&path("structured-depth"), &conditions.depth.map(|value| (value * 65535.0).round() as u16))?;
    }
    Ok(())
}

/// Makes the pictures of clips.
struct ClipMaker<'a> {
    work: &'a Work<'a>,
    networks: &'a Networks<Cpu>,
    reference: ReferenceState<Cpu>,
    windows: Option<ContextConfig>,
}

impl ClipMaker<'_> {
    fn make(&self, clip: &Clip, conditions: &[Conditions], finished: Option<Picture>) -> Result<(), Error> {
        let Work { job, run, plan, events, .. } = self.work;
        let (networks, settings) = (self.networks, &job.settings);
        // 1. Tensors.
        let mut conditions = tensors::clip_conditions(networks, conditions);
        if let Some(finished) = finished.filter(|_| self.windows.is_none()) {
            conditions = conditions.with_temporal_reference(tensors::encoded(networks, &finished));
        }
        // 2. Denoising.
        let shape = networks.latent_shape(&conditions);
        let sampling = SamplingSettings {
            steps: settings.steps,
            guidance: settings.guidance as f32,
            schedule: networks.config().schedule.clone(),
            windows: self.windows,
        };
        let noise = starting_noise(networks, settings.seed, clip.index, shape, &Default::default());
        let total = (plan.len() * settings.steps) as u64;
        let latents = generate_clip(networks, &conditions, &self.reference, &sampling, noise, |step, _| {
            events.progress(Step::Generate, (clip.index * settings.steps + step) as u64, total);
            if events.check_cancelled().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .map_err(|error| if events.check_cancelled().is_err() { Error::Cancelled } else { error.into() })?;
        // 3. Files: latents, then pictures.
        let values = latents.clone().into_data().convert::<f32>().into_vec::<f32>().unwrap_or_default();
        let bytes = to_bytes(&[("latents".into(), shape.to_vec(), values)], StoredPrecision::F32, Default::default())?;
        let folder = run.clip(clip.index);
        media::file::write_atomic(&folder.join("latents.safetensors"), &bytes)?;
        let frames = folder.join("frames");
        std::fs::create_dir_all(&frames).map_err(io("create", frames))?;
        let side = networks.config().size;
        let mut saved = Ok(());
        let decoded = decode_frames(networks, &latents, clip.keep.clone(), |place, picture| {
            let rgb = pixels::rgb_from_pictures(picture);
            let picture = Picture::from_bytes(side, side, &rgb[0]);
            saved = save_picture(&run.generated_frame(clip.index, clip.frames[place]), &picture);
            if saved.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        // The decoding stopped because a picture could not be saved, so that is the error to report.
        saved?;
        Ok(decoded?)
    }
}
