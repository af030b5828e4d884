//! Warps the reference: deforms the character's picture to the driving pose (`docs/decisions.md`).
//!
//! The input consists of cut-outs of the character with poses ([`Puppet`]) and a target pose. The output has the
//! following values per pixel of the target picture:
//!
//! | output | values |
//! |---|---|
//! | colour | sRGB, not premultiplied |
//! | alpha | 0..=255; 0 where the warped character does not cover the pixel |
//! | depth | depth of the visible chain, in pixels relative to the hips, smaller = nearer; infinite where alpha is 0 |
//! | guess | 0..=255: how much of the pixel is filled in, or taken from another side of the body |
//!
//! The chains of body parts are drawn from the farthest to the nearest, so an arm can pass in front of or behind the
//! trunk.

pub(crate) mod raster;
mod warped;
pub mod whole;

pub use warped::Warp;

use std::f32::consts::{PI, TAU};

use media::geometry::{Frame, Rect};
use perception::pose::Pose;

use crate::body::part::{Chain, Part};
use crate::body::point::Point;
use crate::puppet::Puppet;
use crate::puppet::layer::Layer;
use crate::puppet::transform::{Figure, Sides, Transforms, body_scale};
use crate::warp::raster::{Canvas, Triangle};

/// From the first difference of turns on, a part is partly a guess, and from the second on completely.
const OTHER_SIDE: (f32, f32) = (0.9, 1.9);
/// The guess value of a borrowed limb.
const BORROWED: f32 = 0.3;
/// Beyond this turn, a head shows its back.
const BACK: f32 = 1.75;

/// Weights with which pictures compete for a chain: each radian of turn, each e-fold of stretch, each e-fold of the
/// visible share of the body, and a bonus for the first picture.
const TURN: f32 = 1.0;
const STRETCH: f32 = 0.6;
const SHOWN: f32 = 0.4;
const FIRST: f32 = 1.0;
/// The stretch assumed for a limb that a picture does not show.
const UNKNOWN: f32 = 1.5;

/// The scale of a puppet on a target, to be smoothed over time before [`warp`] uses it; none when either has no
/// shoulders.
pub fn scale_of(puppet: &Puppet, target: &Pose, size: (usize, usize)) -> Option<f32> {
    Some(body_scale(puppet.figure()?, &Figure::of(target, size)?))
}

/// Warps a character to a pose in a picture of `size` pixels. Each chain comes from the puppet that shows it from the
/// right side. `scales` holds the body's scale for each puppet; if the scale is none, it is computed from the pose.
/// None when the pose or all puppets have no shoulders, or nothing of the character lies in the picture.
///
/// # Panics
/// When the numbers of scales and puppets differ.
pub fn warp(puppets: &[Puppet], target: &Pose, size: (usize, usize), scales: &[Option<f32>]) -> Option<Warp> {
    assert_eq!(puppets.len(), scales.len(), "{} puppets, {} scales", puppets.len(), scales.len());
    let new = Figure::of(target, size)?;
    let views: Vec<View<'_>> =
        puppets.iter().zip(scales).filter_map(|(puppet, scale)| View::of(puppet, &new, *scale)).collect();
    let mut sheets = Vec::new();
    for chain in Chain::ALL {
        if let Some(sheet) = best_sheet(chain, &views, &new) {
            sheets.extend(sheet.pieces(&new));
        }
    }
    // A stable sort keeps the order of chains of equal depth.
    sheets.sort_by(|a, b| b.depth.total_cmp(&a.depth));
    let whole = Rect::of_size(size.0 as u32, size.1 as u32);
    let area = sheets.iter().fold(Rect::new(0, 0, 0, 0), |area, sheet| area.union(&sheet.area())).intersection(&whole);
    if area.is_empty() {
        return None;
    }
    let mut canvas = Canvas::new(area);
    for sheet in &sheets {
        canvas.draw(&sheet.triangles, sheet.texture, sheet.detail, sheet.depth, sheet.guess);
    }
    Some(canvas.finish())
}

