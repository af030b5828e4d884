//! Learns the colours of the driving person and of the objects in use over a shot.

use media::picture::{Mask, Picture};
use perception::pose::Pose;

use super::body::{Body, Group, Widths};
use super::palette::{ANY, Cell, Counts, Shares};
use crate::body::point::Point;

/// Pixels nearer to a bone than this share of the half width train the body's colours.
const CORE: f32 = 0.8;
/// Pixels farther than this many half widths from every bone train the objects' colours.
const BEYOND: f32 = 1.6;
/// They do so from this distance to a hand on, in lengths of the trunk. Nearer pixels are the hand itself where the
/// pose is slightly wrong.
pub(super) const OFF_HAND: f32 = 0.2;
const NEAR_HAND: f32 = 0.6;
/// Nearer to a hand than this, in lengths of the trunk, objects may hide the body.
const FREE: f32 = 0.3;
/// Weight of the uniform prior, in counts.
const PRIOR: f32 = 60.0;
/// How fast a part's colours fade out beyond its outline, in half widths.
const FALL: f32 = 0.6;
/// How often the body's colours occur far from every bone, relative to how often they occur on it.
const ANYWHERE: f32 = 0.004;
/// Prior probability that a pixel belongs to an object: near a hand, and anywhere else.
const AT_HAND: f32 = 0.3;
const ELSEWHERE: f32 = 0.02;
/// How much more frequent the colours of known objects are on objects than any colour is.
const KNOWN: f32 = 4.0;
/// The colours are recomputed after this many frames of looking ahead.
const RENEW: usize = 6;

/// The colours of one shot.
#[derive(Debug, Clone, Default)]
pub(super) struct Appearance {
    groups: [Counts; Group::COUNT],
    object: Counts,
    pub(super) widths: Widths,
    looked: usize,
    colours: Option<Colours>,
}

impl Appearance {
    /// Learns from a frame whose plate is not known yet.
    pub(super) fn look(&mut self, picture: &Picture, person: &Mask, pose: &Pose) {
        let Some(body) = Body::of(pose, picture.size(), &self.widths) else { return };
        self.widths.look(&body, person);
        if self.looked.is_multiple_of(RENEW) {
            // A pixel that is taken for an object here must not make that choice more likely.
            self.colours = Some(self.colours_of(|shares, _| shares.clone()));
        }
        self.looked += 1;
        for index in (0..person.cells().len()).filter(|&index| person.cells()[index] > 127) {
            let (x, y) = (index % person.width(), index / person.width());
            let place = Point::new(x as f32 + 0.5, y as f32 + 0.5);
            let distances = body.distances(place);
            let (group, distance) = nearest(&distances);
            let (cell, from_hand) = (Cell::of(picture.cells()[index]), body.hand_distance(place));
            let odds = self.colours.as_ref().map_or(0.0, |colours| colours.odds(cell, &distances, from_hand));
            if distance < CORE && from_hand > FREE {
                self.groups[group].add(cell, if odds > 1.0 { 0.2 } else { 1.0 });
            } else if distance > BEYOND && (OFF_HAND..NEAR_HAND).contains(&from_hand) && odds > 0.0 {
                self.object.add(cell, 1.0);
            }
        }
    }

    /// Counts a pixel of a detected object.
    pub(super) fn found(&mut self, colour: [u8; 3]) {
        self.object.add(Cell::of(colour), 1.0);
    }

    /// The colours as known now.
    pub(super) fn colours(&self) -> Colours {
        self.colours_of(Shares::purified)
    }

    fn colours_of(&self, purified: impl Fn(&Shares, &Shares) -> Shares) -> Colours {
        let object = self.object.shares(4.0 * PRIOR);
        // This also counts an object in front of the body.
        let pure = |counts: &Counts| purified(&counts.shares(PRIOR), &object);
        let mut groups: Vec<Shares> = self.groups.iter().map(pure).collect();
        let flat = Counts::default().shares(1.0);
        let hand = [(&groups[Group::Head as usize], 0.4), (&groups[Group::Arm as usize], 0.4), (&flat, 0.2)];
        groups[Group::Hand as usize] = Shares::mixture(&hand);
        let weights: Vec<f32> = self.groups.iter().map(Counts::total).collect();
        let all: f32 = weights.iter().sum::<f32>().max(1.0);
        let parts: Vec<(&Shares, f32)> = groups.iter().zip(weights.iter().map(|weight| weight / all)).collect();
        Colours { body: Shares::mixture(&parts), object, groups }
    }
}

fn nearest(distances: &[f32; Group::COUNT]) -> (usize, f32) {
    let pairs = distances.iter().copied().enumerate();
    pairs.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f32::INFINITY))
}

/// Colour distributions on each group of parts, on all parts, and on objects.
#[derive(Debug, Clone)]
pub(super) struct Colours {
    groups: Vec<Shares>,
    body: Shares,
    object: Shares,
}

impl Colours {
    /// True for a colour that objects of this shot have.
    pub(super) fn is_known(&self, cell: Cell) -> bool {
        self.object.of(cell) > KNOWN * ANY
    }

    /// The log odds of object against body for a pixel.
    pub(super) fn odds(&self, cell: Cell, distances: &[f32; Group::COUNT], from_hand: f32) -> f32 {
        let on_body = distances.iter().zip(&self.groups).map(|(&distance, shares)| {
            let off = ((distance - 1.0).max(0.0) / FALL).powi(2);
            if off > 20.0 { 0.0 } else { (-0.5 * off).exp() * shares.of(cell) }
        });
        let body = on_body.fold(0.0, f32::max) + ANYWHERE * self.body.of(cell) + 1e-7;
        let likely = AT_HAND * (-(from_hand / 0.5).powi(2)).exp() + ELSEWHERE;
        let object = likely * (0.5 * self.object.of(cell) + 0.5 * ANY);
        (object / body).ln()
    }
}
