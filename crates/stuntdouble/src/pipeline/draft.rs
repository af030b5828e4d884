//! Composes each frame from the clean plate, the character, and the objects in use. The character is its pictures laid on
//! the driving pose (a draft), or a figure that networks made (pseudo-integration). Writes `conditions/{plate,seen,warp,draft,mask}/%06d.png`.
//!
//! The step is short. A stopped draft step starts again from the first frame, and makes the same pictures.

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use draft::body::retarget::{Factors, retarget};
use draft::drafter::{Draft, DraftConfig, DraftInput, Drafter};
use draft::plate::PlateFrame;
use draft::puppet::Puppet;
use draft::puppet::cutout::Cutout;
use draft::scale::smooth_scales;
use media::image_file::{load_mask, load_picture, save_cut_out, save_mask, save_picture};
use media::picture::{Mask, Picture};
use perception::pose::{Joint, Pose};

use super::figure::Figures;
use super::plates::{Plates, Removed};
use super::scene::SceneFrame;
use super::work::Work;
use crate::error::Error;
use crate::events::Step;
use crate::run_folder::RunFolder;

/// What the step writes, each in its own folder.
const KINDS: [&str; 5] = ["plate", "seen", "warp", "mask", DRAFT];
/// The folder of the drafts. It is marked when all drafts are complete.
const DRAFT: &str = "draft";
/// Number of frames that may wait for the disk.
const WAITING: usize = 4;
/// Distance from the wrist within which an object counts as held, in lengths of the forearm.
const IN_HAND: f32 = 0.8;

/// Composes every frame, unless this is done. `figures` cuts out what networks made; without it the character's pictures are
/// warped.
pub(super) fn draft(work: &Work<'_>, figures: Option<Figures>) -> Result<(), Error> {
    let drafts = folder(work.run.root(), DRAFT);
    if work.run.is_done(&drafts) {
        return Ok(());
    }
    for kind in KINDS {
        work.run.begin(&folder(work.run.root(), kind))?;
    }
    let (sender, receiver) = sync_channel(WAITING);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(work.run, receiver));
        let made = Making::new(work, figures).and_then(|making| making.every_frame(|made| sender.send(made).is_ok()));
        drop(sender);
        let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // If the writer failed, that is why the drafts stopped.
        written.and(made)
    })?;
    work.run.finish(&drafts)
}

/// The draft of a frame.
pub(super) fn draft_of(run: &Path, index: usize) -> Result<Picture, Error> {
    Ok(load_picture(&file(run, DRAFT, index))?)
}

/// Where the draft of a frame may differ from the source.
pub(super) fn edited_of(run: &Path, index: usize) -> Result<Mask, Error> {
    Ok(load_mask(&file(run, "mask", index), None)?)
}

fn folder(run: &Path, kind: &str) -> std::path::PathBuf {
    run.join("conditions").join(kind)
}

fn file(run: &Path, kind: &str, index: usize) -> std::path::PathBuf {
    folder(run, kind).join(format!("{index:06}.png"))
}

/// A frame to be written.
struct Made {
    index: usize,
    plate: PlateFrame,
    draft: Draft,
}

fn write(run: &RunFolder, receiver: Receiver<Made>) -> Result<(), Error> {
    for Made { index, plate, draft } in receiver {
        let path = |kind| file(run.root(), kind, index);
        save_picture(&path("plate"), &plate.picture)?;
        save_mask(&path("seen"), &plate.seen)?;
        let (colour, alpha) = at_frame_size(&draft, plate.picture.size());
        save_cut_out(&path("warp"), &colour, &alpha)?;
        save_mask(&path("mask"), &draft.edited)?;
        save_picture(&path(DRAFT), &draft.picture)?;
    }
    Ok(())
}

/// The warp on a transparent picture of the frame's size.
fn at_frame_size(draft: &Draft, (width, height): (usize, usize)) -> (Picture, Mask) {
    let (mut colour, mut alpha) = (Picture::filled(width, height, [0; 3]), Mask::filled(width, height, 0));
    if let Some(warp) = &draft.warp {
        for y in 0..warp.alpha.height() {
            for x in 0..warp.alpha.width() {
                let place = (warp.area.x as usize + x, warp.area.y as usize + y);
                colour.set(place.0, place.1, warp.colour.get(x, y));
                alpha.set(place.0, place.1, warp.alpha.get(x, y));
            }
        }
    }
    (colour, alpha)
}

/// Everything needed to make drafts.
struct Making<'a> {
    work: &'a Work<'a>,
    drafter: Drafter,
    figures: Option<Figures>,
    poses: Vec<Option<Pose>>,
    scales: Vec<Vec<Option<f32>>>,
}