/// A puppet and its maps to the target.
struct View<'a> {
    puppet: &'a Puppet,
    figure: &'a Figure,
    scale: f32,
    own: Transforms,
    /// For limbs that take the place of the other side's.
    exchanged: Transforms,
}

impl<'a> View<'a> {
    fn of(puppet: &'a Puppet, new: &Figure, scale: Option<f32>) -> Option<Self> {
        let figure = puppet.figure()?;
        let scale = scale.unwrap_or_else(|| body_scale(figure, new));
        let [own, exchanged] =
            [Sides::Own, Sides::Exchanged].map(|sides| Transforms::between(figure, new, scale, sides));
        Some(Self { puppet, figure, scale, own, exchanged })
    }

    /// The difference of a chain's turn between this puppet and the target.
    fn turn(&self, chain: Chain, new: &Figure) -> f32 {
        turn_between(yaw_of(chain, self.figure), yaw_of(chain, new))
    }

    /// The chain `from` in the place of `chain`, if that place exists.
    fn sheet(&'a self, chain: Chain, sides: Sides, new: &Figure) -> Option<Sheet<'a>> {
        let (from, transforms) = match sides {
            Sides::Own => (chain, &self.own),
            Sides::Exchanged => (chain.opposite(), &self.exchanged),
        };
        let is_back =
            chain == Chain::Head && yaw_of(chain, new).abs() > BACK && yaw_of(chain, self.figure).abs() < BACK;
        let layer = self.puppet.layer(from, is_back)?;
        if !from.parts().iter().any(|&part| transforms.knows(part)) {
            return None;
        }
        let turned = self.turn(chain, new);
        let least = if sides == Sides::Exchanged { BORROWED } else { 0.0 };
        let guess = ((turned - OTHER_SIDE.0) / (OTHER_SIDE.1 - OTHER_SIDE.0)).clamp(least, 1.0);
        Some(Sheet { layer, transforms, sides, detail: (1.0 / self.scale).log2().max(0.0), guess })
    }
}

/// A layer with its maps to the target.
struct Sheet<'a> {
    layer: &'a Layer,
    transforms: &'a Transforms,
    sides: Sides,
    detail: f32,
    guess: f32,
}

/// The cells of a layer that follow one part.
struct Piece<'a> {
    triangles: Vec<Triangle>,
    texture: &'a crate::puppet::texture::Texture,
    detail: f32,
    depth: f32,
    guess: f32,
}

