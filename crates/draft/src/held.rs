//! Objects in use without a prompt: what moves with a hand and is not the person.
//!
//! Around each hand the clean plate shows what is behind. A pixel there that differs from it and does not belong to the
//! person belongs to something that the hand holds, throws or has just let go: a ball, a racket, a tray. Where such a thing
//! reaches into the removed region its own colours tell how far. A scrap of the person itself, such as the fringe of a sleeve,
//! lies along the person's edge; a thing reaches away from it.

use media::picture::{Mask, Picture};
use perception::pose::{Joint, Pose};

use crate::plate::PlateFrame;
use crate::point::Point;
use crate::trunk::TrunkFrame;

/// How far from a wrist things are looked for, in lengths of the trunk.
const REACH: f32 = 0.75;
/// Difference of a channel from which a pixel is not the plate's.
const DIFFERENT: u8 = 34;
/// Coverage from which a pixel is the person's.
const PERSON: u8 = 100;
/// Pixels along the person's edge that do not count.
const EDGE: i32 = 2;
/// Least area of a thing that reaches out of the removed region, in squared lengths of the trunk.
const LEAST: f32 = 0.006;
/// Colour difference up to which a pixel inside the removed region continues the thing.
const ALIKE: f32 = 38.0;

/// Where things may be: circles around the hands.
#[derive(Debug, Clone)]
pub struct Hands {
    circles: Vec<(Point, f32)>,
    length: f32,
}

impl Hands {
    /// The hands of a pose; none when no wrist is seen.
    pub fn of(pose: &Pose) -> Option<Self> {
        let length = TrunkFrame::of(pose)?.length;
        let seen = |elbow: Joint, wrist: Joint| {
            let (elbow, wrist) = (pose.joint(elbow), pose.joint(wrist));
            // The hand is a little beyond the wrist.
            wrist.is_drawn().then(|| (Point::from(elbow).lerp(wrist.into(), 1.3), REACH * length))
        };
        let hands = [(Joint::RightElbow, Joint::RightWrist), (Joint::LeftElbow, Joint::LeftWrist)];
        let circles: Vec<(Point, f32)> = hands.into_iter().filter_map(|(elbow, wrist)| seen(elbow, wrist)).collect();
        (!circles.is_empty()).then_some(Self { circles, length })
    }

    /// The removed region with the surroundings of the hands, for which a plate is to be made.
    pub fn widened(&self, hole: &Mask) -> Mask {
        Mask::from_fn(hole.width(), hole.height(), |x, y| if self.holds(x, y) { 255 } else { hole.get(x, y) })
    }

    fn holds(&self, x: usize, y: usize) -> bool {
        let place = Point::new(x as f32 + 0.5, y as f32 + 0.5);
        self.circles.iter().any(|&(middle, reach)| (place - middle).length() < reach)
    }

    /// The things at the hands, from a plate of the [`widened`](Self::widened) region. None when there are none.
    pub fn things(&self, source: &Picture, plate: &PlateFrame, person: &Mask, hole: &Mask) -> Option<Mask> {
        let (width, height) = source.size();
        let near_person = grown(person, EDGE);
        let differs = |index: usize| {
            let pairs = source.cells()[index].into_iter().zip(plate.picture.cells()[index]);
            plate.seen.cells()[index] > 0 && pairs.map(|(a, b)| a.abs_diff(b)).max() >= Some(DIFFERENT)
        };
        let candidate: Vec<bool> = (0..width * height)
            .map(|index| self.holds(index % width, index / width) && near_person.cells()[index] == 0 && differs(index))
            .collect();
        let mut things = Mask::filled(width, height, 0);
        let mut visited = vec![false; width * height];
        for start in 0..width * height {
            if visited[start] || !candidate[start] {
                continue;
            }
            let part = connected(start, (width, height), &mut visited, |index| candidate[index]);
            let outside = part.iter().filter(|&&index| hole.cells()[index] == 0).count() as f32;
            // Most of it must lie beyond the margin of the removed region, or it is the person's own fringe.
            if outside < LEAST * self.length * self.length || outside < 0.35 * part.len() as f32 {
                continue;
            }
            self.take(&part, source, person, &mut things);
        }
        things.cells().contains(&255).then_some(things)
    }

    /// Marks a thing and what continues it, in its own colours, under the person's mask.
    fn take(&self, part: &[usize], source: &Picture, person: &Mask, things: &mut Mask) {
        let (width, height) = source.size();
        let mut mean = [0.0f32; 3];
        for &index in part {
            things.cells_mut()[index] = 255;
            mean.iter_mut().zip(source.cells()[index]).for_each(|(sum, value)| *sum += f32::from(value));
        }
        let mean = mean.map(|sum| sum / part.len() as f32);
        let alike = |index: usize| {
            let steps =
                source.cells()[index].into_iter().zip(mean).map(|(value, mean)| (f32::from(value) - mean).powi(2));
            steps.sum::<f32>().sqrt() < ALIKE
        };
        let mut visited = vec![false; width * height];
        part.iter().for_each(|&index| visited[index] = true);
        // Not farther than the thing itself is large: a hand of the same colour must not lead up the arm.
        let most = (part.len() as f32).sqrt() * 1.2;
        let middle = part.iter().fold(Point::default(), |sum, &index| {
            sum + Point::new((index % width) as f32, (index / width) as f32) * (1.0 / part.len() as f32)
        });
        let mut open: Vec<usize> = part.to_vec();
        while let Some(index) = open.pop() {
            for near in neighbours(index, (width, height)) {
                let place = Point::new((near % width) as f32, (near / width) as f32);
                let is_close = person.cells()[near] < PERSON || (place - middle).length() < most;
                if !visited[near] && self.holds(near % width, near / width) && alike(near) && is_close {
                    visited[near] = true;
                    things.cells_mut()[near] = 255;
                    open.push(near);
                }
            }
        }
    }
}

