//! Prepares a character's picture for animation as a puppet: its parts, layers and proportions. A puppet is prepared
//! once and used for every frame.
//!
//! If the picture hides a limb or shows it end-on, the same limb of the other side replaces the missing limb.

pub mod cutout;
pub(crate) mod layer;
pub(crate) mod segmentation;
pub(crate) mod texture;
pub(crate) mod transform;

use perception::pose::{Joint, Pose};

use crate::body::part::{Chain, Part};
use crate::body::point::Point;
use crate::puppet::cutout::Cutout;
use crate::puppet::layer::{Layer, own_pixels};
use crate::puppet::segmentation::Segmentation;
use crate::puppet::transform::Figure;

/// A limb is borrowed if its bones look shorter than this share of the other side's, or if it has fewer pixels than
/// this share.
const SHORT: f32 = 0.6;
const SMALL: f32 = 0.45;
/// The extent of the face on a head, relative to the distance from the middle of the ears to the top of the hair.
const FACE_REACH: f32 = 1.0;

/// A cut-out that can be warped to poses.
#[derive(Debug, Clone)]
pub struct Puppet {
    cutout: Cutout,
    body: Option<Body>,
}

#[derive(Debug, Clone)]
struct Body {
    figure: Figure,
    layers: Vec<Layer>,
    /// The head as seen from behind, guessed.
    back_of_head: Option<Layer>,
    /// Limbs that are replaced by the other side's.
    borrowed: Vec<Chain>,
}

impl Puppet {
    /// Prepares a cut-out. Without a pose, or with a pose without shoulders, it can only be placed as a whole.
    pub fn new(cutout: Cutout) -> Self {
        let body = cutout.pose.as_ref().and_then(|pose| Body::new(&cutout, pose));
        Self { cutout, body }
    }

    /// The cut-out.
    pub fn cutout(&self) -> &Cutout {
        &self.cutout
    }

    /// True when the puppet can be warped to a pose.
    pub fn is_jointed(&self) -> bool {
        self.body.is_some()
    }

    /// Parts of the body that the picture shows.
    pub fn chains(&self) -> Vec<Chain> {
        self.body.iter().flat_map(|body| body.layers.iter().map(|layer| layer.chain)).collect()
    }

    pub(crate) fn figure(&self) -> Option<&Figure> {
        self.body.as_ref().map(|body| &body.figure)
    }

    /// True when the other side's limb takes the place of this one.
    pub(crate) fn borrows(&self, chain: Chain) -> bool {
        self.body.as_ref().is_some_and(|body| body.borrowed.contains(&chain))
    }

    pub(crate) fn layer(&self, chain: Chain, is_back: bool) -> Option<&Layer> {
        let body = self.body.as_ref()?;
        let layer = body.layers.iter().find(|layer| layer.chain == chain)?;
        Some(body.back_of_head.as_ref().filter(|_| is_back).unwrap_or(layer))
    }
}

impl Body {
    fn new(cutout: &Cutout, pose: &Pose) -> Option<Self> {
        let parts = Segmentation::new(cutout, pose)?;
        let layers: Vec<Layer> = Chain::ALL.into_iter().filter_map(|chain| Layer::new(chain, cutout, &parts)).collect();
        let back_of_head = back_of_head(cutout, pose, &parts);
        let figure = Figure { bones: parts.bones, ..Figure::of(pose, cutout.size())? };
        let limbs = [Chain::RightArm, Chain::LeftArm, Chain::RightLeg, Chain::LeftLeg];
        let borrowed = limbs.into_iter().filter(|&limb| is_hardly_shown(limb, &layers, &figure)).collect();
        Some(Self { figure, layers, back_of_head, borrowed })
    }
}

/// True when the picture shows much less of a limb than of the other side's. Never true of both: if one limb has few
/// pixels and the other has short bones, the short one is borrowed.
fn is_hardly_shown(limb: Chain, layers: &[Layer], figure: &Figure) -> bool {
    let pixels = |chain: Chain| layers.iter().find(|layer| layer.chain == chain).map_or(0, |layer| layer.area) as f32;
    let length = |chain: Chain| -> f32 {
        let bones = chain.parts()[..2].iter().filter_map(|&part| figure.bones.get(part));
        bones.map(|bone| (bone.line().1 - bone.line().0).length()).sum()
    };
    let other = limb.opposite();
    pixels(other) > 0.0
        && length(other) > 0.0
        && (length(limb) < SHORT * length(other) || pixels(limb) < SMALL * pixels(other))
        && length(limb) < length(other) / SHORT
}

/// The head with its face replaced by its surroundings, which are mostly hair.
fn back_of_head(cutout: &Cutout, pose: &Pose, parts: &Segmentation) -> Option<Layer> {
    let (neck, centre) = parts.bones.get(Part::Head)?.line();
    let joint = |joint| Point::from(pose.joint(joint));
    let eyes = joint(Joint::RightEye).lerp(joint(Joint::LeftEye), 0.5);
    let nose = joint(Joint::Nose);
    let up = (centre - neck).direction(Point::new(0.0, -1.0));
    let ears = (joint(Joint::RightEar) - joint(Joint::LeftEar)).length() / 2.0;
    let tall = (eyes - nose).length().max(0.35 * ears).max(2.0) * 2.6;
    let wide = (FACE_REACH * ears).max(0.55 * tall);
    // From above the brows to the chin, and the complete width between the ears.
    let middle = nose - up * (0.1 * tall);
    let own = own_pixels(Chain::Head, parts);
    let width = cutout.size().0;
    let in_face: Vec<bool> = own
        .iter()
        .enumerate()
        .map(|(index, own)| {
            let step = Point::new((index % width) as f32 + 0.5, (index / width) as f32 + 0.5) - middle;
            let (along, across) = (step.dot(up) / tall, step.dot(up.quarter_turn()) / wide);
            *own && along * along + across * across < 1.0
        })
        .collect();
    let above = |index: usize| {
        let step = Point::new((index % width) as f32 + 0.5, (index / width) as f32 + 0.5) - middle;
        step.dot(up) > -0.3 * tall
    };
    // The hair is extended from above and beside the face. The neck below must not be extended.
    let hair: Vec<bool> = (0..own.len()).map(|index| own[index] && !in_face[index] && above(index)).collect();
    if !hair.contains(&true) {
        return None;
    }
    let filled = crate::puppet::cutout::grow(&cutout.picture, hair, usize::MAX);
    let mut picture = cutout.picture.clone();
    for (index, in_face) in in_face.iter().enumerate() {
        if *in_face {
            picture.cells_mut()[index] = filled.cells()[index];
        }
    }
    let area = own.iter().filter(|own| **own).count();
    Some(Layer::from_pixels(Chain::Head, cutout, parts, &own, &vec![false; own.len()], &picture, area))
}
