//! The full description of a clip: what [`crate::render_clip`] needs besides the assets. It is drawn from a seed, can be
//! written as JSON, edited, and rendered again to the same bytes.

use media::geometry::Rate;
use serde::{Deserialize, Serialize};

use crate::bone::Side;
use crate::camera::Camera;
use crate::light::Light;
use crate::linear::Vec3;
use crate::split::Split;

/// What every clip of a set has in common.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipSettings {
    /// Columns in pixels.
    pub width: usize,
    /// Rows in pixels.
    pub height: usize,
    /// Frames a clip.
    pub frames: usize,
    /// Frames a second.
    pub rate: Rate,
    /// Which assets may appear; all when none is given.
    pub split: Option<Split>,
    /// Whether the same clip with another character is rendered too.
    pub twin: bool,
    /// Reference pictures of each identity.
    pub references: usize,
    /// Share of clips with a thing in the hand, 0..=1.
    pub prop_share: f32,
    /// Share of identities that are built-in mannequins although characters are loaded, 0..=1.
    pub mannequin_share: f32,
    /// Share of clips in a room although panoramas are loaded, 0..=1.
    pub room_share: f32,
}

impl Default for ClipSettings {
    fn default() -> Self {
        Self {
            width: 256,
            height: 256,
            frames: 16,
            rate: Rate { numerator: 15, denominator: 1 },
            split: None,
            twin: true,
            references: 4,
            prop_share: 0.5,
            mannequin_share: 0.1,
            room_share: 0.45,
        }
    }
}

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
    /// What they hold.
    pub prop: Option<HeldProp>,
    /// One camera a frame.
    pub cameras: Vec<Camera>,
    /// Where they are.
    pub scene: SceneSpec,
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

/// A thing in a hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldProp {
    /// `pack/name` of a loaded prop, or `ball/SEED`.
    pub prop: String,
    /// Which hand.
    pub hand: Side,
    /// Longest side in metres.
    pub size: f32,
    /// Seed of the colours; 0 leaves the prop as it is.
    pub appearance: u64,
    /// Turn about the grip's axis, in radians.
    pub twist: f32,
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
