//! Provides the frames of the job before the character is added. For `replace`, these frames are the source's own
//! frames. For `animate`, these frames show the reference picture without its person, and the driving person's signals
//! are moved to that person's place.

use draft::plate::fill;
use fetch::Store;
use media::picture::{DepthMap, Mask, Picture};
use perception::align::Alignment;
use perception::conditions::{ConditionsConfig, FrameSignals};
use perception::mask::{MaskConfig, MaskKind};
use perception::pose::Pose;
use perception::reference::{ReferenceFit, inference_reference};

use super::composition::Composition;
use super::job::{Job, Mode};
use crate::character::{Character, CharacterFiles};
use crate::error::Error;
use crate::events::Events;
use crate::settings::{MaskShape, Settings};
use crate::timeline::Timeline;

/// The longest side of the picture that `animate` writes.
const LONGEST_CANVAS: usize = 1280;
/// How far the hole of the reference's person extends beyond its mask, as a share of the person's box.
const HOLE_MARGIN: f32 = 0.03;

/// The scene of a job.
pub(super) struct Scene {
    /// The cut-out pictures of the character; the first one is the reference.
    characters: Vec<Character>,
    stage: Stage,
    pub(super) conditions: ConditionsConfig,
}

enum Stage {
    Source,
    Canvas { background: Picture, alignment: Alignment },
}

/// One frame with its signals.
pub(super) struct SceneFrame {
    pub(super) picture: Picture,
    person: Mask,
    pose: Option<Pose>,
    depth: Option<DepthMap>,
    objects: Vec<Mask>,
}

impl SceneFrame {
    pub(super) fn signals(&self) -> FrameSignals<'_> {
        FrameSignals {
            picture: &self.picture,
            person: &self.person,
            pose: self.pose.as_ref(),
            depth: self.depth.as_ref(),
            objects: &self.objects,
        }
    }
}

impl SceneFrame {
    pub(super) fn person(&self) -> &Mask {
        &self.person
    }

    pub(super) fn objects(&self) -> &[Mask] {
        &self.objects
    }
}

impl Scene {
    /// Processes the character's pictures and prepares the scene.
    pub(super) fn prepare(
        job: &Job,
        composition: Composition,
        characters: CharacterFiles,
        timeline: &mut Timeline,
        store: &Store,
        events: &Events,
    ) -> Result<Self, Error> {
        let characters = characters.look(store, events)?;
        let character = &characters[0];
        let stage = match job.mode {
            Mode::Replace => Stage::Source,
            Mode::Animate => {
                let canvas = canvas(&character.original);
                let scale = canvas.width() as f32 / character.original.width() as f32;
                let (background, alignment) = match (&character.pose, timeline.first_pose()) {
                    (Some(reference), Some(driving)) => {
                        let to_canvas = Alignment { scale, shift: (0.0, 0.0) };
                        let hole = widen(&to_canvas.canvas_from_frame_mask(&character.mask, canvas.size()));
                        let reference = to_canvas.canvas_from_frame(reference);
                        (fill(&canvas, &hole), Alignment::between(driving, &reference))
                    }
                    _ => (canvas.clone(), None),
                };
                let alignment = alignment.unwrap_or_else(|| {
                    events.warn(
                        "animate.not_aligned",
                        "the two persons have no visible bone in common, so the whole frame is fitted to the picture",
                    );
                    fit(timeline.frame_size(), canvas.size())
                });
                timeline.move_to_canvas(&alignment, canvas.size());
                if composition == Composition::WholePicture {
                    timeline.cover(canvas.size());
                }
                Stage::Canvas { background, alignment }
            }
        };
        Ok(Self { characters, stage, conditions: conditions(&job.settings) })
    }

    /// The character's picture in the form that the reference network needs.
    pub(super) fn reference(&self, composition: Composition, size: u32) -> Picture {
        let character = &self.characters[0];
        let whole = || inference_reference(&character.original, size, ReferenceFit::default());
        match composition {
            Composition::WholePicture => whole(),
            Composition::PseudoIntegration => character.reference_on_plain(size).unwrap_or_else(whole),
            Composition::Draft | Composition::Region => {
                character.square().map_or_else(whole, |square| character.reference(square, size))
            }
        }
    }

