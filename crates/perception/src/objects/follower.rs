//! Follows one object from frame to frame, forwards or backwards, using its motion, votes of remembered frames, colours
//! inside and around it, and agreement of neighbouring pixels.

use std::sync::Arc;

use media::picture::Plane;

use super::first::{Pointed, segment};
use super::look::Look;
use super::motion::{Affine, Samples};
use super::palette::{Palette, log_odds};
use super::relax::{Window, relaxed};
use super::shape::window_of;
use super::votes::Memory;

/// Weights of the evidence, in log odds.
const LAST: f32 = 0.7;
const ANCHOR: f32 = 0.4;
const COLOUR: f32 = 0.5;
/// Bounds of a vote's probability and of a colour's log odds.
const VOTE_BOUND: f32 = 0.015;
const COLOUR_BOUND: f32 = 2.0;
/// How firmly neighbours of one colour agree.
const STRENGTH: f32 = 2.5;
/// How fast colours follow the object, as a share a frame.
const FOLLOW: f32 = 0.1;
/// An object with less than this share of its area is lost.
const LOST: f32 = 0.06;
/// Fewest pixels of an object.
const LEAST: f32 = 6.0;
/// Mean difference of colours above which an object is not where it was expected, but gone.
const GONE: f32 = 45.0;
/// Mean difference of colours below which a lost object is found again.
const FOUND: f32 = 22.0;
/// Mean difference of colours above which the first frame says nothing about this one.
const UNLIKE: f32 = 30.0;

/// The object in one frame.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// How surely each pixel is the object's, 0..=1.
    pub(super) coverage: Plane<f32>,
    /// How sure the whole is, 0..=1; 0 where the object is not seen.
    pub(super) score: f32,
}

/// What is remembered of an object.
#[derive(Debug, Clone)]
pub(super) struct Follower {
    /// The frame in which it was pointed at.
    anchor: Memory,
    /// The last frame in which it was seen.
    last: Memory,
    /// From the anchor to the last frame, and the last step.
    from_anchor: Affine,
    step: Affine,
    object: Palette,
    around: Palette,
    anchor_object: Palette,
    area: f32,
    lost: usize,
}

impl Follower {
    /// Segments what is pointed at; none where there is nothing.
    pub(super) fn begin(look: &Arc<Look>, pointed: &Pointed) -> Option<(Self, Seen)> {
        let (coverage, score) = segment(look, pointed)?;
        Some((Self::begin_with(look, coverage.clone())?, Seen { coverage, score }))
    }

    /// Starts from a coverage that is known; none when it is empty.
    pub(super) fn begin_with(look: &Arc<Look>, coverage: Plane<f32>) -> Option<Self> {
        let (object, around) = palettes(look, &coverage);
        let area: f32 = coverage.cells().iter().sum();
        let memory = Memory { look: look.clone(), coverage };
        (area >= 1.0).then(|| Self {
            anchor: memory.clone(),
            last: memory,
            from_anchor: Affine::IDENTITY,
            step: Affine::IDENTITY,
            anchor_object: object.clone(),
            object,
            around,
            area,
            lost: 0,
        })
    }

    /// Finds the object in the next frame. `not` are places that are not the object's.
    pub(super) fn follow(&mut self, look: &Arc<Look>, not: &[(f32, f32)]) -> Seen {
        let found =
            if self.lost > 0 { self.found_again(look) } else { self.moved(look).filter(|(_, error)| *error < GONE) };
        let Some((motion, error)) = found else { return self.lose(look) };
        let coverage = self.coverage(look, &motion, not);
        let area: f32 = coverage.cells().iter().filter(|share| **share > 0.5).sum();
        if area < (LOST * self.area).max(LEAST) {
            return self.lose(look);
        }
        self.remember(look, &coverage, &motion);
        let sure: f32 = coverage.cells().iter().filter(|share| **share > 0.5).map(|share| 2.0 * share - 1.0).sum();
        Seen { score: sure / area * (-error / 40.0).exp(), coverage }
    }

    fn lose(&mut self, look: &Look) -> Seen {
        self.lost += 1;
        let (width, height) = look.size();
        Seen { coverage: Plane::filled(width, height, 0.0), score: 0.0 }
    }

    /// The motion since the last frame.
    fn moved(&self, look: &Look) -> Option<(Affine, f32)> {
        let samples = Samples::of(&self.last.look, &self.last.coverage)?;
        let reach = (0.5 * samples.radius() + 6.0).clamp(8.0, 28.0) as i32;
        let (middle_x, middle_y) = samples.middle();
        // The velocity goes on, the turn does not.
        let expected = self.step.apply((middle_x, middle_y));
        let guess = Affine::shifted(expected.0 - middle_x, expected.1 - middle_y);
        let (shift, error) = samples.search(look, &guess, reach);
        let (still, still_error) = samples.search(look, &Affine::IDENTITY, 4);
        let start = if still_error < error { still } else { shift };
        Some(samples.fitted(look, &start))
    }

