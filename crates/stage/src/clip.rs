//! A described clip becomes pictures with everything that is known about them.

use media::picture::{DepthMap, Mask, Picture};
use perception::pose::{Joint, Pose};
use rayon::prelude::*;

use crate::appearance::{Tint, tints_of_character, tints_of_prop};
use crate::assets::Assets;
use crate::backdrop::{Cover, Surroundings};
use crate::camera::Camera;
use crate::character::Character;
use crate::error::StageError;
use crate::frame::{Actor, Rendered, Scratch, Thing, render};
use crate::layer::LightTable;
use crate::linear::Vec3;
use crate::performance::{Grips, Posed, perform};
use crate::plate::Plate;
use crate::prop::Prop;
use crate::spec::{Action, Backdrop, Cast, ClipSpec, Covering, HeldProp, ReferenceSpec, SceneSpec};

/// One acting identity in a scene, frame by frame.
#[derive(Debug, Clone)]
pub struct Take {
    /// The pictures.
    pub frames: Vec<Picture>,
    /// Visible part of the person: 255 = covered.
    pub person: Vec<Mask>,
    /// Visible part of the thing held.
    pub object: Vec<Mask>,
    /// Distance along the view axis, in metres.
    pub depth: Vec<DepthMap>,
    /// Joints in pixels.
    pub poses: Vec<Pose>,
    /// Body joints in the scene, in metres, indexed by [`Joint`].
    pub joints: Vec<[Vec3; Joint::COUNT]>,
    /// Pictures of the identity, in other poses and places.
    pub references: Vec<Picture>,
    /// Person masks of the references.
    pub reference_masks: Vec<Mask>,
    /// Poses of the references, in their pixels.
    pub reference_poses: Vec<Pose>,
}

/// A rendered clip.
#[derive(Debug, Clone)]
pub struct Clip {
    /// The clip itself.
    pub take: Take,
    /// The scene without person, thing and shadow, frame by frame.
    pub plate: Vec<Picture>,
    /// Distance in the empty scene, in metres.
    pub plate_depth: Vec<DepthMap>,
    /// The same motion, camera and scene with another identity.
    pub twin: Option<Take>,
}

/// What to leave out, to save time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Render the twin, if the description has one.
    pub twin: bool,
    /// Render reference pictures.
    pub references: bool,
}

impl Wanted {
    /// Everything that the description holds.
    pub const ALL: Self = Self { twin: true, references: true };
    /// Only the clip itself and its plate.
    pub const CLIP: Self = Self { twin: false, references: false };
}

/// Renders everything in `spec`. The same bytes come out whatever the number of threads.
///
/// # Errors
/// When the description names assets that are not loaded or holds values that cannot be rendered.
pub fn render_clip(spec: &ClipSpec, assets: &Assets) -> Result<Clip, StageError> {
    render_parts(spec, assets, Wanted::ALL)
}

/// Renders the parts of `spec` that are wanted.
///
/// # Errors
/// As [`render_clip`].
pub fn render_parts(spec: &ClipSpec, assets: &Assets, wanted: Wanted) -> Result<Clip, StageError> {
    check(spec)?;
    let size = (spec.width, spec.height);
    let surroundings = surroundings(&spec.scene, assets)?;
    let light = LightTable::new(&spec.scene.light);
    let shadows = !matches!(spec.scene.backdrop, Backdrop::Plain { .. });
    let person = Part::new(&spec.person, spec, assets)?;
    let twin = match &spec.twin {
        Some(cast) if wanted.twin => Some(Part::new(cast, spec, assets)?),
        _ => None,
    };

    // Frames are independent; neighbours with one camera share a plate.
    let runs = runs_of_equal(&spec.cameras);
    let parts: Vec<&Part> = std::iter::once(&person).chain(&twin).collect();
    let rendered: Vec<(Plate, Vec<Vec<Rendered>>)> = runs
        .into_par_iter()
        .map(|(first, last)| {
            let plate = Plate::new(&spec.cameras[first], size, &surroundings, &light);
            let frames = (first..last)
                .into_par_iter()
                .map_init(Scratch::default, |scratch, frame| {
                    parts.iter().map(|part| part.frame(frame, spec, &plate, &light, shadows, scratch)).collect()
                })
                .collect();
            (plate, frames)
        })
        .collect();

    let mut takes: Vec<Take> = parts.iter().map(|part| part.empty_take()).collect();
    let (mut plates, mut plate_depth) = (Vec::new(), Vec::new());
    for (plate, frames) in rendered {
        for frame in frames {
            plates.push(plate.picture.clone());
            plate_depth.push(plate.depth.clone());
            for (take, rendered) in takes.iter_mut().zip(frame) {
                take.frames.push(rendered.picture);
                take.person.push(rendered.person);
                take.object.push(rendered.object);
                take.depth.push(rendered.depth);
                take.poses.push(rendered.pose);
            }
        }
    }
    if wanted.references {
        for ((take, part), list) in takes.iter_mut().zip(&parts).zip([&spec.references, &spec.twin_references]) {
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
    Ok(Clip { take, plate: plates, plate_depth, twin: takes.next() })
}

/// Refuses descriptions that cannot be rendered.
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
    let scales = std::iter::once(&spec.person).chain(&spec.twin).map(|cast| cast.scale);
    if let Some(scale) = scales.into_iter().find(|scale| !(0.1..=10.0).contains(scale)) {
        return bad("scale", scale.to_string(), "0.1 to 10");
    }
    for camera in spec.cameras.iter().chain(spec.references.iter().map(|reference| &reference.camera)) {
        let finite = camera.eye.is_finite() && camera.target.is_finite() && camera.roll.is_finite();
        if !finite || !(0.01..3.0).contains(&camera.field) || (camera.eye - camera.target).length() < 1e-4 {
            return bad("camera", format!("{camera:?}"), "finite places and a field of 0.01 to 3 radians");
        }
    }
    Ok(())
}

/// First and past-the-last index of each run of equal cameras.
fn runs_of_equal(cameras: &[Camera]) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut first = 0;
    for index in 1..=cameras.len() {
        if index == cameras.len() || cameras[index] != cameras[first] {
            runs.push((first, index));
            first = index;
        }
    }
    runs
}

