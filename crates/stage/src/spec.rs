//! Defines the complete description of a clip: everything that [`crate::render_clip`] needs besides the assets. A
//! description is generated from a seed. A description can be written as JSON, edited, and rendered again to the same
//! bytes.

use media::geometry::Rate;
use serde::{Deserialize, Serialize};

use crate::camera::Camera;
use crate::light::Light;
use crate::linear::Vec3;
use crate::side::Side;

/// The complete description of one clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipSpec {
    /// Its seed.
    pub seed: u64,
    /// Columns in pixels.
    pub width: usize,
    /// Rows in pixels.
    pub height: usize,
    /// Frames per second.
    pub rate: Rate,
    /// The identity that acts.
    pub person: Cast,
    /// The identity that acts in the identity-swapped clip, if there is one.
    #[serde(rename = "twin")]
    pub swapped: Option<Cast>,
    /// The action of the identity, also in the identity-swapped clip.
    pub action: Action,
    /// The prop that the person uses.
    pub prop: Option<UsedProp>,
    /// One camera for each frame.
    pub cameras: Vec<Camera>,
    /// The place and its light.
    pub scene: SceneSpec,
    /// Props that are not used and belong to the empty scene.
    #[serde(default)]
    pub furniture: Vec<Furniture>,
    /// People who belong to the empty scene.
    #[serde(default)]
    pub bystanders: Vec<Bystander>,
    /// How the pictures are exposed.
    #[serde(default)]
    pub exposure: Exposure,
    /// Reference pictures of `person`.
    pub references: Vec<ReferenceSpec>,
    /// Reference pictures of `swapped`.
    #[serde(rename = "twin_references")]
    pub swapped_references: Vec<ReferenceSpec>,
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
    /// Seconds of the motion for each second of the clip.
    pub speed: f32,
    /// Rotation about the vertical in radians; 0 keeps the motion's own direction (+Z).
    pub heading: f32,
    /// True if left and right are swapped.
    pub mirror: bool,
}

/// A prop that the person uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedProp {
    /// `pack/name` of a loaded prop, `ball/SEED`, or `furniture/SEED`.
    pub prop: String,
    /// Its use.
    pub usage: Usage,
    /// Longest side in metres.
    pub size: f32,
    /// Seed of the colours; 0 leaves the prop as it is.
    pub appearance: u64,
}

/// The use of a prop. Places are on the floor; headings are rotations about the vertical in radians.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Usage {
    /// Held in one hand.
    Hand {
        /// Which.
        hand: Side,
        /// Rotation about the grip's axis, in radians.
        twist: f32,
    },
    /// Carried in front of the body with both hands.
    BothHands,
    /// Sat on: the person's hips are above the seat, and its legs are bent.
    Seat {
        /// Middle of the underside.
        place: Vec3,
        /// Rotation of the prop.
        heading: f32,
        /// The person's direction.
        facing: f32,
        /// Position of the seat under the hips.
        hips: Vec3,
    },
    /// Leaned on with one hand.
    Support {
        /// Which hand.
        hand: Side,
        /// Middle of the underside.
        place: Vec3,
        /// Rotation of the prop.
        heading: f32,
        /// Position of the palm.
        palm: Vec3,
    },
    /// Lies on the floor, is then kicked, and rolls or flies away.
    Kicked {
        /// Position of its centre at first.
        place: Vec3,
        /// Seconds after the first frame at which it is kicked.
        time: f32,
        /// Velocity after that, in metres a second.
        velocity: Vec3,
    },
    /// Stands close to the person, often in front.
    Near {
        /// Middle of the underside.
        place: Vec3,
        /// Rotation of the prop.
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
    /// Rotation about the vertical, in radians.
    pub heading: f32,
    /// Seed of the colours; 0 leaves the prop as it is.
    pub appearance: u64,
}

/// A bystander.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bystander {
    /// The bystander's identity.
    pub cast: Cast,
    /// The bystander's action.
    pub action: Action,
    /// Average position.
    pub place: Vec3,
}

/// Proportions relative to the original body.
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
    /// The original proportions.
    pub const OWN: Self = Self { legs: 1.0, arms: 1.0, trunk: 1.0, shoulders: 1.0, head: 1.0, girth: 1.0 };
}

impl Default for Build {
    fn default() -> Self {
        Self::OWN
    }
}

/// How pictures are exposed. The default has no motion blur and no noise.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exposure {
    /// Share of the frame time during which the shutter is open, 0..=1.
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
    /// A room: floor, walls, ceiling.
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
    /// A panorama around flat ground.
    Panorama {
        /// Name of a loaded panorama, or `sky/SEED`.
        panorama: String,
        /// Height from which it seems to have been taken, in metres.
        taken_at: f32,
        /// The surface of the ground; if none, the panorama itself.
        ground: Option<Covering>,
    },
    /// Frames of a video from a moving camera. They fill the clip's picture, independent of the clip's own cameras.
    /// Frame `i` shows picture `start + i * step`. After the last frame, the video runs backwards.
    Video {
        /// Name of a loaded video.
        video: String,
        /// Picture behind the first frame.
        start: usize,
        /// Number of pictures for each frame.
        step: usize,
        /// Size of the visible part relative to the largest part with the shape of the clip's picture, 0.05..=1.
        zoom: f32,
        /// Position of that part: 0 is left and top, 1 is right and bottom.
        place: [f32; 2],
    },
}

/// A repeated texture or pattern on a flat surface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covering {
    /// Name of a loaded texture, or `pattern/SEED`.
    pub texture: String,
    /// Side of one repetition, in metres.
    pub metres: f32,
    /// Rotation about the surface's normal, in radians.
    pub turn: f32,
    /// Factor on the linear colour.
    pub tint: [f32; 3],
}

/// A reference picture of an identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceSpec {
    /// The action whose first instant is the pose.
    pub action: Action,
    /// The camera.
    pub camera: Camera,
    /// The background.
    pub scene: SceneSpec,
}