fn neighbours(index: usize, (width, height): (usize, usize)) -> impl Iterator<Item = usize> {
    let (x, y) = (index % width, index / width);
    let beside = [(x > 0, index.wrapping_sub(1)), (x + 1 < width, index + 1)];
    let above = [(y > 0, index.wrapping_sub(width)), (y + 1 < height, index + width)];
    beside.into_iter().chain(above).filter(|(exists, _)| *exists).map(|(_, near)| near)
}

fn connected(start: usize, size: (usize, usize), visited: &mut [bool], belongs: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut part = vec![start];
    visited[start] = true;
    let mut at = 0;
    while at < part.len() {
        for near in neighbours(part[at], size) {
            if !visited[near] && belongs(near) {
                visited[near] = true;
                part.push(near);
            }
        }
        at += 1;
    }
    part
}

/// 255 within `reach` pixels of the person, by rows and columns.
fn grown(person: &Mask, reach: i32) -> Mask {
    let spread = |from: &Mask, dx: i32, dy: i32| {
        Mask::from_fn(from.width(), from.height(), |x, y| {
            let near = |step: i32| {
                let (x, y) = (x as i32 + dx * step, y as i32 + dy * step);
                let inside = x >= 0 && y >= 0 && (x as usize) < from.width() && (y as usize) < from.height();
                inside && from.get(x as usize, y as usize) >= PERSON
            };
            if (-reach..=reach).any(near) { 255 } else { 0 }
        })
    };
    spread(&spread(person, 1, 0), 0, 1)
}

#[cfg(test)]
mod tests {
    use perception::pose::Keypoint;

    use super::*;

    /// A person on a grey wall with one hand at (100, 60).
    fn scene(ball: Option<(f32, f32)>) -> (Picture, PlateFrame, Mask, Pose) {
        let mut pose = Pose::default();
        for (joint, x, y) in [
            (Joint::RightShoulder, 70.0, 40.0),
            (Joint::LeftShoulder, 50.0, 40.0),
            (Joint::RightHip, 66.0, 90.0),
            (Joint::LeftHip, 54.0, 90.0),
            (Joint::RightElbow, 85.0, 50.0),
            (Joint::RightWrist, 97.0, 58.0),
        ] {
            pose.body[joint as usize] = Keypoint { x, y, z: 0.0, confidence: 1.0 };
        }
        let person = Mask::from_fn(160, 120, |x, y| {
            let arm = (60..104).contains(&x) && (46..64).contains(&y);
            if arm || ((45..75).contains(&x) && (20..110).contains(&y)) { 255 } else { 0 }
        });
        let in_ball = |x: usize, y: usize| ball.is_some_and(|(a, b)| (x as f32 - a).hypot(y as f32 - b) < 10.0);
        let source = Picture::from_fn(160, 120, |x, y| match (in_ball(x, y), person.get(x, y)) {
            (true, _) => [230, 120, 40],
            (_, 255) => [40, 40, 160],
            _ => [128; 3],
        });
        let plate = PlateFrame { picture: Picture::filled(160, 120, [128; 3]), seen: Mask::filled(160, 120, 255) };
        (source, plate, person, pose)
    }

    #[test]
    fn a_ball_at_the_hand_is_found_whole_and_an_empty_hand_holds_nothing() {
        let (source, plate, person, pose) = scene(Some((110.0, 62.0)));
        let (hands, hole) = (Hands::of(&pose).unwrap(), crate::hole::hole(&person, &[]));
        let things = hands.things(&source, &plate, &person, &hole).unwrap();
        // Outside of the person's mask, and under it where the ball covers the hand.
        assert!(things.get(114, 62) == 255 && things.get(102, 60) == 255);
        assert!(things.get(80, 55) == 0 && things.get(140, 62) == 0);
        let (source, plate, person, pose) = scene(None);
        assert!(Hands::of(&pose).unwrap().things(&source, &plate, &person, &hole).is_none());
    }

    #[test]
    fn a_place_that_no_frame_showed_tells_nothing() {
        let (source, mut plate, person, pose) = scene(Some((110.0, 62.0)));
        plate.seen = Mask::filled(160, 120, 0);
        let hole = crate::hole::hole(&person, &[]);
        assert!(Hands::of(&pose).unwrap().things(&source, &plate, &person, &hole).is_none());
    }
}
