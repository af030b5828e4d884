//! The full description of a clip: what [`crate::render_clip`] needs besides the assets. It is drawn from a seed, can be
//! written as JSON, edited, and rendered again to the same bytes.

use media::geometry::Rate;
use serde::{Deserialize, Serialize};

use crate::camera::Camera;
use crate::light::Light;
use crate::linear::Vec3;
use crate::side::Side;

/// One clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipSpec {
    /// The seed it was drawn from.
    pub seed: u64,
    /// Columns in pixels.
    pub width: usize,
    /// Rows in pixels.
    pub height: usize,
    /// Frames a second.
    pub rate: Rate,
    /// Who acts.
    pub person: Cast,
    /// Who acts in the second rendering, if there is one.
    pub twin: Option<Cast>,
    /// What they do.
    pub action: Action,
    /// What they use.
    pub prop: Option<UsedProp>,
    /// One camera a frame.
    pub cameras: Vec<Camera>,
    /// Where they are.
    pub scene: SceneSpec,
    /// Props that stand around and belong to the empty scene.
    #[serde(default)]
    pub furniture: Vec<Furniture>,
    /// People who belong to the empty scene.
    #[serde(default)]
    pub bystanders: Vec<Bystander>,
    /// How the pictures are taken.
    #[serde(default)]
    pub exposure: Exposure,
    /// Pictures of `person`.
    pub references: Vec<ReferenceSpec>,
    /// Pictures of `twin`.
    pub twin_references: Vec<ReferenceSpec>,
}

/// An identity: a body, its colours and its size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cast {
    /// `pack/name` of a loaded character, or `mannequin/SEED`.
    pub character: String,
    /// Seed of the colours and patterns; 0 leaves the character as it is.
    pub appearance: u64,
    /// Size relative to the asset.
    pub scale: f32,
    /// Proportions relative to the asset.
    #[serde(default)]
    pub build: Build,
}

/// A part of a motion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// `pack/name` of a loaded motion, or `built-in/NAME`.
    pub motion: String,
    /// Seconds of the motion before the first frame.
    pub start: f32,
    /// Motion seconds a second.
    pub speed: f32,
    /// Turn about the vertical in radians; 0 leaves the motion's own direction (+Z).
    pub heading: f32,
    /// Left and right exchanged.
    pub mirror: bool,
}

/// A prop that the person does something with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedProp {
    /// `pack/name` of a loaded prop, `ball/SEED`, or `furniture/SEED`.
    pub prop: String,
    /// What is done with it.
    pub usage: Usage,
    /// Longest side in metres.
    pub size: f32,
    /// Seed of the colours; 0 leaves the prop as it is.
    pub appearance: u64,
}

/// What is done with a prop. Places are on the floor, headings are turns about the vertical in radians.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Usage {
    /// Held in one hand.
    Hand {
        /// Which.
        hand: Side,
        /// Turn about the grip's axis, in radians.
        twist: f32,
    },
    /// Carried before the body with both hands.
    BothHands,
    /// Sat on: the person's hips are over the seat, its legs bent.
    Seat {
        /// Middle of the underside.
        place: Vec3,
        /// Turn of the prop.
        heading: f32,
        /// Where the person looks.
        facing: f32,
        /// Place of the seat under the hips.
        hips: Vec3,
    },
    /// Leaned on with one hand.
    Support {
        /// Which hand.
        hand: Side,
        /// Middle of the underside.
        place: Vec3,
        /// Turn of the prop.
        heading: f32,
        /// Where the palm lies.
        palm: Vec3,
    },
    /// Lies on the floor, then rolls and flies off.
    Kicked {
        /// Where it lies at first: its middle.
        place: Vec3,
        /// Seconds after the first frame at which it is hit.
        time: f32,
        /// Metres a second after that.
        velocity: Vec3,
    },
    /// Stands close to the person, often before it.
    Near {
        /// Middle of the underside.
        place: Vec3,
        /// Turn of the prop.
        heading: f32,
    },
}

/// A prop that stands on the floor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Furniture {
    /// `pack/name` of a loaded prop, or `furniture/SEED`.
    pub prop: String,
    /// Longest side in metres.
    pub size: f32,
    /// Middle of the underside.
    pub place: Vec3,
    /// Turn about the vertical, in radians.
    pub heading: f32,
    /// Seed of the colours; 0 leaves the prop as it is.
    pub appearance: u64,
}

/// Somebody else in the scene.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bystander {
    /// Who.
    pub cast: Cast,
    /// What they do.
    pub action: Action,
    /// Where, on average.
    pub place: Vec3,
}

/// Proportions relative to a body as it was made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Length of the legs.
    pub legs: f32,
    /// Length of the arms.
    pub arms: f32,
    /// Length of the trunk.
    pub trunk: f32,
    /// Width of the shoulders.
    pub shoulders: f32,
    /// Size of the head.
    pub head: f32,
    /// Thickness of trunk and limbs.
    pub girth: f32,
}

impl Build {
    /// As it was made.
    pub const OWN: Self = Self { legs: 1.0, arms: 1.0, trunk: 1.0, shoulders: 1.0, head: 1.0, girth: 1.0 };
}

impl Default for Build {
    fn default() -> Self {
        Self::OWN
    }
}

/// How pictures are taken. The default is instant and free of noise.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exposure {
    /// Share of the time between two frames during which the shutter is open, 0..=1.
    pub shutter: f32,
    /// Standard deviation of the sensor's noise at middle grey, in steps of 1/255.
    pub noise: f32,
}

/// A place and its light.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneSpec {
    /// What is behind and below the person.
    pub backdrop: Backdrop,
    /// What lights the person.
    pub light: Light,
}

/// What is behind and below the person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Backdrop {
    /// One flat linear colour, no shadow.
    Plain {
        /// Linear colour.
        colour: [f32; 3],
    },
    /// A box: floor, walls, ceiling.
    Room {
        /// Lowest corner; its `y` is the floor, 0.
        low: Vec3,
        /// Highest corner.
        high: Vec3,
        /// Floor.
        floor: Covering,
        /// Walls.
        wall: Covering,
        /// Linear colour of the ceiling.
        ceiling: [f32; 3],
        /// Height of a skirting board, 0 for none.
        skirting: f32,
    },
    /// A panorama around a flat ground.
    Panorama {
        /// Name of a loaded panorama, or `sky/SEED`.
        panorama: String,
        /// Height at which it seems to have been taken, in metres.
        taken_at: f32,
        /// What covers the ground; the panorama itself when none.
        ground: Option<Covering>,
    },
    /// Pictures of a moving camera, which fill the clip's own whatever its cameras do. Frame `i` shows picture
    /// `start + i * step`; after the last one they run backwards.
    Video {
        /// Name of a loaded video.
        video: String,
        /// Picture behind the first frame.
        start: usize,
        /// Pictures a frame.
        step: usize,
        /// Share of the largest part with the shape of the clip's picture that is seen, 0.05..=1.
        zoom: f32,
        /// Where that part lies: 0 at the left and the top, 1 at the right and the bottom.
        place: [f32; 2],
    },
}

/// A repeated picture or pattern on a flat surface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covering {
    /// Name of a loaded texture, or `pattern/SEED`.
    pub texture: String,
    /// Side of one repetition, in metres.
    pub metres: f32,
    /// Turn about the surface's normal, in radians.
    pub turn: f32,
    /// Factor on the linear colour.
    pub tint: [f32; 3],
}

/// A single picture of an identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceSpec {
    /// The pose: the first instant of an action.
    pub action: Action,
    /// The view.
    pub camera: Camera,
    /// The background.
    pub scene: SceneSpec,
}