/// The surroundings of a scene with their assets at hand.
pub(crate) fn surroundings(scene: &SceneSpec, assets: &Assets) -> Result<Surroundings, StageError> {
    let cover = |covering: &Covering| -> Result<Cover, StageError> {
        if !(covering.metres.is_finite() && covering.metres > 1e-3) {
            let found = covering.metres.to_string();
            return Err(StageError::BadSpec { what: "size of a covering", found, expected: "more than 0.001 m" });
        }
        Ok(Cover { texture: assets.texture(&covering.texture)?, covering: covering.clone() })
    };
    Ok(match &scene.backdrop {
        Backdrop::Plain { colour } => Surroundings::Plain(*colour),
        Backdrop::Room { low, high, floor, wall, ceiling, skirting } => Surroundings::Room {
            low: *low,
            high: *high,
            floor: cover(floor)?,
            wall: cover(wall)?,
            ceiling: *ceiling,
            skirting: *skirting,
        },
        Backdrop::Panorama { panorama, taken_at, ground } => Surroundings::Dome {
            panorama: assets.panorama(panorama)?,
            taken_at: *taken_at,
            ground: ground.as_ref().map(cover).transpose()?,
        },
    })
}

/// One identity with its poses and what it holds.
struct Part {
    character: std::sync::Arc<Character>,
    scale: f32,
    tints: Vec<Tint>,
    poses: Vec<Posed>,
    held: Option<(std::sync::Arc<Prop>, Vec<Tint>)>,
}

impl Part {
    fn new(cast: &Cast, spec: &ClipSpec, assets: &Assets) -> Result<Self, StageError> {
        let character = assets.character(&cast.character)?;
        let held = match &spec.prop {
            Some(held) => {
                let prop = assets.prop(&held.prop)?;
                let tints = tints_of_prop(prop.mesh(), held.appearance);
                Some((prop, tints))
            }
            None => None,
        };
        let frames = (spec.cameras.len(), 1.0 / spec.rate.hertz() as f32);
        let poses = act_out(&character, &spec.action, cast.scale, spec.prop.as_ref(), frames, assets)?;
        let tints = tints_of_character(&character, cast.appearance);
        Ok(Self { character, scale: cast.scale, tints, poses, held })
    }

    fn empty_take(&self) -> Take {
        let skeleton = self.character.skeleton();
        let joints = self
            .poses
            .iter()
            .map(|posed| self.character.landmarks().body.map(|landmark| posed.landmark(skeleton, &landmark)));
        Take {
            frames: Vec::new(),
            person: Vec::new(),
            object: Vec::new(),
            depth: Vec::new(),
            poses: Vec::new(),
            joints: joints.collect(),
            references: Vec::new(),
            reference_masks: Vec::new(),
            reference_poses: Vec::new(),
        }
    }

    fn frame(
        &self,
        frame: usize,
        spec: &ClipSpec,
        plate: &Plate,
        light: &LightTable,
        shadows: bool,
        scratch: &mut Scratch,
    ) -> Rendered {
        let posed = &self.poses[frame];
        let thing = self.held.as_ref().zip(spec.prop.as_ref()).map(|((prop, tints), held)| Thing {
            mesh: prop.mesh(),
            tints,
            scene_from_thing: prop.in_hand(&self.character, posed, held),
        });
        let actor = Actor { character: &self.character, tints: &self.tints, posed };
        render(plate, &actor, thing.as_ref(), light, shadows, scratch)
    }

    fn reference(
        &self,
        reference: &ReferenceSpec,
        size: (usize, usize),
        assets: &Assets,
    ) -> Result<Rendered, StageError> {
        let surroundings = surroundings(&reference.scene, assets)?;
        let light = LightTable::new(&reference.scene.light);
        let plate = Plate::new(&reference.camera, size, &surroundings, &light);
        let poses = act_out(&self.character, &reference.action, self.scale, None, (1, 1.0), assets)?;
        let actor = Actor { character: &self.character, tints: &self.tints, posed: &poses[0] };
        let shadows = !matches!(reference.scene.backdrop, Backdrop::Plain { .. });
        Ok(render(&plate, &actor, None, &light, shadows, &mut Scratch::default()))
    }
}

/// The poses of a character that carries out an action.
pub(crate) fn act_out(
    character: &Character,
    action: &Action,
    scale: f32,
    held: Option<&HeldProp>,
    frames: (usize, f32),
    assets: &Assets,
) -> Result<Vec<Posed>, StageError> {
    let finite = action.start.is_finite() && action.speed.is_finite() && action.heading.is_finite();
    if !finite {
        return Err(StageError::BadSpec { what: "action", found: format!("{action:?}"), expected: "finite numbers" });
    }
    let motion = assets.motion(&action.motion)?;
    Ok(perform(character, &motion, action, scale, Grips::holding(held.map(|held| held.hand)), frames))
}