    /// The position of a lost object, found by comparison with the first frame and with the last frame in which it was
    /// visible.
    fn found_again(&self, look: &Look) -> Option<(Affine, f32)> {
        let samples = Samples::of(&self.last.look, &self.last.coverage)?;
        let reach = (samples.radius() + 8.0 * self.lost as f32).clamp(16.0, 90.0) as i32;
        let (shift, _) = samples.search(look, &Affine::IDENTITY, reach);
        let (motion, error) = samples.fitted(look, &shift);
        (error < FOUND).then_some((motion, error))
    }

    fn coverage(&self, look: &Look, motion: &Affine, not: &[(f32, f32)]) -> Plane<f32> {
        let size = look.size();
        let mut coverage = Plane::filled(size.0, size.1, 0.0);
        let Some(window) = self.window(motion, size) else { return coverage };
        // 1. Votes of the last frame and of the first one.
        let last = self.last.votes(look, motion, &window);
        let anchor = self.since_first(look, motion).map(|motion| self.anchor.votes(look, &motion, &window));
        // 2. Colours.
        let odds: Vec<f32> = window
            .places()
            .enumerate()
            .map(|(index, (x, y))| {
                let colour = &look.colours.get(x, y);
                let mut odds = LAST * log_odds_of(last[index])
                    + COLOUR * log_odds(&self.object, &self.around, colour, COLOUR_BOUND);
                odds += match &anchor {
                    Some(anchor) => ANCHOR * log_odds_of(anchor[index]),
                    None => ANCHOR * log_odds_of(last[index]),
                };
                let place = (x as f32 + 0.5, y as f32 + 0.5);
                let is_excluded = not.iter().any(|&(x, y)| (x - place.0).hypot(y - place.1) < 3.0);
                if is_excluded { -20.0 } else { odds }
            })
            .collect();
        // 3. Agreement.
        let answer = relaxed(look, &window, &odds, STRENGTH);
        for ((x, y), answer) in window.places().zip(answer) {
            coverage.set(x, y, answer);
        }
        coverage
    }

    /// The motion since the first frame, if the object still looks as in that frame.
    fn since_first(&self, look: &Look, motion: &Affine) -> Option<Affine> {
        let samples = Samples::of(&self.anchor.look, &self.anchor.coverage)?;
        let (motion, error) = samples.fitted(look, &self.from_anchor.then(motion));
        (error < UNLIKE).then_some(motion)
    }

    /// The window in which the object can be.
    fn window(&self, motion: &Affine, (width, height): (usize, usize)) -> Option<Window> {
        let inside: Vec<bool> = self.last.coverage.cells().iter().map(|&share| share > 0.5).collect();
        let before = window_of(&inside, (width, height), 0)?;
        let corner = |x: usize, y: usize| motion.apply((x as f32, y as f32));
        let (columns, rows) = (&before.columns, &before.rows);
        let corners = [
            corner(columns.start, rows.start),
            corner(columns.end, rows.start),
            corner(columns.start, rows.end),
            corner(columns.end, rows.end),
        ];
        let margin = (0.15 * (columns.len() * rows.len()) as f32).sqrt().clamp(8.0, 32.0);
        let range = |low: f32, high: f32, length: usize| {
            let start = (low - margin).clamp(0.0, length as f32) as usize;
            let end = (high + margin).clamp(0.0, length as f32) as usize;
            (start < end).then_some(start..end)
        };
        let bounds = |values: [f32; 4]| {
            (
                values.iter().copied().fold(f32::INFINITY, f32::min),
                values.iter().copied().fold(f32::NEG_INFINITY, f32::max),
            )
        };
        let (left, right) = bounds(corners.map(|corner| corner.0));
        let (top, bottom) = bounds(corners.map(|corner| corner.1));
        Some(Window { columns: range(left, right, width)?, rows: range(top, bottom, height)? })
    }

    fn remember(&mut self, look: &Arc<Look>, coverage: &Plane<f32>, motion: &Affine) {
        let (object, around) = palettes(look, coverage);
        self.object = self.object.mixed(&object, FOLLOW).mixed(&self.anchor_object, FOLLOW / 2.0);
        self.around = self.around.mixed(&around, 3.0 * FOLLOW);
        self.from_anchor = self.from_anchor.then(motion);
        self.step = if self.lost == 0 { *motion } else { Affine::IDENTITY };
        self.lost = 0;
        self.last = Memory { look: look.clone(), coverage: coverage.clone() };
    }
}

/// The log odds of a vote.
fn log_odds_of(vote: f32) -> f32 {
    let vote = vote.clamp(VOTE_BOUND, 1.0 - VOTE_BOUND);
    (vote / (1.0 - vote)).ln()
}

/// The colours of an object and of what is around it.
fn palettes(look: &Look, coverage: &Plane<f32>) -> (Palette, Palette) {
    let (mut object, mut around) = (Palette::default(), Palette::default());
    let inside: Vec<bool> = coverage.cells().iter().map(|&share| share > 0.5).collect();
    let size = look.size();
    let area = inside.iter().filter(|inside| **inside).count() as f32;
    let margin = (0.6 * area.sqrt()).clamp(8.0, 40.0) as usize;
    if let Some(window) = window_of(&inside, size, margin) {
        for (x, y) in window.places() {
            let (colour, share) = (look.colours.get(x, y), coverage.get(x, y));
            object.add(&colour, share * share);
            around.add(&colour, (1.0 - share) * (1.0 - share));
        }
    }
    (object, around)
}