impl<'a> Making<'a> {
    fn new(work: &'a Work<'a>, figures: Option<Figures>) -> Result<Self, Error> {
        let Work { job, scene, timeline, events, .. } = work;
        let pictures = if figures.is_some() { &[] } else { scene.characters() };
        let puppets: Vec<Puppet> = pictures
            .iter()
            .filter_map(|character| Cutout::new(&character.picture, &character.mask, character.pose.as_ref()))
            .map(Puppet::new)
            .collect();
        if figures.is_none() && !puppets.iter().any(Puppet::is_jointed) {
            events.warn(
                "draft.whole_cutout",
                "no body was recognised in the character's picture, so the character moves as a rigid cut-out",
            );
        }
        let size = scene.output_size(timeline.frame_size());
        let size = (size.0 as usize, size.1 as usize);
        let mut poses: Vec<Option<Pose>> = (0..timeline.len()).map(|index| timeline.pose(index).cloned()).collect();
        let (proportions, height) = (job.settings.proportions as f32, job.settings.height as f32);
        if let Some(puppet) = puppets.iter().find(|puppet| puppet.is_jointed()) {
            let factors = Factors::between(puppet, &poses, size, proportions, height);
            poses = retarget(&poses, &factors, &holds(work)?, size);
        }
        let scales = puppets.iter().map(|puppet| smooth_scales(puppet, &poses, size)).collect();
        // A canvas has no person whose light the character could follow.
        let light = job.settings.light && !scene.is_canvas();
        let config = DraftConfig { light, shadow: job.settings.shadow, height };
        let drafter = Drafter::new(puppets, config);
        if drafter.keeps_legs() && !scene.is_canvas() {
            events.warn(
                "draft.legs_kept",
                "the character's picture shows no legs, so the driving person's legs remain in the video",
            );
        }
        Ok(Self { work, drafter, figures, poses, scales })
    }

    /// Makes frames until `take` returns false.
    fn every_frame(mut self, mut take: impl FnMut(Made) -> bool) -> Result<(), Error> {
        let Work { source, events, timeline, .. } = self.work;
        let mut plates = Plates::new(self.work)?;
        for (index, frame) in source.frames()?.enumerate() {
            events.check_cancelled()?;
            if index >= timeline.len() {
                break;
            }
            let view = self.work.scene.frame(&frame?.picture, index, timeline)?;
            let made = self.frame(index, &view, &mut plates)?;
            if !take(made) {
                break;
            }
            events.progress(Step::Draft, index as u64 + 1, timeline.len() as u64);
        }
        if let Some(figures) = &self.figures {
            figures.warn(events);
        }
        Ok(())
    }

    fn frame(&mut self, index: usize, view: &SceneFrame, plates: &mut Plates<'_>) -> Result<Made, Error> {
        let Removed { plate, hole, things } = plates.next(index, view)?;
        let objects: Vec<Mask> = view.objects().iter().cloned().chain(things).collect();
        let scales: Vec<Option<f32>> = self.scales.iter().map(|scales| scales[index]).collect();
        let input = DraftInput {
            source: &view.picture,
            plate: &plate,
            hole: &hole,
            person: view.person(),
            person_box: self.work.timeline.person_box(index),
            driving_pose: self.work.timeline.pose(index).filter(|_| !self.work.scene.is_canvas()),
            pose: self.poses[index].as_ref(),
            objects: &objects,
            scales: &scales,
            starts_shot: plates.starts_shot(index),
        };
        let draft = match &mut self.figures {
            None => self.drafter.push(&input),
            Some(figures) => {
                let layer = figures.layer(self.work, index, view.picture.size())?;
                self.drafter.compose(&input, layer)
            }
        };
        Ok(Made { index, plate, draft })
    }
}

/// For each frame, whether an object is at the right and at the left hand.
fn holds(work: &Work<'_>) -> Result<Vec<[bool; 2]>, Error> {
    let timeline = work.timeline;
    (0..timeline.len())
        .map(|index| {
            let Some(pose) = timeline.pose(index).filter(|_| !work.scene.is_canvas()) else { return Ok([false; 2]) };
            let (_, objects) = timeline.load_masks(index)?;
            let hands = [(Joint::RightElbow, Joint::RightWrist), (Joint::LeftElbow, Joint::LeftWrist)];
            Ok(hands.map(|(elbow, wrist)| {
                let (elbow, wrist) = (pose.joint(elbow), pose.joint(wrist));
                let reach = IN_HAND * (elbow.x - wrist.x).hypot(elbow.y - wrist.y);
                wrist.is_drawn() && objects.iter().any(|object| touches(object, (wrist.x, wrist.y), reach))
            }))
        })
        .collect()
}

/// True when the mask covers a pixel within `reach` of a place.
fn touches(mask: &Mask, (x, y): (f32, f32), reach: f32) -> bool {
    let range = |middle: f32, count: usize| {
        let first = (middle - reach).max(0.0) as usize;
        first.min(count)..((middle + reach).max(0.0) as usize + 1).min(count)
    };
    range(y, mask.height()).any(|row| {
        range(x, mask.width()).any(|column| {
            let near = (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y) <= reach;
            near && mask.get(column, row) > 127
        })
    })
}

/// Notes that geometry alone made the result.
pub(super) fn note(work: &Work<'_>) {
    let reason = if work.job.settings.preset == crate::settings::Preset::Bundled {
        "the bundled networks cannot improve drafts yet"
    } else {
        "requested by the setting `draft`"
    };
    work.events
        .note(format!("the result is a draft that was made by geometry alone, without generative networks ({reason})"));
}