/// The chain from the puppet that shows it best. If none shows it well, it is borrowed from the other side.
fn best_sheet<'a>(chain: Chain, views: &'a [View<'a>], new: &Figure) -> Option<Sheet<'a>> {
    let mut best: Option<(f32, Sheet<'a>)> = None;
    for view in views.iter().filter(|view| !view.puppet.borrows(chain)) {
        let Some(sheet) = view.sheet(chain, Sides::Own, new) else { continue };
        let first = if best.is_none() { FIRST } else { 0.0 };
        let figures = (view.figure, new);
        let score = suitability(chain, sheet.layer, figures, view.scale, view.turn(chain, new)) + first;
        if best.as_ref().is_none_or(|(least, _)| score > *least) {
            best = Some((score, sheet));
        }
    }
    let borrowing = || views.iter().filter(|view| view.puppet.borrows(chain));
    best.map(|(_, sheet)| sheet)
        .or_else(|| borrowing().find_map(|view| view.sheet(chain, Sides::Exchanged, new)))
        .or_else(|| borrowing().find_map(|view| view.sheet(chain, Sides::Own, new)))
}

/// How well a picture shows a chain for a target: from the right side, not shortened or stretched, and large.
fn suitability(chain: Chain, layer: &Layer, (old, new): (&Figure, &Figure), scale: f32, turned: f32) -> f32 {
    let parts = chain.parts().iter().filter(|&&part| part != Part::Trunk);
    let stretches = parts.filter_map(|&part| {
        let new = new.bones.get(part)?;
        let flat = |(from, to): (Point, Point)| (to - from).length();
        let Some(old) = old.bones.get(part) else { return Some(UNKNOWN) };
        Some((flat(new.line()) / (scale * flat(old.line())).max(1e-3)).clamp(0.1, 10.0).ln().abs())
    });
    let (sum, count) = stretches.fold((0.0, 0.0), |(sum, count), stretch| (sum + stretch, count + 1.0_f32));
    let stretch = match chain {
        Chain::Trunk => (new.trunk.seen_length() / (scale * old.trunk.seen_length())).clamp(0.1, 10.0).ln().abs(),
        _ => sum / count.max(1.0),
    };
    let shown = layer.area as f32 / (old.trunk.length * old.trunk.length);
    let pixels = layer.area as f32 * scale.min(1.0).powi(2);
    -TURN * turned - STRETCH * stretch + SHOWN * shown.max(1e-3).ln() + 0.1 * pixels.max(1.0).ln()
}

fn yaw_of(chain: Chain, figure: &Figure) -> f32 {
    match (chain, figure.face) {
        // A neck limits the turn of a head. A larger value is an error of the pose.
        (Chain::Head, Some(face)) if turn_between(face.yaw, figure.trunk.yaw) < 2.0 => face.yaw,
        _ => figure.trunk.yaw,
    }
}

fn turn_between(one: f32, other: f32) -> f32 {
    let turn = (one - other).rem_euclid(TAU);
    turn.min(TAU - turn).min(PI)
}

impl<'a> Sheet<'a> {
    fn pieces(&self, new: &Figure) -> Vec<Piece<'a>> {
        let Self { layer, transforms, sides, detail, guess } = *self;
        let moved: Vec<Point> = layer.corners.iter().map(|corner| layer.moved(corner, transforms)).collect();
        let mut pieces: Vec<Piece<'a>> = Vec::new();
        for &part in layer.chain.parts() {
            let depth = depth_of(sides.target(part), new);
            let mut triangles = Vec::new();
            for cell in layer.cells.iter().filter(|cell| cell.part == part && transforms.knows(part)) {
                let corner = |number: usize| {
                    let corner = cell.corners[number] as usize;
                    (moved[corner], layer.corners[corner].place)
                };
                triangles.push(Triangle([corner(0), corner(1), corner(2)]));
                triangles.push(Triangle([corner(0), corner(2), corner(3)]));
            }
            if !triangles.is_empty() {
                pieces.push(Piece { triangles, texture: &layer.texture, detail, depth, guess });
            }
        }
        pieces
    }
}

impl Piece<'_> {
    fn area(&self) -> Rect<Frame> {
        let corners = || self.triangles.iter().flat_map(|triangle| triangle.0.iter().map(|(place, _)| *place));
        let finite = |value: f32| value.clamp(-1e6, 1e6);
        let left = corners().map(|place| place.x).fold(f32::INFINITY, f32::min);
        let top = corners().map(|place| place.y).fold(f32::INFINITY, f32::min);
        let right = corners().map(|place| place.x).fold(f32::NEG_INFINITY, f32::max);
        let bottom = corners().map(|place| place.y).fold(f32::NEG_INFINITY, f32::max);
        let (left, top) = (finite(left).floor() as i32 - 1, finite(top).floor() as i32 - 1);
        let (right, bottom) = (finite(right).ceil() as i32 + 1, finite(bottom).ceil() as i32 + 1);
        Rect::new(left, top, (right - left).max(0) as u32, (bottom - top).max(0) as u32)
    }
}

/// Depth of a part for the drawing order. Arms are biased to the front and legs to the back, so that depth noise does
/// not push an arm into the trunk or a leg over the coat.
fn depth_of(part: Part, figure: &Figure) -> f32 {
    let trunk = figure.trunk.depth;
    let bone = figure.bones.get(part).map_or(trunk, |bone| bone.depth());
    let lean = match part.chain() {
        Chain::Trunk => 0.0,
        Chain::Head => -0.03,
        Chain::RightArm | Chain::LeftArm => -0.08,
        Chain::RightLeg | Chain::LeftLeg => 0.12,
    };
    bone + lean * figure.trunk.length
}

#[cfg(test)]
mod tests;
