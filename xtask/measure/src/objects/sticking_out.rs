//! Implements the former method. The method finds regions near a hand that differ from the plate and extend beyond the
//! person's mask, then adds neighbouring pixels of the same colour.

use draft::plate::PlateFrame;
use media::picture::{Mask, Picture};
use perception::pose::{Joint, Pose};

use crate::objects::clips::Seen;

pub(crate) fn objects(seen: &Seen<'_>, index: usize) -> Option<Mask> {
    let hands = Hands::of(seen.poses[index].as_ref()?);
    hands.things(&seen.frames[index], &seen.plates[index], &seen.persons[index], &seen.holes[index])
}

type Place = (f32, f32);

/// Search radius around a wrist, in lengths of the trunk.
const REACH: f32 = 0.75;
/// From this channel difference on, a pixel differs from the plate.
const DIFFERENT: u8 = 34;
/// From this coverage on, a pixel belongs to the person.
const PERSON: u8 = 100;
/// Width of the person's edge that is ignored, in pixels.
const EDGE: i32 = 2;
/// Smallest area of an object outside the removed region, in squared lengths of the trunk.
const LEAST: f32 = 0.006;
/// Up to this colour difference, a pixel inside the removed region continues the object.
const ALIKE: f32 = 38.0;

/// Where objects may be: circles around the hands.
struct Hands {
    circles: Vec<(Place, f32)>,
    length: f32,
}

impl Hands {
    fn of(pose: &Pose) -> Self {
        let place = |joint: Joint| (pose.joint(joint).x, pose.joint(joint).y);
        let middle = |a: Place, b: Place| ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
        let shoulders = middle(place(Joint::RightShoulder), place(Joint::LeftShoulder));
        let hips = middle(place(Joint::RightHip), place(Joint::LeftHip));
        let length = (shoulders.0 - hips.0).hypot(shoulders.1 - hips.1);
        let hands = [(Joint::RightElbow, Joint::RightWrist), (Joint::LeftElbow, Joint::LeftWrist)];
        let circles = hands.map(|(elbow, wrist)| {
            let (elbow, wrist) = (place(elbow), place(wrist));
            ((wrist.0 + 0.3 * (wrist.0 - elbow.0), wrist.1 + 0.3 * (wrist.1 - elbow.1)), REACH * length)
        });
        Self { circles: circles.to_vec(), length }
    }

    fn holds(&self, x: usize, y: usize) -> bool {
        let near = |middle: Place| (x as f32 + 0.5 - middle.0).hypot(y as f32 + 0.5 - middle.1);
        self.circles.iter().any(|&(middle, reach)| near(middle) < reach)
    }

    /// The objects at the hands, from a plate of the widened region. None when there are none.
    fn things(&self, source: &Picture, plate: &PlateFrame, person: &Mask, hole: &Mask) -> Option<Mask> {
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
            // Most of it must lie beyond the margin of the removed region. Otherwise it is the person's own fringe.
            if outside < LEAST * self.length * self.length || outside < 0.35 * part.len() as f32 {
                continue;
            }
            self.take(&part, source, person, &mut things);
        }
        things.cells().contains(&255).then_some(things)
    }

    /// Marks an object, and the pixels below the person's mask that continue it in its colours.
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
        // At most as far as the object's own size. Otherwise a hand of the same colour would lead up the arm.
        let most = (part.len() as f32).sqrt() * 1.2;
        let share = 1.0 / part.len() as f32;
        let middle = part.iter().fold((0.0, 0.0), |sum: Place, &index| {
            (sum.0 + share * (index % width) as f32, sum.1 + share * (index / width) as f32)
        });
        let mut open: Vec<usize> = part.to_vec();
        while let Some(index) = open.pop() {
            for near in neighbours(index, (width, height)) {
                let distance = ((near % width) as f32 - middle.0).hypot((near / width) as f32 - middle.1);
                let is_close = person.cells()[near] < PERSON || distance < most;
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