    /// Columns and rows of the result.
    pub(super) fn output_size(&self, source: (u32, u32)) -> (u32, u32) {
        match &self.stage {
            Stage::Source => source,
            Stage::Canvas { background, .. } => (background.width() as u32, background.height() as u32),
        }
    }

    /// A frame of the scene.
    pub(super) fn frame(&self, source: &Picture, index: usize, timeline: &Timeline) -> Result<SceneFrame, Error> {
        let (person, objects) = timeline.load_masks(index)?;
        let pose = timeline.pose(index).cloned();
        Ok(match &self.stage {
            Stage::Source => {
                SceneFrame { picture: source.clone(), person, pose, depth: timeline.load_depth(index)?, objects }
            }
            Stage::Canvas { background, alignment } => {
                let moved = |mask: &Mask| alignment.canvas_from_frame_mask(mask, background.size());
                // The canvas has another scale, for which the video's depth map has no values.
                let (person, depth, objects) = (moved(&person), None, vec![]);
                SceneFrame { picture: background.clone(), person, pose, depth, objects }
            }
        })
    }

    /// The character's pictures.
    pub(super) fn characters(&self) -> &[Character] {
        &self.characters
    }

    /// True when the scene is the character's own picture.
    pub(super) fn is_canvas(&self) -> bool {
        matches!(self.stage, Stage::Canvas { .. })
    }

    /// The picture into which a frame is composited.
    pub(super) fn backdrop<'a>(&'a self, source: &'a Picture) -> &'a Picture {
        match &self.stage {
            Stage::Source => source,
            Stage::Canvas { background, .. } => background,
        }
    }
}

/// How frames become conditions with these settings.
pub(crate) fn conditions(settings: &Settings) -> ConditionsConfig {
    let kind = match settings.mask {
        MaskShape::ShapeAgnostic => MaskKind::ShapeAgnostic,
        MaskShape::Precise => MaskKind::Precise,
        MaskShape::Box => MaskKind::BoundingBox,
    };
    let blocks = settings.mask_blocks.map(|blocks| blocks as u32);
    ConditionsConfig { mask: MaskConfig { kind, blocks, ..MaskConfig::default() }, ..ConditionsConfig::default() }
}

/// The character's picture at a valid video size: even, with no side larger than [`LONGEST_CANVAS`].
fn canvas(character: &Picture) -> Picture {
    let longest = character.width().max(character.height());
    let scale = (LONGEST_CANVAS as f64 / longest as f64).min(1.0);
    let even = |length: usize| (((length as f64 * scale) / 2.0).floor() as usize * 2).max(2);
    let size = (even(character.width()), even(character.height()));
    media::resize::resize_picture(character, size.0, size.1, media::resize::Filter::Lanczos)
}

/// The whole frame, centred on the canvas.
fn fit(frame: (u32, u32), canvas: (usize, usize)) -> Alignment {
    let (width, height) = (frame.0 as f32, frame.1 as f32);
    let scale = (canvas.0 as f32 / width).min(canvas.1 as f32 / height);
    Alignment { scale, shift: ((canvas.0 as f32 - scale * width) / 2.0, (canvas.1 as f32 - scale * height) / 2.0) }
}

/// The mask with a margin, so that no seam of the person remains.
fn widen(mask: &Mask) -> Mask {
    let reach = (mask.width().max(mask.height()) as f32 * HOLE_MARGIN).ceil() as i32;
    let (width, height) = (mask.width() as i32, mask.height() as i32);
    // A square neighbourhood is separable: rows first, then columns.
    let spread = |from: &Mask, dx: i32, dy: i32| {
        Mask::from_fn(from.width(), from.height(), |x, y| {
            let mut most = 0;
            for step in -reach..=reach {
                let (x, y) = (x as i32 + dx * step, y as i32 + dy * step);
                if (0..width).contains(&x) && (0..height).contains(&y) {
                    most = most.max(from.get(x as usize, y as usize));
                }
            }
            if most >= 64 { 255 } else { 0 }
        })
    };
    spread(&spread(mask, 1, 0), 0, 1)
}
